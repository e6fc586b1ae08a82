"""The CIDR blocks of subnets: how a network's block is divided, and which blocks are refused."""

import ipaddress
from itertools import combinations

import pytest

from components.settings.subnets import (
    ADDRESSES_PER_NODE,
    RESERVED_PER_SUBNET,
    NetworkPlan,
    plan,
    refuse_overlaps,
    service_block,
)

BLOCKS = [("10.0.0.0/16", None), ("172.16.0.0/20", "100.64.0.0/16"), ("192.168.8.0/24", "192.168.64.0/18")]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (
            ("10.10.0.0/16", 2, None),
            NetworkPlan(
                public=("10.10.192.0/20", "10.10.208.0/20"),
                private=("10.10.0.0/18", "10.10.64.0/18"),
            ),
        ),
        (
            ("10.30.0.0/16", 3, "100.64.0.0/16"),
            NetworkPlan(
                public=("10.30.192.0/20", "10.30.208.0/20", "10.30.224.0/20"),
                private=("10.30.0.0/18", "10.30.64.0/18", "10.30.128.0/18"),
                pods=("100.64.0.0/18", "100.64.64.0/18", "100.64.128.0/18"),
            ),
        ),
        (
            ("192.168.8.0/24", 2, None),
            NetworkPlan(
                public=("192.168.8.192/28", "192.168.8.208/28"),
                private=("192.168.8.0/26", "192.168.8.64/26"),
            ),
        ),
    ],
)
def test_plans(given: tuple[str, int, str | None], expected: NetworkPlan) -> None:
    assert plan(*given) == expected


@pytest.mark.parametrize(("cidr", "pod_cidr"), BLOCKS)
@pytest.mark.parametrize("zones", [2, 3])
def test_no_subnets_overlap_and_all_are_within_their_block(cidr: str, pod_cidr: str | None, zones: int) -> None:
    made = plan(cidr, zones, pod_cidr)
    within = {cidr: (*made.public, *made.private), pod_cidr: made.pods}
    networks = [ipaddress.IPv4Network(subnet) for subnets in within.values() for subnet in subnets]
    assert not any(one.overlaps(other) for one, other in combinations(networks, 2))
    for block, subnets in within.items():
        assert all(ipaddress.IPv4Network(s).subnet_of(ipaddress.IPv4Network(block)) for s in subnets)
    assert all(16 <= network.prefixlen <= 28 for network in networks)  # VPC guide, Subnet sizing


@pytest.mark.parametrize(("cidr", "pod_cidr"), BLOCKS)
def test_a_zone_that_is_added_moves_no_subnet(cidr: str, pod_cidr: str | None) -> None:
    two, three = plan(cidr, 2, pod_cidr), plan(cidr, 3, pod_cidr)
    assert three.public[:2] == two.public
    assert three.private[:2] == two.private
    assert three.pods[:2] == two.pods


REFUSED = {
    "one zone": (("10.0.0.0/16", 1, None), "2 or 3"),
    "four zones": (("10.0.0.0/16", 4, None), "2 or 3"),
    "IPv6": (("fd00::/64", 2, None), "is no IPv4 block"),
    "larger than a VPC": (("10.0.0.0/15", 2, None), "name /16 to /24"),
    "too small": (("10.0.0.0/25", 2, None), "name /16 to /24"),
    "public": (("8.8.0.0/16", 2, None), "is no private block"),
    "just outside a private range": (("172.32.0.0/16", 2, None), "is no private block"),
    "no network's address": (("10.0.0.1/16", 2, None), "host bits set"),
    "pods inside the network": (("10.2.0.0/16", 2, "10.2.128.0/18"), "overlap"),
    "pods around the network": (("10.2.0.0/20", 2, "10.2.0.0/16"), "overlap"),
    "pods too large": (("10.2.0.0/16", 2, "100.64.0.0/10"), "podCidr .* name /16 to /24"),
    "pods in public": (("10.2.0.0/16", 2, "198.20.0.0/16"), "podCidr .* is no private block"),
    "pods in the other half of the benchmark block": (("10.2.0.0/16", 2, "198.18.0.0/16"), "is no private block"),
    "a network where only pods may be": (("198.19.0.0/16", 2, None), "is no private block"),
    "pods in another private range": (("10.2.0.0/16", 2, "172.20.0.0/16"), "within 100.64.0.0/10"),
    "192.168 beside 172.16": (("172.16.0.0/16", 2, "192.168.0.0/16"), "within 100.64.0.0/10"),
    "10.0 beside 100.64": (("100.64.0.0/16", 2, "10.2.0.0/16"), "within 100.64.0.0/10"),
    "10.0.0.0/16 beside 10.1": (("10.1.0.0/16", 2, "10.0.0.0/16"), "within 100.64.0.0/10"),
    "172.31 beside 172.16": (("172.16.0.0/16", 2, "172.31.0.0/16"), "within 100.64.0.0/10"),
}


@pytest.mark.parametrize(("given", "message"), REFUSED.values(), ids=REFUSED)
def test_what_aws_would_refuse_is_refused(given: tuple[str, int, str | None], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        plan(*given)


@pytest.mark.parametrize(
    ("cidr", "pod_cidr"),
    [
        ("10.2.0.0/16", "100.64.0.0/16"),
        ("10.2.0.0/16", "198.19.0.0/16"),
        ("172.16.0.0/16", "198.19.0.0/18"),
        ("10.2.0.0/16", "10.0.0.0/16"),
        ("10.1.0.0/16", "10.2.0.0/16"),
        ("172.16.0.0/16", "172.20.0.0/16"),
        ("100.64.0.0/16", "100.65.0.0/16"),
    ],
)
def test_blocks_that_aws_adds_to_a_vpc(cidr: str, pod_cidr: str) -> None:
    assert len(plan(cidr, 3, pod_cidr).pods) == 3


@pytest.mark.parametrize(
    ("given", "nodes"),
    [
        (("10.0.0.0/24", 3, None), 0),
        (("10.0.0.0/22", 2, None), 2 * 1),
        (("10.0.0.0/16", 2, None), 2 * 127),
        (("10.0.0.0/24", 3, "100.64.0.0/16"), 3 * 127),
    ],
)
def test_how_many_full_nodes_have_room(given: tuple[str, int, str | None], nodes: int) -> None:
    assert plan(*given).pod_capacity == nodes


@pytest.mark.parametrize(
    ("given", "endpoints", "nodes"),
    [
        (("10.0.0.0/24", 3, "100.64.0.0/16"), 0, 3 * (64 - 5 - 16)),
        (("10.0.0.0/24", 2, "100.64.0.0/16"), 8, 2 * (64 - 5 - 16 - 8)),
        (("10.0.0.0/24", 2, "100.64.0.0/16"), 60, 0),
    ],
)
def test_how_many_nodes_have_an_address(given: tuple[str, int, str | None], endpoints: int, nodes: int) -> None:
    assert plan(*given).node_capacity(endpoints) == nodes


def test_a_node_has_room_where_its_pods_prefixes_do() -> None:
    """A /24 has 16 prefixes of 16 addresses, less the two that AWS takes addresses of: room for one node's eight."""
    prefixes_of_a_node = ADDRESSES_PER_NODE // 16
    assert prefixes_of_a_node * 16 >= 110
    assert (256 // 16 - 2) // prefixes_of_a_node == (256 - RESERVED_PER_SUBNET) // ADDRESSES_PER_NODE == 1


def test_overlaps_are_named() -> None:
    with pytest.raises(ValueError, match=r"a 10\.0\.0\.0/16 and c 10\.0\.9\.0/24 overlap"):
        refuse_overlaps({"a": "10.0.0.0/16", "b": "10.1.0.0/16", "c": "10.0.9.0/24"})
    refuse_overlaps({"a": "10.0.0.0/16", "b": "10.1.0.0/16", "six": "fd00::/8"})


@pytest.mark.parametrize("block", ["172.20.0.0/16", "10.96.0.0/12", "192.168.1.0/24"])
def test_blocks_for_services(block: str) -> None:
    assert service_block(block) == block


@pytest.mark.parametrize("block", ["10.0.0.0/8", "10.0.0.0/25", "100.64.0.0/16", "11.0.0.0/16", "fd00::/108"])
def test_blocks_that_eks_takes_for_no_services(block: str) -> None:
    with pytest.raises(ValueError, match="name a /12 to /24 within"):
        service_block(block)
