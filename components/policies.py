"""Network policies: who may talk to whom, in few words."""

from collections.abc import Sequence

from pulumi_kubernetes.meta.v1 import LabelSelectorArgs
from pulumi_kubernetes.networking.v1 import (
    IPBlockArgs,
    NetworkPolicyEgressRuleArgs,
    NetworkPolicyIngressRuleArgs,
    NetworkPolicyPeerArgs,
    NetworkPolicyPortArgs,
)

from components.base import selector_labels

API_SERVER_PORTS = (443, 6443)
"""A policy sees the API server's own port or its Service's, as the enforcer has it."""

NOT_PUBLIC = ("10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16")
"""Private, shared and link-local networks (RFC 1918, 6598, 3927): pods, nodes, the instance metadata service."""


def pods(name: str, namespace: str | None = None) -> NetworkPolicyPeerArgs:
    """The pods of a tier, in the policy's namespace or another."""
    return NetworkPolicyPeerArgs(
        pod_selector=LabelSelectorArgs(match_labels=selector_labels(name)),
        namespace_selector=None if namespace is None else _namespace(namespace),
    )


def namespace(name: str) -> NetworkPolicyPeerArgs:
    """Every pod of a namespace."""
    return NetworkPolicyPeerArgs(namespace_selector=_namespace(name))


def network(cidr: str) -> NetworkPolicyPeerArgs:
    return NetworkPolicyPeerArgs(ip_block=IPBlockArgs(cidr=cidr))


def public() -> NetworkPolicyPeerArgs:
    """Every public IPv4 address."""
    return NetworkPolicyPeerArgs(ip_block=IPBlockArgs(cidr="0.0.0.0/0", except_=list(NOT_PUBLIC)))


def allow_from(peers: Sequence[NetworkPolicyPeerArgs], *ports: int | str) -> NetworkPolicyIngressRuleArgs:
    return NetworkPolicyIngressRuleArgs(from_=list(peers), ports=_tcp(ports))


def allow_to(peers: Sequence[NetworkPolicyPeerArgs], *ports: int | str) -> NetworkPolicyEgressRuleArgs:
    return NetworkPolicyEgressRuleArgs(to=list(peers), ports=_tcp(ports))


def allow_dns() -> NetworkPolicyEgressRuleArgs:
    """Name lookups at the cluster's DNS, CoreDNS in kube-system."""
    dns = NetworkPolicyPeerArgs(
        namespace_selector=_namespace("kube-system"),
        pod_selector=LabelSelectorArgs(match_labels={"k8s-app": "kube-dns"}),
    )
    ports = [NetworkPolicyPortArgs(port=53, protocol=protocol) for protocol in ("UDP", "TCP")]
    return NetworkPolicyEgressRuleArgs(to=[dns], ports=ports)


def allow_api_server() -> NetworkPolicyEgressRuleArgs:
    """The API server, whose address only the cluster knows."""
    return allow_to([network("0.0.0.0/0")], *API_SERVER_PORTS)


def _namespace(name: str) -> LabelSelectorArgs:
    return LabelSelectorArgs(match_labels={"kubernetes.io/metadata.name": name})


def _tcp(ports: Sequence[int | str]) -> list[NetworkPolicyPortArgs]:
    return [NetworkPolicyPortArgs(port=port, protocol="TCP") for port in ports]
