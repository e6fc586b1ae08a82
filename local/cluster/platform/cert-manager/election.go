package main

import (
	"time"

	"github.com/spf13/pflag"
)

// election holds the leader election flags, with upstream's defaults.
type election struct {
	namespace           string
	lease, renew, retry time.Duration
}

func (e *election) addFlags(fs *pflag.FlagSet) {
	fs.StringVar(&e.namespace, "leader-election-namespace", "kube-system", "namespace of the lease")
	fs.DurationVar(&e.lease, "leader-election-lease-duration", time.Minute, "how long a lease lasts")
	fs.DurationVar(&e.renew, "leader-election-renew-deadline", 40*time.Second, "how long to try to renew it")
	fs.DurationVar(&e.retry, "leader-election-retry-period", 15*time.Second, "wait between tries")
}
