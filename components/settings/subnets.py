"""The CIDR blocks of a network's subnets, as a function of its own blocks and the number of its zones."""

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network

MAX_ZONES = 3
"""A quarter of the network's block for each zone, and the last quarter for the public subnets."""
RESERVED_PER_SUBNET = 5
"""AWS uses five addresses of each subnet itself (VPC guide, Subnet CIDR blocks)."""
ADDRESSES_PER_NODE = 128
"""The addresses that a node with 110 pods takes: seven /28 prefixes, and one that the VPC CNI keeps in reserve.

Source: EKS best practices guide, Prefix mode for Linux.
"""
RFC_1918: Sequence[str] = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
SHARED = "100.64.0.0/10"
"""Address space for carrier-grade NAT (RFC 6598), which AWS accepts as a secondary block of any VPC."""
PRIVATE: Sequence[str] = (*RFC_1918, SHARED)
FOR_PODS: Sequence[str] = (SHARED, "198.19.0.0/16")
"""Blocks that EKS recommends for pods, whatever the VPC's own (EKS best practices guide, Custom networking)."""
RESERVED_FOR_EKS = 16
"""Addresses of each subnet that EKS wants free for its own interfaces (EKS guide, VPC and subnet requirements)."""
RESTRICTED_SECONDARY: Mapping[str, str] = {"10.0.0.0/15": "10.0.0.0/16", "172.16.0.0/12": "172.31.0.0/16"}
"""A VPC whose primary block is within the first cannot have a secondary block within the second.

Source: VPC guide, IPv4 CIDR block association restrictions.
"""


@dataclass(frozen=True, kw_only=True)
class NetworkPlan:
    """The CIDR blocks of the subnets, one for each zone in the order of the zones.

    pods: blocks of the subnets that only pods use; empty if pods use the private subnets.
    """

    public: tuple[str, ...]
    private: tuple[str, ...]
    pods: tuple[str, ...] = ()

    @property
    def pod_capacity(self) -> int:
        """The number of nodes, each with as many pods as it can run, that the subnets have addresses for."""
        blocks = self.pods if self.pods else self.private
        return sum((ipaddress.ip_network(b).num_addresses - RESERVED_PER_SUBNET) // ADDRESSES_PER_NODE for b in blocks)

    def node_capacity(self, endpoints: int) -> int:
        """The number of nodes, one address each, that the private subnets hold beside that many interface endpoints.

        Where pods have subnets of their own, this is what limits the nodes.
        """
        taken = RESERVED_PER_SUBNET + RESERVED_FOR_EKS + endpoints
        return sum(max(0, ipaddress.ip_network(block).num_addresses - taken) for block in self.private)


def plan(cidr: str, zones: int, pod_cidr: str | None = None) -> NetworkPlan:
    """Divides a network's block into subnets.

    Each zone's private subnet is a quarter of the block, and its public subnet a quarter of the last quarter. With
    `pod_cidr`, each zone has a quarter of that block for pods too. Adding a third zone leaves the other subnets as they
    are. Raises ValueError for a block that AWS refuses or that is too small, and for fewer than 2 or more than 3 zones.
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
    """Raises ValueError if two of the named blocks share addresses; the message names the first such pair."""
    named = [(name, ipaddress.ip_network(block)) for name, block in blocks.items()]
    for position, (name, block) in enumerate(named):
        for other_name, other in named[position + 1 :]:
            if block.overlaps(other):
                raise ValueError(f"{name} {block} and {other_name} {other} overlap; give each addresses of its own")


def service_block(cidr: str) -> str:
    """Returns the block if EKS accepts it as the CIDR block of Services, and raises ValueError otherwise.

    Source: EKS API reference, KubernetesNetworkConfigRequest.
    """
    block = ipaddress.ip_network(cidr)
    if not isinstance(block, IPv4Network) or not 12 <= block.prefixlen <= 24 or _range_of(block, RFC_1918) is None:
        raise ValueError(f"is no block for Services; name a /12 to /24 within {', '.join(RFC_1918)}")
    return cidr


def _block(cidr: str, name: str, ranges: Sequence[str] = PRIVATE) -> IPv4Network:
    block = ipaddress.ip_network(cidr)
    if not isinstance(block, IPv4Network):
        raise ValueError(f"{name} {cidr} is no IPv4 block")
    if not 16 <= block.prefixlen <= 24:
        raise ValueError(f"{name} {cidr}: below /24 subnets are too small, above /16 AWS takes no VPC; name /16 to /24")
    if _range_of(block, ranges) is None:
        raise ValueError(f"{name} {cidr} is no private block; name one within {', '.join(ranges)}")
    return block


def _pod_block(cidr: str, primary: IPv4Network) -> IPv4Network:
    """A block that AWS accepts as a secondary block of a VPC with this primary one."""
    block = _block(cidr, "podCidr", (*RFC_1918, *FOR_PODS))
    refuse_overlaps({"cidr": str(primary), "podCidr": cidr})
    mixed = _range_of(block, FOR_PODS) is None and _range_of(block, PRIVATE) != _range_of(primary, PRIVATE)
    restricted = [
        out for within, out in RESTRICTED_SECONDARY.items() if _range_of(primary, [within]) and _range_of(block, [out])
    ]
    if mixed or restricted:
        raise ValueError(
            f"podCidr {cidr}: AWS adds no such block to a VPC with {primary}; name one within {' or '.join(FOR_PODS)}"
        )
    return block


def _range_of(block: IPv4Network, ranges: Sequence[str]) -> str | None:
    """The first range that contains the block, or None."""
    return next((r for r in ranges if block.subnet_of(IPv4Network(r))), None)


def _quarters(block: IPv4Network) -> list[IPv4Network]:
    return list(block.subnets(prefixlen_diff=2))


def _texts(blocks: Sequence[IPv4Network], zones: int) -> tuple[str, ...]:
    return tuple(str(block) for block in blocks[:zones])
