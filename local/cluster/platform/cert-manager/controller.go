package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"

	"github.com/cert-manager/cert-manager/pkg/controller"
)

const workers = 5

func runController(parent context.Context, args []string) error {
	o, err := parseSettings(args)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(parent)
	factory, err := controller.NewContextFactory(ctx, o.ContextOptions)
	if err != nil {
		return err
	}
	c, err := factory.Build()
	if err != nil {
		return err
	}
	c.Metrics.SetupACMECollector(c.SharedInformerFactory.Acme().V1().Challenges().Lister())
	c.Metrics.SetupCertificateCollector(c.SharedInformerFactory.Certmanager().V1().Certificates().Lister())
	watchdog := leaderelection.NewLeaderHealthzAdaptor(20 * time.Second)
	if err := errors.Join(
		serve(ctx, group, o.metrics, func(l net.Listener) *http.Server { return c.Metrics.NewServer(l) }),
		serve(ctx, group, o.health, func(net.Listener) *http.Server { return health(watchdog) }),
	); err != nil {
		return err
	}
	group.Go(func() error { return lead(ctx, o, factory, c, watchdog) })
	return group.Wait()
}

// serve answers HTTP on an address until the context ends.
func serve(ctx context.Context, group *errgroup.Group, address string, make func(net.Listener) *http.Server) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	server := make(listener)
	group.Go(func() error {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	group.Go(func() error {
		<-ctx.Done()
		limited, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		return server.Shutdown(limited)
	})
	return nil
}

func health(watchdog *leaderelection.HealthzAdaptor) *http.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("/livez", func(w http.ResponseWriter, r *http.Request) {
		if err := watchdog.Check(r); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
	return &http.Server{Handler: mux, ReadHeaderTimeout: 30 * time.Second}
}

// lead runs the controllers while this process holds the lease. A container that is started again in its pod takes the
// lease at once, for its identity is the pod's name.
func lead(ctx context.Context, o *settings, f *controller.ContextFactory, c *controller.Context, w *leaderelection.HealthzAdaptor) error {
	host, err := os.Hostname()
	if err != nil {
		return err
	}
	lock, err := resourcelock.New(resourcelock.LeasesResourceLock, o.election.namespace, "cert-manager-controller",
		c.Client.CoreV1(), c.Client.CoordinationV1(),
		resourcelock.ResourceLockConfig{Identity: host + "-external-cert-manager-controller", EventRecorder: c.Recorder})
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
		Lock: lock, LeaseDuration: o.election.lease, RenewDeadline: o.election.renew, RetryPeriod: o.election.retry,
		ReleaseOnCancel: true, WatchDog: w,
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: func(leading context.Context) { ended <- runControllers(leading, f, c) },
			OnStoppedLeading: func() {},
		},
	})
	if err != nil {
		return err
	}
	electing, cancel := context.WithCancel(ctx)
	defer cancel()
	released := make(chan struct{})
	go func() {
		defer close(released)
		elector.Run(electing)
	}()
	select {
	case err = <-ended:
		cancel()
		<-released
	case <-released:
	}
	if err == nil && ctx.Err() == nil {
		err = errors.New("leader election lost")
	}
	return err
}

// runControllers runs every controller that this program was built with.
func runControllers(ctx context.Context, f *controller.ContextFactory, c *controller.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for name, construct := range controller.Known() {
		instance, err := construct(f)
		if err != nil {
			return fmt.Errorf("controller %s: %w", name, err)
		}
		group.Go(func() error { return instance.Run(workers, ctx) })
	}
	c.SharedInformerFactory.Start(ctx.Done())
	c.KubeSharedInformerFactory.Start(ctx.Done())
	c.HTTP01ResourceMetadataInformersFactory.Start(ctx.Done())
	return group.Wait()
}
