package policy

import (
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	netv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
)

const (
	in  = netv1.PolicyTypeIngress
	out = netv1.PolicyTypeEgress
)

func pod(namespace, app, ip string, ports ...corev1.ContainerPort) Endpoint {
	return Endpoint{IP: ip, Pod: &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: app + "-0", Labels: map[string]string{"app": app}},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Ports: ports}}},
	}}
}

var (
	redis = pod("journal", "redis", "10.244.0.5", corev1.ContainerPort{Name: "redis", ContainerPort: 6379})
	api   = pod("journal", "api", "10.244.0.6", corev1.ContainerPort{Name: "http", ContainerPort: 8080})
	edge  = pod("traefik", "edge", "10.244.0.7", corev1.ContainerPort{Name: "http", ContainerPort: 8000})
)

func app(name string) *metav1.LabelSelector {
	return &metav1.LabelSelector{MatchLabels: map[string]string{"app": name}}
}

func namespace(name string) *metav1.LabelSelector {
	return &metav1.LabelSelector{MatchLabels: map[string]string{"name": name}}
}

func port(number any, end int32, protocol corev1.Protocol) netv1.NetworkPolicyPort {
	p := netv1.NetworkPolicyPort{}
	switch n := number.(type) {
	case int:
		p.Port = &intstr.IntOrString{Type: intstr.Int, IntVal: int32(n)}
	case string:
		p.Port = &intstr.IntOrString{Type: intstr.String, StrVal: n}
	}
	if end > 0 {
		p.EndPort = &end
	}
	if protocol != "" {
		p.Protocol = &protocol
	}
	return p
}

func policy(selects string, types []netv1.PolicyType, from, to *[]netv1.NetworkPolicyPeer, ports ...netv1.NetworkPolicyPort) *netv1.NetworkPolicy {
	p := &netv1.NetworkPolicy{
		ObjectMeta: metav1.ObjectMeta{Namespace: "journal", Name: "p"},
		Spec:       netv1.NetworkPolicySpec{PodSelector: *app(selects), PolicyTypes: types},
	}
	if from != nil {
		p.Spec.Ingress = []netv1.NetworkPolicyIngressRule{{From: *from, Ports: ports}}
	}
	if to != nil {
		p.Spec.Egress = []netv1.NetworkPolicyEgressRule{{To: *to, Ports: ports}}
	}
	return p
}

func world(policies ...*netv1.NetworkPolicy) World {
	return World{
		PodCIDR: "10.244.0.0/16", Endpoints: []Endpoint{edge, redis, api}, Policies: policies,
		Namespaces: map[string]labels.Set{"journal": {"name": "journal"}, "traefik": {"name": "traefik"}},
	}
}

// rules gives a chain's rules between the one for the pod itself and the final drop.
func rules(t *testing.T, text, chain string) []string {
	t.Helper()
	_, rest, found := strings.Cut(text, "\tchain "+chain+" {")
	if !found {
		return nil
	}
	body, _, _ := strings.Cut(rest, "\n\t}")
	lines := strings.Split(body, "\n")[1:]
	if !strings.HasSuffix(lines[len(lines)-1], "counter drop") {
		t.Errorf("chain %s does not end with a drop", chain)
	}
	trimmed := []string{}
	for _, l := range lines[1 : len(lines)-1] {
		trimmed = append(trimmed, strings.TrimSpace(l))
	}
	return trimmed
}

func TestRules(t *testing.T) {
	peers := func(p ...netv1.NetworkPolicyPeer) *[]netv1.NetworkPolicyPeer { return &p }
	tests := map[string]struct {
		policy *netv1.NetworkPolicy
		chain  string
		want   []string
	}{
		"a policy without rules denies": {policy("redis", []netv1.PolicyType{in}, nil, nil), "in_10_244_0_5", []string{}},
		"a rule without peers allows all": {
			policy("redis", []netv1.PolicyType{in}, peers(), nil), "in_10_244_0_5", []string{"return"},
		},
		"a pod selector, and a named port of the receiver": {
			policy("redis", []netv1.PolicyType{in}, peers(netv1.NetworkPolicyPeer{PodSelector: app("api")}), nil, port("redis", 0, "")),
			"in_10_244_0_5", []string{"ip saddr { 10.244.0.6 } tcp dport 6379 return"},
		},
		"an empty pod selector is the policy's namespace": {
			policy("redis", []netv1.PolicyType{in}, peers(netv1.NetworkPolicyPeer{PodSelector: &metav1.LabelSelector{}}), nil),
			"in_10_244_0_5", []string{"ip saddr { 10.244.0.5, 10.244.0.6 } return"},
		},
		"a namespace selector": {
			policy("api", []netv1.PolicyType{in}, peers(netv1.NetworkPolicyPeer{NamespaceSelector: namespace("traefik")}), nil),
			"in_10_244_0_6", []string{"ip saddr { 10.244.0.7 } return"},
		},
		"both selectors must match": {
			policy("api", []netv1.PolicyType{in},
				peers(netv1.NetworkPolicyPeer{NamespaceSelector: namespace("traefik"), PodSelector: app("redis")}), nil),
			"in_10_244_0_6", []string{},
		},
		"a named port that the receiver lacks allows nothing": {
			policy("redis", []netv1.PolicyType{in}, peers(), nil, port("http", 0, "")), "in_10_244_0_5", []string{},
		},
		"a range and a protocol": {
			policy("redis", []netv1.PolicyType{in}, peers(), nil, port(5000, 5010, corev1.ProtocolUDP)),
			"in_10_244_0_5", []string{"udp dport 5000-5010 return"},
		},
		"a protocol without a port": {
			policy("redis", []netv1.PolicyType{in}, peers(), nil, port(nil, 0, corev1.ProtocolSCTP)),
			"in_10_244_0_5", []string{"meta l4proto sctp return"},
		},
		"an address block with exceptions": {
			policy("redis", []netv1.PolicyType{in}, peers(netv1.NetworkPolicyPeer{
				IPBlock: &netv1.IPBlock{CIDR: "10.0.0.1/8", Except: []string{"10.1.0.0/16", "fd00::/8"}},
			}), nil),
			"in_10_244_0_5", []string{"ip saddr 10.0.0.0/8 ip saddr != { 10.1.0.0/16 } return"},
		},
		"an IPv6 block matches nothing": {
			policy("redis", []netv1.PolicyType{in}, peers(netv1.NetworkPolicyPeer{IPBlock: &netv1.IPBlock{CIDR: "::/0"}}), nil),
			"in_10_244_0_5", []string{},
		},
		"egress to numbered ports": {
			policy("api", []netv1.PolicyType{out}, nil, peers(netv1.NetworkPolicyPeer{PodSelector: app("redis")}), port(6379, 0, "")),
			"out_10_244_0_6", []string{"ip daddr { 10.244.0.5 } tcp dport 6379 return"},
		},
		"egress to a named port is each receiver's own": {
			policy("redis", []netv1.PolicyType{out}, nil, peers(netv1.NetworkPolicyPeer{NamespaceSelector: &metav1.LabelSelector{}}), port("http", 0, "")),
			"out_10_244_0_5", []string{"ip daddr 10.244.0.6 tcp dport 8080 return", "ip daddr 10.244.0.7 tcp dport 8000 return"},
		},
		"egress to a named port of anybody": {
			policy("api", []netv1.PolicyType{out}, nil, peers(), port("redis", 0, ""), port(53, 0, corev1.ProtocolUDP)),
			"out_10_244_0_6", []string{"udp dport 53 return", "ip daddr 10.244.0.5 tcp dport 6379 return"},
		},
		"an ingress policy leaves egress alone": {policy("redis", []netv1.PolicyType{in}, nil, nil), "out_10_244_0_5", nil},
		"who is not selected is not isolated":   {policy("redis", []netv1.PolicyType{in, out}, nil, nil), "in_10_244_0_6", nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := rules(t, Ruleset("t", world(test.policy)), test.chain); !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestUnknownAddressesAreDropped(t *testing.T) {
	text := Ruleset("t", world())
	for _, want := range []string{
		"elements = { 10.244.0.5, 10.244.0.6, 10.244.0.7 }",
		"ip saddr 10.244.0.0/16 ip saddr != @pods counter drop",
		"ip daddr 10.244.0.0/16 ip daddr != @pods counter drop",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
}

func TestTheNodeIsEgressToo(t *testing.T) {
	text := Ruleset("t", world(policy("api", []netv1.PolicyType{out}, nil, nil)))
	_, input, _ := strings.Cut(text, "\tchain input {")
	if !strings.Contains(input, "ip saddr vmap { 10.244.0.6 : jump out_10_244_0_6 }") {
		t.Errorf("the hook input does not lead to the pod's chain:\n%s", text)
	}
	if strings.Contains(input, "daddr") {
		t.Errorf("the hook input filters what is for a pod:\n%s", input)
	}
}

func TestTheSameWorldGivesTheSameText(t *testing.T) {
	a, b := world(), world()
	slices.Reverse(b.Endpoints)
	if Ruleset("t", a) != Ruleset("t", b) {
		t.Error("the order of the endpoints shows")
	}
}
