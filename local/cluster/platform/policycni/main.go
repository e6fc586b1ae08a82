// Command policycni is the last CNI plugin in the node's chain: it tells the node agent which address a new pod has,
// and lets the pod start only when the agent has its network policies in force. Without the agent no pod starts.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/containernetworking/cni/pkg/skel"
	"github.com/containernetworking/cni/pkg/types"
	current "github.com/containernetworking/cni/pkg/types/100"
	"github.com/containernetworking/cni/pkg/version"

	"journal.test/platform/registry"
)

const (
	patience = 15 * time.Second
	pause    = 20 * time.Millisecond
)

type config struct {
	types.NetConf
	Registry string `json:"registry"`
}

type podArgs struct {
	types.CommonArgs
	K8S_POD_NAMESPACE, K8S_POD_NAME, K8S_POD_UID types.UnmarshallableString
}

func main() {
	funcs := skel.CNIFuncs{Add: add, Del: del, Check: func(*skel.CmdArgs) error { return nil }}
	skel.PluginMainFuncs(funcs, version.PluginSupports("1.0.0"), "policycni")
}

func load(args *skel.CmdArgs) (*config, error) {
	c := &config{}
	if err := json.Unmarshal(args.StdinData, c); err != nil {
		return nil, err
	}
	return c, version.ParsePrevResult(&c.NetConf)
}

func add(args *skel.CmdArgs) error {
	c, err := load(args)
	if err != nil {
		return err
	}
	var pod podArgs
	if err := types.LoadArgs(args.Args, &pod); err != nil {
		return err
	}
	result, err := current.GetResult(c.PrevResult)
	if err != nil {
		return err
	}
	if len(result.IPs) != 1 {
		return fmt.Errorf("want one address from the plugins before, got %d", len(result.IPs))
	}
	sandbox := registry.Sandbox{
		Namespace: string(pod.K8S_POD_NAMESPACE), Name: string(pod.K8S_POD_NAME), UID: string(pod.K8S_POD_UID),
		IP: result.IPs[0].Address.IP.String(),
	}
	if err := registry.Add(c.Registry, args.ContainerID, sandbox); err != nil {
		return err
	}
	if err := ask(c.Registry, args.ContainerID); err != nil {
		return errors.Join(fmt.Errorf("node agent: %w", err), registry.Remove(c.Registry, args.ContainerID))
	}
	return types.PrintResult(result, c.CNIVersion)
}

func del(args *skel.CmdArgs) error {
	c, err := load(args)
	if err != nil {
		return err
	}
	if err := registry.Remove(c.Registry, args.ContainerID); err != nil {
		return err
	}
	if conn, err := net.Dial("unix", registry.Socket(c.Registry)); err == nil { // else the agent looks when it is back
		defer conn.Close()
		_, _ = fmt.Fprintln(conn)
	}
	return nil
}

// ask has the agent apply the policies, and waits for it; an agent that is just starting gets time to.
func ask(dir, id string) error {
	deadline := time.Now().Add(patience)
	conn, err := net.Dial("unix", registry.Socket(dir))
	for ; err != nil && time.Now().Before(deadline); conn, err = net.Dial("unix", registry.Socket(dir)) {
		time.Sleep(pause)
	}
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(deadline); err != nil {
		return err
	}
	if _, err := fmt.Fprintln(conn, id); err != nil {
		return err
	}
	answer, err := io.ReadAll(conn)
	if err != nil {
		return err
	}
	if string(answer) != "ok" {
		return fmt.Errorf("answered %q", answer)
	}
	return nil
}
