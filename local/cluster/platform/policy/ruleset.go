// Package policy turns NetworkPolicies into one nftables table, for a node whose pods are routed (each on a veth of its
// own), so that every packet from or to a pod passes the hook forward, or input when it is for the node itself.
//
// What the node itself sends to a pod (probes, API server to webhook) is never filtered, as Kubernetes has it. What a pod
// sends to the node is egress as any other: after the service address was translated, so the API server is the node's
// address and its own port.
package policy

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	netv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// Endpoint is a pod with the address it has on this node.
type Endpoint struct {
	IP  string
	Pod *corev1.Pod
}

// World is all that the rules depend on. PodCIDR holds every pod; an address in it without an endpoint is refused.
type World struct {
	PodCIDR    string
	Endpoints  []Endpoint
	Namespaces map[string]labels.Set
	Policies   []*netv1.NetworkPolicy
}

// Ruleset renders the table as a whole: loading it replaces the one before in one transaction.
func Ruleset(table string, w World) string {
	slices.SortFunc(w.Endpoints, func(a, b Endpoint) int { return strings.Compare(a.IP, b.IP) })
	slices.SortFunc(w.Policies, func(a, b *netv1.NetworkPolicy) int {
		return strings.Compare(a.Namespace+"/"+a.Name, b.Namespace+"/"+b.Name)
	})
	var b strings.Builder
	var known, sources, targets []string
	fmt.Fprintf(&b, "add table inet %[1]s\ndelete table inet %[1]s\ntable inet %[1]s {\n", table)
	for _, e := range w.Endpoints {
		known = append(known, e.IP)
		if rules, isolated := w.egress(e); isolated {
			sources = append(sources, chain(&b, "out", e, append([]string{"ip daddr " + e.IP + " return"}, rules...)))
		}
		if rules, isolated := w.ingress(e); isolated {
			targets = append(targets, chain(&b, "in", e, append([]string{"ip saddr " + e.IP + " return"}, rules...)))
		}
	}
	b.WriteString("\tset pods {\n\t\ttype ipv4_addr\n")
	if len(known) > 0 {
		fmt.Fprintf(&b, "\t\telements = { %s }\n", strings.Join(known, ", "))
	}
	b.WriteString("\t}\n")
	from := fmt.Sprintf("\t\tip saddr %s ip saddr != @pods counter drop\n%s", w.PodCIDR, verdicts("saddr", sources))
	to := fmt.Sprintf("\t\tip daddr %s ip daddr != @pods counter drop\n%s", w.PodCIDR, verdicts("daddr", targets))
	hook := "\tchain %[1]s {\n\t\ttype filter hook %[1]s priority -5; policy accept;\n\t\tct state established,related accept\n%[2]s\t}\n"
	fmt.Fprintf(&b, hook, "forward", from+to)
	fmt.Fprintf(&b, hook, "input", from)
	b.WriteString("}\n")
	return b.String()
}

// chain writes what a pod may send or receive, and returns the map element that leads to it.
func chain(b *strings.Builder, direction string, e Endpoint, rules []string) string {
	name := direction + "_" + strings.ReplaceAll(e.IP, ".", "_")
	fmt.Fprintf(b, "\tchain %s { # %s/%s\n\t\t%s\n\t\tcounter drop\n\t}\n", name, e.Pod.Namespace, e.Pod.Name,
		strings.Join(rules, "\n\t\t"))
	return e.IP + " : jump " + name
}

func verdicts(field string, elements []string) string {
	if len(elements) == 0 {
		return ""
	}
	return fmt.Sprintf("\t\tip %s vmap { %s }\n", field, strings.Join(elements, ", "))
}

// selecting gives the policies of one direction that select the endpoint.
func (w World) selecting(e Endpoint, direction netv1.PolicyType) []*netv1.NetworkPolicy {
	var found []*netv1.NetworkPolicy
	for _, p := range w.Policies {
		if p.Namespace == e.Pod.Namespace && slices.Contains(p.Spec.PolicyTypes, direction) &&
			matches(&p.Spec.PodSelector, e.Pod.Labels) {
			found = append(found, p)
		}
	}
	return found
}

func (w World) ingress(e Endpoint) (rules []string, isolated bool) {
	policies := w.selecting(e, netv1.PolicyTypeIngress)
	for _, p := range policies {
		for _, r := range p.Spec.Ingress {
			ports := ownPorts(r.Ports, e.Pod)
			for _, address := range w.addresses("saddr", p.Namespace, r.From) {
				rules = append(rules, combine(address, ports)...)
			}
		}
	}
	return rules, len(policies) > 0
}

func (w World) egress(e Endpoint) (rules []string, isolated bool) {
	policies := w.selecting(e, netv1.PolicyTypeEgress)
	for _, p := range policies {
		for _, r := range p.Spec.Egress {
			ports, named := numbered(r.Ports)
			if len(r.Ports) == 0 || len(ports) > 0 {
				for _, address := range w.addresses("daddr", p.Namespace, r.To) {
					rules = append(rules, combine(address, ports)...)
				}
			}
			for _, peer := range w.peers(p.Namespace, r.To) { // a named port is another number in each peer
				if own := ownPorts(named, peer.Pod); len(own) > 0 {
					rules = append(rules, combine("ip daddr "+peer.IP, own)...)
				}
			}
		}
	}
	return rules, len(policies) > 0
}

// combine joins an address match with port matches; nil ports mean every port, an empty list none.
func combine(address string, ports []string) []string {
	if ports == nil {
		return []string{strings.TrimSpace(address + " return")}
	}
	rules := make([]string, 0, len(ports))
	for _, port := range ports {
		rules = append(rules, strings.TrimSpace(address+" "+port+" return"))
	}
	return rules
}

func matches(s *metav1.LabelSelector, l map[string]string) bool {
	selector, err := metav1.LabelSelectorAsSelector(s)
	return err == nil && selector.Matches(labels.Set(l))
}
