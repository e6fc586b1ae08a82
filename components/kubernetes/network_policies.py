"""Peers and rules of network policies: shorter ways to write the ones that components need."""

from collections.abc import Sequence

from pulumi_kubernetes.meta.v1 import LabelSelectorArgs
from pulumi_kubernetes.networking.v1 import (
    IPBlockArgs,
    NetworkPolicyEgressRuleArgs,
    NetworkPolicyIngressRuleArgs,
    NetworkPolicyPeerArgs,
    NetworkPolicyPortArgs,
)

from components.kubernetes.component import selector_labels

API_SERVER_PORTS = (443, 6443)
"""Some network plugins match a policy against the port of the API server's Service, others against its own port."""

NOT_PUBLIC = ("10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16", "198.18.0.0/15")
"""Private, shared, link-local and benchmark networks (RFC 1918, 6598, 3927, 2544): pods, nodes, instance metadata."""


def pods_of(name: str, namespace: str | None = None) -> NetworkPolicyPeerArgs:
    """The pods of one tier, in the policy's own namespace unless another is named."""
    return NetworkPolicyPeerArgs(
        pod_selector=LabelSelectorArgs(match_labels=selector_labels(name)),
        namespace_selector=None if namespace is None else _namespace_selector(namespace),
    )


def pods_in(namespace: str) -> NetworkPolicyPeerArgs:
    """Every pod of a namespace."""
    return NetworkPolicyPeerArgs(namespace_selector=_namespace_selector(namespace))


def network(cidr: str) -> NetworkPolicyPeerArgs:
    """Every address of a CIDR block, such as 203.0.113.0/24."""
    return NetworkPolicyPeerArgs(ip_block=IPBlockArgs(cidr=cidr))


def public_addresses() -> NetworkPolicyPeerArgs:
    """Every public IPv4 address."""
    return NetworkPolicyPeerArgs(ip_block=IPBlockArgs(cidr="0.0.0.0/0", except_=list(NOT_PUBLIC)))


def allow_from(peers: Sequence[NetworkPolicyPeerArgs], *ports: int | str) -> NetworkPolicyIngressRuleArgs:
    """Allows TCP connections from these peers to these container ports, each given by number or name."""
    return NetworkPolicyIngressRuleArgs(from_=list(peers), ports=_tcp(ports))


def allow_collectors(cidrs: Sequence[str], *ports: int | str) -> list[NetworkPolicyIngressRuleArgs]:
    """Lets those in these networks that collect metrics read these ports; without networks, nobody.

    A rule without peers would let in everybody (kubernetes.io, NetworkPolicyIngressRule).
    """
    return [allow_from([network(cidr) for cidr in cidrs], *ports)] if cidrs else []


def allow_to(peers: Sequence[NetworkPolicyPeerArgs], *ports: int | str) -> NetworkPolicyEgressRuleArgs:
    """Allows TCP connections to these ports of these peers; a name is a container port's."""
    return NetworkPolicyEgressRuleArgs(to=list(peers), ports=_tcp(ports))


def allow_dns() -> NetworkPolicyEgressRuleArgs:
    """Allows DNS queries to CoreDNS in kube-system."""
    dns = NetworkPolicyPeerArgs(
        namespace_selector=_namespace_selector("kube-system"),
        pod_selector=LabelSelectorArgs(match_labels={"k8s-app": "kube-dns"}),
    )
    ports = [NetworkPolicyPortArgs(port=53, protocol=protocol) for protocol in ("UDP", "TCP")]
    return NetworkPolicyEgressRuleArgs(to=[dns], ports=ports)


def allow_api_server() -> NetworkPolicyEgressRuleArgs:
    """Allows connections to the API server's ports at any address: a policy cannot select the API server itself."""
    return allow_to([network("0.0.0.0/0")], *API_SERVER_PORTS)


def _namespace_selector(name: str) -> LabelSelectorArgs:
    return LabelSelectorArgs(match_labels={"kubernetes.io/metadata.name": name})


def _tcp(ports: Sequence[int | str]) -> list[NetworkPolicyPortArgs]:
    return [NetworkPolicyPortArgs(port=port, protocol="TCP") for port in ports]
