"""The address plan: which subnets a network has, as a pure function of its CIDR blocks and zones."""

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network

QUARTERS = 4
MAX_ZONES = QUARTERS - 1
RESERVED_PER_SUBNET = 5
"""AWS keeps five addresses of each subnet (VPC guide, Subnet sizing)."""
ADDRESSES_PER_NODE = 128
"""110 pods take seven /28 prefixes, and the CNI keeps one prefix warm (EKS best practices, Prefix mode)."""
RFC_1918: Sequence[str] = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
SHARED = "100.64.0.0/10"
"""RFC 6598."""
PRIVATE: Sequence[str] = (*RFC_1918, SHARED)
NEVER_SECONDARY: Mapping[str, str] = {"10.0.0.0/15": "10.0.0.0/16", "172.16.0.0/12": "172.31.0.0/16"}
"""A VPC within the first takes no further block within the second (VPC guide, CIDR block association restrictions)."""


@dataclass(frozen=True, kw_only=True)
class NetworkPlan:
    """CIDR blocks by zone, in the zones' order. pods: empty where pods share the nodes' subnets."""

    public: tuple[str, ...]
    private: tuple[str, ...]
    pods: tuple[str, ...] = ()

    @property
    def pod_capacity(self) -> int:
        """How many nodes full of pods the subnets have room for."""
        blocks = self.pods if self.pods else self.private
        return sum((ipaddress.ip_network(b).num_addresses - RESERVED_PER_SUBNET) // ADDRESSES_PER_NODE for b in blocks)


def plan(cidr: str, zones: int, pod_cidr: str | None = None) -> NetworkPlan:
    """Three quarters of the block for private subnets, one a zone; quarters of the last quarter for public ones.

    A zone that is added later moves no subnet. Raises ValueError for blocks that AWS or the zones do not fit.
    """
    if not 2 <= zones <= MAX_ZONES:
        raise ValueError(f"{zones} zones: a network spans 2 or {MAX_ZONES}")
    block = _block(cidr, "cidr")
    *private, last = _quarters(block)
    public = _quarters(last)
    pods: tuple[str, ...] = ()
    if pod_cidr is not None:
        pods = _texts(_quarters(_pod_block(pod_cidr, block)), zones)
    return NetworkPlan(public=_texts(public, zones), private=_texts(private, zones), pods=pods)


def refuse_overlaps(blocks: Mapping[str, str]) -> None:
    """Raises ValueError naming the first two blocks that share addresses."""
    named = [(name, ipaddress.ip_network(block)) for name, block in blocks.items()]
    for position, (name, block) in enumerate(named):
        for other_name, other in named[position + 1 :]:
            if block.overlaps(other):
                raise ValueError(f"{name} {block} and {other_name} {other} overlap; give each addresses of its own")


def service_block(cidr: str) -> str:
    """The block, where EKS takes it for Services (EKS API reference, KubernetesNetworkConfigRequest).

    Raises ValueError.
    """
    block = ipaddress.ip_network(cidr)
    if not isinstance(block, IPv4Network) or not 12 <= block.prefixlen <= 24 or _range_of(block, RFC_1918) is None:
        raise ValueError(f"is no block for Services; name a /12 to /24 within {', '.join(RFC_1918)}")
    return cidr


def _block(cidr: str, name: str) -> IPv4Network:
    block = ipaddress.ip_network(cidr)
    if not isinstance(block, IPv4Network):
        raise ValueError(f"{name} {cidr} is no IPv4 block")
    if not 16 <= block.prefixlen <= 24:
        raise ValueError(f"{name} {cidr}: below /24 subnets are too small, above /16 AWS takes no VPC; name /16 to /24")
    if _range_of(block, PRIVATE) is None:
        raise ValueError(f"{name} {cidr} is no private block; name one within {', '.join(PRIVATE)}")
    return block


def _pod_block(cidr: str, primary: IPv4Network) -> IPv4Network:
    """A block that AWS adds to a VPC with this primary one."""
    block = _block(cidr, "podCidr")
    refuse_overlaps({"cidr": str(primary), "podCidr": cidr})
    mixed = _range_of(block, [SHARED]) is None and _range_of(block, PRIVATE) != _range_of(primary, PRIVATE)
    never = [out for within, out in NEVER_SECONDARY.items() if _range_of(primary, [within]) and _range_of(block, [out])]
    if mixed or never:
        raise ValueError(f"podCidr {cidr}: AWS adds no such block to a VPC with {primary}; name one within {SHARED}")
    return block


def _range_of(block: IPv4Network, ranges: Sequence[str]) -> str | None:
    """The first range that the block is within."""
    return next((r for r in ranges if block.subnet_of(IPv4Network(r))), None)


def _quarters(block: IPv4Network) -> list[IPv4Network]:
    return list(block.subnets(prefixlen_diff=2))


def _texts(blocks: Sequence[IPv4Network], zones: int) -> tuple[str, ...]:
    return tuple(str(block) for block in blocks[:zones])
