"""What a stack's resources take of each quota, read from their recording."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from tools.doctor import quotas
from tools.doctor.quotas import Amount, Quota, Slot
from tools.resource import Resource
from tools.volumes import claimed_gib, node_gib

STANDARD = {"a", "c", "d", "h", "i", "im", "is", "m", "r", "t", "z"}
"""Families of Standard instances, as letters before the generation (EC2 guide, On-Demand Instance quotas)."""
SMALL = {"nano": 1, "micro": 1, "small": 1, "medium": 1, "large": 2, "xlarge": 4}
GIB_A_TIB = 1024
NODE_GROUP = "aws:eks/nodeGroup:NodeGroup"
ONES: Mapping[str, Quota] = {
    "aws:ec2/eip:Eip": quotas.ELASTIC_IPS,
    "aws:ec2/vpc:Vpc": quotas.VPCS,
    "aws:ec2/internetGateway:InternetGateway": quotas.INTERNET_GATEWAYS,
    "aws:eks/cluster:Cluster": quotas.CLUSTERS,
    "aws:iam/role:Role": quotas.ROLES,
    "aws:iam/policy:Policy": quotas.POLICIES,
}
"""Types of which each resource takes one."""


def is_standard(instance_type: str) -> bool:
    """Whether the instance type counts against the quotas of Standard instances; others have quotas of their own."""
    family = re.match(r"[a-z]+", instance_type)
    return family is not None and family[0] in STANDARD


def vcpus(instance_type: str) -> int:
    """The vCPUs of an instance type by its size: 2 for `large`, 4 for `xlarge`, 32 for `8xlarge` (EC2, instance types).

    Every size below `large` has 2 vCPUs in the families t3, t3a and t4g. Bare metal counts as 96, as most of it has.
    """
    family, _, size = instance_type.partition(".")
    if family.startswith(("t3", "t4")) and size in SMALL:
        return max(2, SMALL[size])
    if size in SMALL:
        return SMALL[size]
    times = re.match(r"(?:metal-)?(\d+)xl", size)
    return 4 * int(times[1]) if times else 96


def of_stack(declared: Iterable[Resource]) -> dict[Slot, Amount]:
    """What the resources of one stack need, by quota. Of what is limited for each resource, the greatest counts."""
    resources = {r.urn: r for r in declared if r.custom and not r.is_read}
    shared: dict[Slot, Amount] = {}
    for slot, amount in _shared(resources):
        shared[slot] = shared.get(slot, quotas.NOTHING) + amount
    greatest: dict[Quota, tuple[Slot, Amount]] = {}
    for slot, amount in _each(list(resources.values())):
        if slot.quota not in greatest or amount.most > greatest[slot.quota][1].most:
            greatest[slot.quota] = slot, amount
    return shared | dict(greatest.values())


def other_instances(declared: Iterable[Resource]) -> list[str]:
    """The instance types that are no Standard ones: their quotas are not compared."""
    types = {t for r in declared if r.type == NODE_GROUP for t in r.inputs.get("instanceTypes", [])}
    return sorted(t for t in types if not is_standard(t))


def _shared(resources: Mapping[str, Resource]) -> Iterator[tuple[Slot, Amount]]:
    """What counts against the quotas of a region, zone or account."""
    zones = {r.id: r.inputs.get("availabilityZone", "") for r in resources.values() if r.kind == "Subnet"}
    for r in resources.values():
        if r.type in ONES:
            yield Slot(ONES[r.type]), Amount(1, 1)
        elif r.type == "aws:ec2/natGateway:NatGateway":
            yield Slot(quotas.NAT_GATEWAYS, str(zones.get(r["subnetId"], ""))), Amount(1, 1)
        elif r.type == "aws:lb/loadBalancer:LoadBalancer" and r.inputs.get("loadBalancerType") == "network":
            yield Slot(quotas.LOAD_BALANCERS), Amount(1, 1)
        elif r.type == NODE_GROUP:
            yield from _nodes(r, resources)
        elif r.package == "kubernetes":
            size = claimed_gib(r, resources) / GIB_A_TIB
            if size:
                yield Slot(quotas.GP3), Amount(size, size)


def _nodes(r: Resource, resources: Mapping[str, Resource]) -> Iterator[tuple[Slot, Amount]]:
    """EKS may start any of the group's types: the smallest is what it takes at first, the largest what it may take."""
    first, most = sizes(r)
    of_types = [vcpus(t) for t in r.inputs.get("instanceTypes", []) if is_standard(t)]
    if of_types:
        quota = quotas.SPOT if r.inputs.get("capacityType") == "SPOT" else quotas.ON_DEMAND
        yield Slot(quota), Amount(first * min(of_types), most * max(of_types))
    size = node_gib(r, resources) / GIB_A_TIB
    yield Slot(quotas.GP3), Amount(first * size, most * size)


def sizes(node_group: Resource) -> tuple[int, int]:
    """How many nodes a group starts with, and how many it may have."""
    scaling = node_group["scalingConfig"]
    first, most = scaling.get("desiredSize", scaling["minSize"]), scaling["maxSize"]
    # A size that the program reads from the account is not known here: the group's bounds are.
    return int(first) if isinstance(first, int | float | str) else int(scaling["minSize"]), int(most)


def _each(resources: Sequence[Resource]) -> Iterator[tuple[Slot, Amount]]:
    """What counts against a quota that every resource of a kind has for itself."""
    groups = [r for r in resources if r.type == NODE_GROUP]
    if groups:
        yield Slot(quotas.NODE_GROUPS), Amount(len(groups), len(groups))
    for r in groups:
        first, most = sizes(r)
        yield Slot(quotas.NODES, r.name), Amount(first, most)
    names = {r.id: r.name for r in resources if r.kind == "SecurityGroup"}
    rules = Counter(
        (str(names.get(r["securityGroupId"], "the cluster's")), r.kind)
        for r in resources
        if r.kind in ("SecurityGroupIngressRule", "SecurityGroupEgressRule")
    )
    for (name, _), count in rules.items():
        yield Slot(quotas.RULES, name), Amount(count, count)
    policies = Counter(r["role"] for r in resources if r.type == "aws:iam/rolePolicyAttachment:RolePolicyAttachment")
    for role, count in policies.items():
        yield Slot(quotas.ROLE_POLICIES, str(role)), Amount(count, count)
