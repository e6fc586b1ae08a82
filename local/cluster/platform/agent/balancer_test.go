package main

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

func service(name string, age time.Duration, protocol corev1.Protocol, ports ...int32) *corev1.Service {
	s := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: "n", Name: name, CreationTimestamp: metav1.NewTime(time.Unix(1e9, 0).Add(-age))},
		Spec:       corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer},
	}
	for _, p := range ports {
		s.Spec.Ports = append(s.Spec.Ports, corev1.ServicePort{Port: p, Protocol: protocol})
	}
	return s
}

func TestConflicts(t *testing.T) {
	class, gone := "other", metav1.Now()
	foreign, leaving := service("foreign", 9, corev1.ProtocolTCP, 80), service("leaving", 9, corev1.ProtocolTCP, 80)
	foreign.Spec.LoadBalancerClass, leaving.DeletionTimestamp = &class, &gone
	internal := service("internal", 9, corev1.ProtocolTCP, 80)
	internal.Spec.Type = corev1.ServiceTypeClusterIP
	found := conflicts([]*corev1.Service{
		service("young", 0, corev1.ProtocolTCP, 443, 80), service("old", time.Hour, corev1.ProtocolTCP, 80),
		service("datagrams", 0, corev1.ProtocolUDP, 80), service("other-port", 0, corev1.ProtocolTCP, 443),
		service("greedy", time.Hour, corev1.ProtocolTCP, 6443), foreign, leaving, internal,
	})
	want := map[string]string{
		"old": "", "datagrams": "", "other-port": "", "young": "belongs to service n/old", "greedy": "belongs to the API server",
	}
	for name, reason := range want {
		got, ok := found[types.NamespacedName{Namespace: "n", Name: name}]
		if !ok || (reason == "") != (got == "") || !strings.Contains(got, reason) {
			t.Errorf("%s: got %q, want %q", name, got, reason)
		}
	}
	if len(found) != len(want) {
		t.Errorf("got %v: services that do not ask for an address must be left out", found)
	}
}
