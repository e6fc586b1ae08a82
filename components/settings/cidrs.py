"""The address plan: which subnets a network has, as a pure function of its CIDR blocks and zones."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network

QUARTERS = 4
MAX_ZONES = QUARTERS - 1
RESERVED_PER_SUBNET = 5
"""AWS keeps five addresses of each subnet (VPC guide, Subnet sizing)."""
ADDRESSES_PER_NODE = 128
"""110 pods take seven /28 prefixes, and the CNI keeps one prefix warm (EKS best practices, Prefix mode)."""


@dataclass(frozen=True, kw_only=True)
class NetworkPlan:
    """CIDR blocks by zone, in the zones' order. pods: the nodes' own subnets unless there is a block for pods."""

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
    *private, last = _quarters(_block(cidr, "cidr"))
    public = _quarters(last)
    pods: tuple[str, ...] = ()
    if pod_cidr is not None:
        refuse_overlaps({"cidr": cidr, "podCidr": pod_cidr})
        pods = tuple(str(block) for block in _quarters(_block(pod_cidr, "podCidr"))[:zones])
    return NetworkPlan(
        public=tuple(str(block) for block in public[:zones]),
        private=tuple(str(block) for block in private[:zones]),
        pods=pods,
    )


def refuse_overlaps(blocks: dict[str, str]) -> None:
    """Raises ValueError naming the first two blocks that share addresses."""
    named = [(name, ipaddress.ip_network(block)) for name, block in blocks.items()]
    for position, (name, block) in enumerate(named):
        for other_name, other in named[position + 1 :]:
            if block.overlaps(other):
                raise ValueError(f"{name} {block} and {other_name} {other} overlap; give each addresses of its own")


def _block(cidr: str, name: str) -> IPv4Network:
    block = ipaddress.ip_network(cidr)
    if not isinstance(block, IPv4Network):
        raise ValueError(f"{name} {cidr} is no IPv4 block")
    if not 16 <= block.prefixlen <= 24:
        raise ValueError(f"{name} {cidr}: below /24 subnets are too small, above /16 AWS takes no VPC; name /16 to /24")
    if not any(block.subnet_of(ipaddress.IPv4Network(private)) for private in PRIVATE):
        raise ValueError(f"{name} {cidr} is no private block; name one within {', '.join(PRIVATE)}")
    return block


PRIVATE: Sequence[str] = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")
"""RFC 1918 and RFC 6598."""


def _quarters(block: IPv4Network) -> list[IPv4Network]:
    return list(block.subnets(prefixlen_diff=2))
