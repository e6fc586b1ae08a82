// Command agent does on this one node what a cloud's controllers do: it enforces network policies, gives services of
// type LoadBalancer an address, makes volumes, and lets them grow.
package main

import (
	"context"
	"flag"
	"os"
	"os/signal"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/record"
	"k8s.io/klog/v2"
)

type options struct {
	kubeconfig, node, address, podCIDR, registry string
	volumes                                      volumes
}

func main() {
	var o options
	flag.StringVar(&o.kubeconfig, "kubeconfig", "", "path of a kubeconfig")
	flag.StringVar(&o.node, "node", "", "name of this node")
	flag.StringVar(&o.address, "address", "", "address that load balancer services get")
	flag.StringVar(&o.podCIDR, "pod-cidr", "", "addresses of the pods")
	flag.StringVar(&o.registry, "registry", "", "folder in which the CNI plugin records pods")
	flag.StringVar(&o.volumes.root, "volumes", "", "folder that holds the volumes")
	flag.BoolVar(&o.volumes.limit, "limit-volumes", false, "whether volumes have a size")
	flag.Parse()
	o.volumes.node = o.node
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := run(ctx, o); err != nil {
		klog.ErrorS(err, "the node agent ends")
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	config, err := clientcmd.BuildConfigFromFlags("", o.kubeconfig)
	if err != nil {
		return err
	}
	config.QPS, config.Burst = 50, 100
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	factory := informers.NewSharedInformerFactory(client, 10*time.Minute)
	enforcer, err := newEnforcer(factory, o.registry, o.podCIDR)
	if err != nil {
		return err
	}
	balancer, err := newBalancer(factory, client, recorder(ctx, client), o.address)
	if err != nil {
		return err
	}
	resizer, err := newResizer(factory, client, o.volumes)
	if err != nil {
		return err
	}
	factory.Start(ctx.Done())
	go o.volumes.run(ctx, client)
	go balancer.run(ctx)
	go resizer.run(ctx)
	return enforcer.run(ctx)
}

func recorder(ctx context.Context, client kubernetes.Interface) record.EventRecorder {
	broadcaster := record.NewBroadcaster(record.WithContext(ctx))
	broadcaster.StartRecordingToSink(&typedcorev1.EventSinkImpl{Interface: client.CoreV1().Events("")})
	return broadcaster.NewRecorder(scheme.Scheme, corev1.EventSource{Component: "node-agent"})
}

// wakes returns a channel that holds a value after any of the informers' objects changed.
func wakes(from ...cache.SharedIndexInformer) (chan struct{}, error) {
	wake := make(chan struct{}, 1)
	poke := func(any) {
		select {
		case wake <- struct{}{}:
		default:
		}
	}
	handler := cache.ResourceEventHandlerFuncs{AddFunc: poke, UpdateFunc: func(_, o any) { poke(o) }, DeleteFunc: poke}
	for _, informer := range from {
		if _, err := informer.AddEventHandler(handler); err != nil {
			return nil, err
		}
	}
	return wake, nil
}
