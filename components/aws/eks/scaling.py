"""The sizes that EKS is sent for a node group, given those that the Cluster Autoscaler has made of them.

The AWS provider sends minimum, desired and maximum size together when one of them changes (terraform-provider-aws,
eks/node_group.go). If the desired size were the one at the group's creation, a new `maxSize` would take away the nodes
that the autoscaler has added, and EKS would refuse a `minSize` above it. So the program looks at the autoscaling groups
first.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.settings.node_groups import ManagedNodeGroup

CLUSTER_TAG, NODE_GROUP_TAG = "eks:cluster-name", "eks:nodegroup-name"
"""Tags by which EKS says whose an autoscaling group is."""
HASH = re.compile(r"-[0-9a-f]{8}$")
"""The end of the physical name of a node group."""


@dataclass(frozen=True, kw_only=True)
class LiveSize:
    """The sizes of an autoscaling group that exists."""

    min_size: int
    desired_size: int
    max_size: int


@dataclass(frozen=True, kw_only=True)
class Scaling:
    """The sizes that a node group is declared with.

    unchanged: whether the group has these bounds already. Then Pulumi ignores all three sizes, and what the autoscaler
    has decided is no difference.
    """

    min_size: int
    desired_size: int
    max_size: int
    unchanged: bool


def scaling(group: ManagedNodeGroup, physical_name: str, live: Mapping[str, LiveSize]) -> Scaling:
    """The sizes of a group: the settings' bounds, and between them the number of nodes that are there.

    live: the groups that exist, by physical name. A group that does not exist yet starts with the nodes of the group
    that it replaces, whose name differs in the hash alone, so that a replacement under load is no smaller; without one,
    it starts with the settings' desired size. If several are left by a replacement that was interrupted, the largest
    counts.
    """
    own = live.get(physical_name)
    replaced = [size for name, size in live.items() if HASH.sub("", name) == HASH.sub("", physical_name)]
    there = [own] if own is not None else replaced
    wanted = max((size.desired_size for size in there), default=group.desired_size)
    bounds = (group.min_size, group.max_size)
    return Scaling(
        min_size=group.min_size,
        desired_size=min(max(wanted, group.min_size), group.max_size),
        max_size=group.max_size,
        unchanged=own is not None and (own.min_size, own.max_size) == bounds,
    )


def live_sizes(cluster_name: str, parent: pulumi.Resource) -> dict[str, LiveSize]:
    """The sizes of a cluster's node groups by physical name; empty while there is no cluster.

    They are read from the autoscaling groups, because EKS' own lists fail where there is no cluster yet. The name of
    the function that lists autoscaling groups is a mistake of the SDK. parent: whose AWS provider is asked.
    """
    opts = pulumi.InvokeOptions(parent=parent)
    of_cluster = aws.autoscaling.GetAmiIdsFilterArgs(name=f"tag:{CLUSTER_TAG}", values=[cluster_name])
    names = aws.autoscaling.get_ami_ids(filters=[of_cluster], opts=opts).names
    found = [aws.autoscaling.get_group(name=name, opts=opts) for name in names]
    sizes = {
        _node_group(group.tags): LiveSize(
            min_size=group.min_size, desired_size=group.desired_capacity, max_size=group.max_size
        )
        for group in found
    }
    return {name: size for name, size in sizes.items() if name != ""}


def _node_group(tags: Sequence[aws.autoscaling.outputs.GetGroupTagResult]) -> str:
    """The physical name of the node group; "" if the autoscaling group belongs to none."""
    return next((tag.value for tag in tags if tag.key == NODE_GROUP_TAG), "")
