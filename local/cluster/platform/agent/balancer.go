package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/record"
	"k8s.io/klog/v2"
)

// taken are the node's own ports: of the API server and of kubelet.
var taken = map[string]string{"TCP 6443": "the API server", "TCP 10250": "kubelet"}

// conflicts tells for each load balancer service why it can't have the node's address, "" where it can: of two services
// with a port in common the older one has it.
func conflicts(services []*corev1.Service) map[types.NamespacedName]string {
	var wanting []*corev1.Service
	for _, s := range services {
		if s.Spec.Type == corev1.ServiceTypeLoadBalancer && s.Spec.LoadBalancerClass == nil && s.DeletionTimestamp == nil {
			wanting = append(wanting, s)
		}
	}
	slices.SortFunc(wanting, func(a, b *corev1.Service) int {
		return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time),
			strings.Compare(a.Namespace+"/"+a.Name, b.Namespace+"/"+b.Name))
	})
	owners, found := map[string]string{}, map[types.NamespacedName]string{}
	for port, owner := range taken {
		owners[port] = owner
	}
	for _, s := range wanting {
		name, reason := types.NamespacedName{Namespace: s.Namespace, Name: s.Name}, ""
		for _, p := range s.Spec.Ports {
			port := fmt.Sprintf("%s %d", p.Protocol, p.Port)
			if owner, ok := owners[port]; ok {
				reason = fmt.Sprintf("port %s of the node belongs to %s", port, owner)
			}
		}
		found[name] = reason
		if reason != "" {
			continue
		}
		for _, p := range s.Spec.Ports {
			owners[fmt.Sprintf("%s %d", p.Protocol, p.Port)] = "service " + name.String()
		}
	}
	return found
}

// balancer gives load balancer services the node's address; kube-proxy does the rest.
type balancer struct {
	client   kubernetes.Interface
	events   record.EventRecorder
	address  string
	wake     chan struct{}
	synced   cache.InformerSynced
	services corelisters.ServiceLister
	told     map[types.NamespacedName]string
}

func newBalancer(f informers.SharedInformerFactory, c kubernetes.Interface, r record.EventRecorder, ip string) (*balancer, error) {
	services := f.Core().V1().Services()
	wake, err := wakes(services.Informer())
	return &balancer{
		client: c, events: r, address: ip, wake: wake, synced: services.Informer().HasSynced, services: services.Lister(),
		told: map[types.NamespacedName]string{},
	}, err
}

func (b *balancer) run(ctx context.Context) {
	if !cache.WaitForCacheSync(ctx.Done(), b.synced) {
		return
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-b.wake:
		}
		if err := b.assign(ctx); err != nil {
			klog.ErrorS(err, "load balancer addresses")
			time.Sleep(time.Second)
			select {
			case b.wake <- struct{}{}:
			default:
			}
		}
	}
}

func (b *balancer) assign(ctx context.Context) error {
	all, err := b.services.List(labels.Everything())
	if err != nil {
		return err
	}
	reasons := conflicts(all)
	for _, s := range all {
		name := types.NamespacedName{Namespace: s.Namespace, Name: s.Name}
		reason, wanting := reasons[name]
		if !wanting {
			continue
		}
		if reason != "" && b.told[name] != reason {
			b.events.Event(s, corev1.EventTypeWarning, "PortTaken", reason)
		}
		b.told[name] = reason
		var want []corev1.LoadBalancerIngress
		if reason == "" {
			want = []corev1.LoadBalancerIngress{{IP: b.address}}
		}
		if has := s.Status.LoadBalancer.Ingress; len(has) == len(want) && (len(has) == 0 || has[0].IP == b.address) {
			continue
		}
		s = s.DeepCopy()
		s.Status.LoadBalancer.Ingress = want
		if _, err := b.client.CoreV1().Services(s.Namespace).UpdateStatus(ctx, s, metav1.UpdateOptions{}); err != nil {
			return err
		}
		klog.InfoS("load balancer", "service", name, "address", want)
	}
	return nil
}
