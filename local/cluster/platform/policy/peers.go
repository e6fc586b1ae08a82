package policy

import (
	"fmt"
	"net/netip"
	"strings"

	corev1 "k8s.io/api/core/v1"
	netv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// addresses renders the matches for a rule's peers; no peers at all match every address.
func (w World) addresses(field, namespace string, peers []netv1.NetworkPolicyPeer) []string {
	if len(peers) == 0 {
		return []string{""}
	}
	var found []string
	for _, peer := range peers {
		if peer.IPBlock != nil {
			if match := block(field, peer.IPBlock); match != "" {
				found = append(found, match)
			}
			continue
		}
		var ips []string
		for _, e := range w.Endpoints {
			if w.selected(namespace, peer, e) {
				ips = append(ips, e.IP)
			}
		}
		if len(ips) > 0 {
			found = append(found, fmt.Sprintf("ip %s { %s }", field, strings.Join(ips, ", ")))
		}
	}
	return found
}

// peers lists the pods that a rule's peers select; addresses outside the cluster have no named ports.
func (w World) peers(namespace string, peers []netv1.NetworkPolicyPeer) []Endpoint {
	if len(peers) == 0 {
		return w.Endpoints
	}
	var found []Endpoint
	for _, e := range w.Endpoints {
		for _, peer := range peers {
			if peer.IPBlock == nil && w.selected(namespace, peer, e) {
				found = append(found, e)
				break
			}
		}
	}
	return found
}

func (w World) selected(namespace string, peer netv1.NetworkPolicyPeer, e Endpoint) bool {
	if peer.NamespaceSelector == nil {
		if e.Pod.Namespace != namespace {
			return false
		}
	} else if l, ok := w.Namespaces[e.Pod.Namespace]; !ok || !matches(peer.NamespaceSelector, l) {
		return false
	}
	return peer.PodSelector == nil || matches(peer.PodSelector, e.Pod.Labels)
}

// block renders an ipBlock; IPv6 blocks match nothing, for the pods have no IPv6.
func block(field string, b *netv1.IPBlock) string {
	cidr, ok := ipv4(b.CIDR)
	if !ok {
		return ""
	}
	var except []string
	for _, e := range b.Except {
		if c, ok := ipv4(e); ok {
			except = append(except, c)
		}
	}
	match := fmt.Sprintf("ip %s %s", field, cidr)
	if len(except) > 0 {
		match += fmt.Sprintf(" ip %s != { %s }", field, strings.Join(except, ", "))
	}
	return match
}

func ipv4(cidr string) (string, bool) {
	prefix, err := netip.ParsePrefix(cidr)
	if err != nil || !prefix.Addr().Is4() {
		return "", false
	}
	return prefix.Masked().String(), true
}

// numbered splits a rule's ports into those rendered (nil when there are none at all) and those that carry a name.
func numbered(ports []netv1.NetworkPolicyPort) (rendered []string, named []netv1.NetworkPolicyPort) {
	for _, p := range ports {
		if p.Port != nil && p.Port.Type == intstr.String {
			named = append(named, p)
			continue
		}
		rendered = append(rendered, number(p))
	}
	return rendered, named
}

func number(p netv1.NetworkPolicyPort) string {
	l4 := strings.ToLower(string(protocol(p)))
	switch {
	case p.Port == nil:
		return "meta l4proto " + l4
	case p.EndPort != nil:
		return fmt.Sprintf("%s dport %d-%d", l4, p.Port.IntVal, *p.EndPort)
	}
	return fmt.Sprintf("%s dport %d", l4, p.Port.IntVal)
}

// ownPorts renders ports where the pod that receives is known: nil means every port, an empty list none.
func ownPorts(ports []netv1.NetworkPolicyPort, pod *corev1.Pod) []string {
	if len(ports) == 0 {
		return nil
	}
	rendered, named := numbered(ports)
	if rendered == nil {
		rendered = []string{}
	}
	for _, p := range named {
		for _, c := range containers(pod) {
			for _, q := range c.Ports {
				if q.Name == p.Port.StrVal && (q.Protocol == protocol(p) || q.Protocol == "" && protocol(p) == corev1.ProtocolTCP) {
					rendered = append(rendered, fmt.Sprintf("%s dport %d", strings.ToLower(string(protocol(p))), q.ContainerPort))
				}
			}
		}
	}
	return rendered
}

// containers includes those init containers that keep running beside the others.
func containers(pod *corev1.Pod) []corev1.Container {
	all := append([]corev1.Container{}, pod.Spec.Containers...)
	for _, c := range pod.Spec.InitContainers {
		if c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways {
			all = append(all, c)
		}
	}
	return all
}

func protocol(p netv1.NetworkPolicyPort) corev1.Protocol {
	if p.Protocol == nil {
		return corev1.ProtocolTCP
	}
	return *p.Protocol
}
