package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"

	corelisters "k8s.io/client-go/listers/core/v1"
	netlisters "k8s.io/client-go/listers/networking/v1"

	"journal.test/platform/policy"
	"journal.test/platform/registry"
)

const (
	table    = "journal_policy"
	debounce = 20 * time.Millisecond
	patience = 10 * time.Second
)

// enforcer keeps the policies' nftables table as pods, namespaces and policies change, and answers the CNI plugin when
// the rules for a new pod are in force.
//
// Enforcers that take a pod's address from the API server, such as kube-router's firewall, cannot do that: kubelet
// reports the address after the containers have started, and until then the pod's packets pass unfiltered.
type enforcer struct {
	dir, podCIDR string
	wake         chan struct{}
	synced       []cache.InformerSynced
	pods         corelisters.PodLister
	namespaces   corelisters.NamespaceLister
	policies     netlisters.NetworkPolicyLister

	mutex sync.Mutex
	last  string
}

func newEnforcer(f informers.SharedInformerFactory, dir, podCIDR string) (*enforcer, error) {
	pods, namespaces, policies := f.Core().V1().Pods(), f.Core().V1().Namespaces(), f.Networking().V1().NetworkPolicies()
	wake, err := wakes(pods.Informer(), namespaces.Informer(), policies.Informer())
	return &enforcer{
		dir: dir, podCIDR: podCIDR, wake: wake,
		synced: []cache.InformerSynced{pods.Informer().HasSynced, namespaces.Informer().HasSynced, policies.Informer().HasSynced},
		pods:   pods.Lister(), namespaces: namespaces.Lister(), policies: policies.Lister(),
	}, err
}

func (e *enforcer) run(ctx context.Context) error {
	if !cache.WaitForCacheSync(ctx.Done(), e.synced...) {
		return nil
	}
	if err := e.apply(ctx); err != nil {
		return err
	}
	if err := e.serve(ctx); err != nil {
		return err
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-e.wake:
		}
		time.Sleep(debounce)
		if err := e.apply(ctx); err != nil {
			return err // the supervisor starts it again; the rules in force stay
		}
	}
}

// apply brings the kernel's table in line with what the informers and the registry know.
func (e *enforcer) apply(ctx context.Context) error {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	world, err := e.world()
	if err != nil {
		return err
	}
	text := policy.Ruleset(table, world)
	if text == e.last {
		return nil
	}
	nft := exec.CommandContext(ctx, "nft", "-f", "-")
	nft.Stdin = strings.NewReader(text)
	if out, err := nft.CombinedOutput(); err != nil {
		return fmt.Errorf("nft: %w: %s", err, bytes.TrimSpace(out))
	}
	e.last = text
	klog.InfoS("applied", "policies", len(world.Policies), "pods", len(world.Endpoints))
	return nil
}

func (e *enforcer) world() (policy.World, error) {
	w := policy.World{PodCIDR: e.podCIDR, Namespaces: map[string]labels.Set{}}
	sandboxes, err := registry.List(e.dir)
	if err != nil {
		return w, err
	}
	for _, s := range sandboxes {
		// One that the API server no longer has is on its way out: its address is unknown, so it is cut off.
		if pod, err := e.pods.Pods(s.Namespace).Get(s.Name); err == nil && string(pod.UID) == s.UID {
			w.Endpoints = append(w.Endpoints, policy.Endpoint{IP: s.IP, Pod: pod})
		}
	}
	spaces, err := e.namespaces.List(labels.Everything())
	if err != nil {
		return w, err
	}
	for _, n := range spaces {
		w.Namespaces[n.Name] = n.Labels
	}
	w.Policies, err = e.policies.List(labels.Everything())
	return w, err
}

// serve answers the CNI plugin: a line with a sandbox's id, or an empty one after a removal.
func (e *enforcer) serve(ctx context.Context) error {
	path := registry.Socket(e.dir)
	if err := os.RemoveAll(path); err != nil {
		return err
	}
	listener, err := net.Listen("unix", path)
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go e.answer(ctx, conn)
		}
	}()
	return nil
}

func (e *enforcer) answer(ctx context.Context, conn net.Conn) {
	defer conn.Close()
	answer := "ok"
	id, err := bufio.NewReader(conn).ReadString('\n')
	if err == nil {
		if id = strings.TrimSpace(id); id != "" {
			err = e.awaitPod(ctx, id)
		}
	}
	if err == nil {
		err = e.apply(ctx)
	}
	if err != nil {
		answer = err.Error()
	}
	_, _ = conn.Write([]byte(answer))
}

// awaitPod waits until the informer has the sandbox's pod: kubelet may have seen it first.
func (e *enforcer) awaitPod(ctx context.Context, id string) error {
	s, err := registry.Get(e.dir, id)
	if err != nil {
		return err
	}
	for deadline := time.Now().Add(patience); time.Now().Before(deadline) && ctx.Err() == nil; time.Sleep(debounce) {
		if pod, err := e.pods.Pods(s.Namespace).Get(s.Name); err == nil && string(pod.UID) == s.UID {
			return nil
		}
	}
	return fmt.Errorf("the API server knows no pod %s/%s with uid %s", s.Namespace, s.Name, s.UID)
}
