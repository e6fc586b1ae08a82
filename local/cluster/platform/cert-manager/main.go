// Command cert-manager runs cert-manager's controller, webhook or cainjector, as its first argument says. Upstream's own
// commands are modules that the Go module proxy does not serve; these start the same packages, with the flags that
// the Helm chart passes. One program instead of three, so that three images share one layer. Without Vault and Venafi.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/pflag"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"

	logsapi "k8s.io/component-base/logs/api/v1"

	logf "github.com/cert-manager/cert-manager/pkg/logs"
)

func main() {
	commands := map[string]func(context.Context, []string) error{
		"controller": runController, "webhook": runWebhook, "cainjector": runCAInjector,
	}
	if len(os.Args) < 2 || commands[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: cert-manager controller|webhook|cainjector [flags]")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	ctrl.SetLogger(klog.Background())
	if err := commands[os.Args[1]](ctx, os.Args[2:]); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", os.Args[1], err)
		os.Exit(1)
	}
}

// parse reads the flags, those of logging among them, and sets logging up.
func parse(fs *pflag.FlagSet, args []string) error {
	logging := logsapi.NewLoggingConfiguration()
	logf.AddFlags(logging, fs)
	if err := fs.Parse(args); err != nil {
		return err
	}
	return logf.ValidateAndApply(logging)
}
