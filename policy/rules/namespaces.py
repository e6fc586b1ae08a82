"""Namespaces, and what leads into them: pod security, network policies, Services, Ingress objects."""

from collections.abc import Iterable, Iterator

from policy.rules.model import Message, Rule, Stack, StackRule, Violation, among, at, elements, known, unknown_in
from tools.resource import UNKNOWN, Resource

NAMESPACE, NETWORK_POLICY = "kubernetes:core/v1:Namespace", "kubernetes:networking.k8s.io/v1:NetworkPolicy"
QUOTA, SERVICE = "kubernetes:core/v1:ResourceQuota", "kubernetes:core/v1:Service"
INGRESS = "kubernetes:networking.k8s.io/v1:Ingress"
MAKE_LOAD_BALANCERS = ("eks.amazonaws.com/", "service.k8s.aws/")
"""Load balancer classes whose controllers make load balancers in AWS."""


def _pod_security(r: Resource) -> Iterator[Message]:
    labels = at(r.inputs, "metadata", "labels")
    wrong = [m for m in ("enforce", "audit", "warn") if at(labels, f"pod-security.kubernetes.io/{m}") != "restricted"]
    if labels is not UNKNOWN and wrong:
        yield f"takes pods that are not restricted: set pod-security.kubernetes.io/{{{','.join(wrong)}}} to restricted"


def _default_deny(stack: Stack) -> Iterator[Violation]:
    for r in _lacking(stack, filter(_denies_all, stack.of(NETWORK_POLICY))):
        yield Violation(r, "lets pods talk to anybody: declare a NetworkPolicy that selects all pods, without rules")


def _denies_all(r: Resource) -> bool:
    spec = at(r.inputs, "spec")
    selects = any(known(at(spec, "podSelector", part)) for part in ("matchLabels", "matchExpressions"))
    lets = any(known(at(spec, side)) for side in ("ingress", "egress"))
    types = at(spec, "policyTypes")
    return not selects and not lets and (unknown_in(types) or set(elements(types)) == {"Ingress", "Egress"})


def _quota(stack: Stack) -> Iterator[Violation]:
    for r in _lacking(stack, stack.of(QUOTA)):
        yield Violation(r, "may fill the cluster: declare a ResourceQuota in it")


def _lacking(stack: Stack, objects: Iterable[Resource]) -> Iterator[Resource]:
    """The namespaces in which none of these objects is."""
    there = {at(r.inputs, "metadata", "namespace") for r in objects}
    return (r for r in stack.of(NAMESPACE) if not among(at(r.inputs, "metadata", "name"), there))


def _load_balancers(stack: Stack) -> Iterator[Violation]:
    if not stack.in_aws:
        return
    for r in stack.of(SERVICE):
        class_ = at(r.inputs, "spec", "loadBalancerClass")
        if at(r.inputs, "spec", "type") != "LoadBalancer" or class_ is UNKNOWN:
            continue
        if not class_ or str(class_).startswith(MAKE_LOAD_BALANCERS):
            yield Violation(
                r,
                "has a controller make a load balancer that Pulumi can't delete: set spec.loadBalancerClass to one "
                "that nobody implements, and declare target groups",
            )


def _external_addresses(r: Resource) -> Iterator[Message]:
    if known(at(r.inputs, "spec", "externalIPs")):
        yield "takes addresses that may be others' (CVE-2020-8554): leave spec.externalIPs out"


def _tls(r: Resource) -> Iterator[Message]:
    entries = at(r.inputs, "spec", "tls")
    named = [at(entry, "hosts") for entry in elements(entries)]
    if unknown_in(entries) or any(map(unknown_in, named)):
        return
    covered = {host for hosts in named for host in elements(hosts)}
    for rule in elements(at(r.inputs, "spec", "rules")):
        host = at(rule, "host")
        if host is not UNKNOWN and host not in covered:
            yield f"{host or 'any host'} is served without TLS: name it in spec.tls.hosts"


RULES = [
    Rule(
        name="namespace-restricted",
        description="Namespaces take pods of the restricted Pod Security Standard alone.",
        types=[NAMESPACE],
        check=_pod_security,
    ),
    Rule(
        name="no-external-addresses",
        description="Services take no addresses from outside.",
        types=[SERVICE],
        check=_external_addresses,
    ),
    Rule(name="ingress-tls", description="Every host is served over TLS.", types=[INGRESS], check=_tls),
]

STACK_RULES = [
    StackRule(name="default-deny", description="Every namespace denies by default.", check=_default_deny),
    StackRule(name="quota", description="Every namespace has a quota.", check=_quota),
    StackRule(
        name="no-load-balancer-by-controller",
        description="No controller in the cluster makes load balancers in AWS.",
        check=_load_balancers,
    ),
]
