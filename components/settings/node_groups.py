"""Settings of node groups, and which pods can run on which group."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from components.settings.labels import refuse_key, refuse_value
from components.settings.values import KubernetesName, Model

NODE_GROUP_LABEL = "journal/node-group"
"""Label of every node; its value is the name of the node's group."""
DEDICATED = "dedicated"
"""Key of the taint of a group for one purpose; its value is the group's name."""
CRITICAL_ADDONS = "CriticalAddonsOnly"
"""Key of the taint that only the cluster's add-ons tolerate; EKS add-ons do so by default."""
MAX_ZONAL_NAME = 20
"""Longest name of a group with one part a zone: EKS takes 63 characters with environment, zone and hash."""
GRAVITON = re.compile(r"a1\.|[a-z]+[0-9]+[a-z]*g[a-z]*[.-]")
"""Matches Arm instance types: a `g` follows the generation (EC2 guide, Instance type naming conventions)."""

SIZE = r"(nano|micro|small|medium|([0-9]*x)?large|metal(-[0-9]+xl)?)"
"""Sizes of instances (EC2 guide, Instance type naming conventions)."""


class Taint(Model):
    """A taint: it keeps pods that do not tolerate it off the nodes of a group."""

    key: str
    """The key of the taint, such as dedicated.

    https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/
    """
    value: str = ""
    """The value of the taint. By default it is empty."""
    effect: Literal["NO_SCHEDULE", "NO_EXECUTE", "PREFER_NO_SCHEDULE"] = "NO_SCHEDULE"
    """What happens to pods that do not tolerate the taint, in the spelling of the EKS API.

    `NO_SCHEDULE` keeps new pods away, `NO_EXECUTE` evicts running ones too, `PREFER_NO_SCHEDULE` is only a preference.
    https://docs.aws.amazon.com/eks/latest/APIReference/API_Taint.html
    """

    @model_validator(mode="after")
    def _as_eks_takes_it(self) -> Self:
        refuse_key(self.key, NODE_GROUP_LABEL, "taint")
        refuse_value(self.value, self.key, "taint", may_be_empty=True)
        return self


class NodeGroupSettings(Model):
    """A managed node group: nodes of one kind, whose number the Cluster Autoscaler changes."""

    name: KubernetesName = Field(max_length=30)
    """The name of the group, which its nodes carry as the label `journal/node-group`.

    The ingress controller runs on the group `ingress`, which has a node at least and no `perZone`. Changing the name
    replaces the group.
    https://docs.aws.amazon.com/eks/latest/userguide/managed-node-groups.html
    """
    instance_types: list[str] = Field(min_length=1, max_length=20)
    """The EC2 instance types of the nodes, the preferred one first.

    They should be of about the same size. With `SPOT`, several types make an interruption less likely.
    https://docs.aws.amazon.com/ec2/latest/instancetypes/instance-types.html
    """
    architecture: Literal["x86_64", "arm64"] = "x86_64"
    """The processor architecture of the instance types; all of them must have it.

    https://docs.aws.amazon.com/eks/latest/userguide/eks-optimized-amis.html
    """
    os: Literal["AL2023", "BOTTLEROCKET"] = "AL2023"
    """The operating system of the nodes: Amazon Linux 2023 or Bottlerocket, which has no shell and no SSH.

    https://docs.aws.amazon.com/eks/latest/userguide/eks-optimized-amis.html
    """
    capacity_type: Literal["ON_DEMAND", "SPOT"] = "ON_DEMAND"
    """How the instances are bought. `SPOT` costs less, but AWS may take a node away with two minutes' notice.

    https://docs.aws.amazon.com/eks/latest/userguide/managed-node-groups.html
    """
    min_size: int = Field(ge=0, le=450)
    """The smallest number of nodes that the Cluster Autoscaler may leave. It must not be above `desiredSize`.

    https://docs.aws.amazon.com/eks/latest/APIReference/API_NodegroupScalingConfig.html
    """
    desired_size: int = Field(ge=0, le=450)
    """The number of nodes that the group starts with. After that, the Cluster Autoscaler changes it.

    A group that replaces another starts with that one's nodes. A new `minSize` or `maxSize` moves the number only as
    far as it must.

    https://docs.aws.amazon.com/eks/latest/APIReference/API_NodegroupScalingConfig.html
    """
    max_size: int = Field(ge=1, le=450)
    """The largest number of nodes that the Cluster Autoscaler may create. It must not be below `desiredSize`.

    https://docs.aws.amazon.com/eks/latest/APIReference/API_NodegroupScalingConfig.html
    """
    disk_gib: int = Field(default=50, ge=20, le=16384)
    """The size in GiB of the volume on which each node keeps images, logs and emptyDirs.

    https://docs.aws.amazon.com/ebs/latest/userguide/general-purpose.html
    """
    labels: dict[str, str] = {}
    """Labels that the nodes carry in addition to `journal/node-group`. By default there are none.

    EKS refuses keys under kubernetes.io, k8s.io and eks.amazonaws.com, and keys and values of more than 63 characters.
    https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/
    """
    taints: list[Taint] = []
    """Taints of the nodes. By default there are none, and every pod may run on the group.

    https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/
    """
    per_zone: bool = False
    """Whether EKS gets one node group for each zone of the network instead of one that spans them all.

    By default it gets one. A volume stays in its zone, and only a group of that zone can be told to grow there, so a
    group without taints, on which pods with volumes may run, must say true. The sizes stay those of all zones together
    and must be multiples of their number. Changing it replaces the group.
    https://docs.aws.amazon.com/eks/latest/best-practices/cas.html
    """

    @field_validator("instance_types")
    @classmethod
    def _instance_type(cls, types: list[str]) -> list[str]:
        for name in types:
            if not re.fullmatch(rf"[a-z][a-z0-9-]*[0-9][a-z0-9-]*\.{SIZE}", name):
                raise ValueError(f"{name!r} is no instance type; write family and size, like m7i.large")
        return types

    @field_validator("labels")
    @classmethod
    def _labels_as_eks_takes_them(cls, labels: dict[str, str]) -> dict[str, str]:
        for key, value in labels.items():
            refuse_key(key, NODE_GROUP_LABEL, "label")
            refuse_value(value, key, "label", may_be_empty=False)
        return labels

    @field_validator("taints")
    @classmethod
    def _each_taint_once(cls, taints: list[Taint]) -> list[Taint]:
        named = [(taint.key, taint.effect) for taint in taints]
        if twice := [key for key, effect in named if named.count((key, effect)) > 1]:
            raise ValueError(f"taint {twice[0]} is named twice with one effect; name it once")
        return taints

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.min_size <= self.desired_size <= self.max_size:
            raise ValueError(
                f"node group {self.name}: minSize {self.min_size}, desiredSize {self.desired_size}, maxSize "
                f"{self.max_size}; they must not fall from the first to the last"
            )
        arm = [name for name in self.instance_types if GRAVITON.match(name)]
        wrong = [n for n in self.instance_types if (n in arm) != (self.architecture == "arm64")]
        if wrong:
            raise ValueError(f"node group {self.name}: {', '.join(wrong)} has no {self.architecture} processor")
        if self.per_zone and self.name == INGRESS.node_group:
            raise ValueError(
                f"node group {self.name}: perZone would make one group a zone, and the ingress controller runs on the "
                "nodes of a single one; take perZone out"
            )
        if self.min_size == 0 and self.name == INGRESS.node_group:
            raise ValueError(
                f"node group {self.name}: minSize 0 can leave the ingress controller without a node, and the Cluster "
                "Autoscaler does not know of an empty group the label by which its pods choose it; set minSize to 1 or "
                "more"
            )
        if self.per_zone and len(self.name) > MAX_ZONAL_NAME:
            raise ValueError(
                f"node group {self.name}: perZone adds the zone to the name, and EKS takes 63 characters; choose one "
                f"of at most {MAX_ZONAL_NAME}"
            )
        return self


@dataclass(frozen=True, kw_only=True)
class ManagedNodeGroup:
    """A node group as EKS has it: the whole of a group of the settings, or the part in one zone.

    name: "apps", or "apps-eu-central-1a" for a part.
    settings: what nodes are made of. Their label and their taints are those of the group, whatever the zone.
    zones: the zones that the group spans.
    min_size, desired_size, max_size: numbers of nodes of this group alone.
    """

    name: str
    settings: NodeGroupSettings
    zones: tuple[str, ...]
    min_size: int
    desired_size: int
    max_size: int


def managed_node_groups(groups: Sequence[NodeGroupSettings], zones: Sequence[str]) -> list[ManagedNodeGroup]:
    """The node groups that EKS gets. Raises ValueError where `refuse_zones` does."""
    refuse_zones(groups, zones)
    return [
        ManagedNodeGroup(
            name=f"{group.name}-{part[0]}" if group.per_zone else group.name,
            settings=group,
            zones=part,
            min_size=group.min_size * len(part) // len(zones),
            desired_size=group.desired_size * len(part) // len(zones),
            max_size=group.max_size * len(part) // len(zones),
        )
        for group in groups
        for part in ([(zone,) for zone in zones] if group.per_zone else [tuple(zones)])
    ]


def refuse_zones(groups: Sequence[NodeGroupSettings], zones: Sequence[str]) -> None:
    """Raises ValueError for sizes that zones cannot share, and for a group over several zones that takes volumes.

    The Cluster Autoscaler chooses a group to grow, and EC2 the zone within it. If a pod waits for a node in the zone of
    its volume, the new node may be in another one (EKS best practices guide, Cluster Autoscaler, EBS volumes).
    """
    for group in groups:
        sizes = {"minSize": group.min_size, "desiredSize": group.desired_size, "maxSize": group.max_size}
        odd = [f"{key} {size}" for key, size in sizes.items() if size % len(zones)]
        if group.per_zone and odd:
            raise ValueError(
                f"node group {group.name}: perZone divides the sizes among {len(zones)} zones, which {', '.join(odd)} "
                f"does not allow; choose multiples of {len(zones)}"
            )
        if not group.per_zone and len(zones) > 1 and ANYWHERE.fits(group):
            raise ValueError(
                f"node group {group.name} takes pods with volumes, which stay in their zone, and spans {len(zones)} "
                "zones, so it cannot grow where a volume is; set perZone: true, and sizes that are multiples of "
                f"{len(zones)}"
            )


@dataclass(frozen=True, kw_only=True)
class Placement:
    """The nodes that a workload's pods may run on.

    node_group: the name of the only group that they run on; None means any group.
    labels: further labels, as (key, value) pairs, that their nodes carry.
    tolerates: the (key, value) pairs of the taints that they tolerate; the value "" stands for any value.
    """

    node_group: str | None = None
    labels: tuple[tuple[str, str], ...] = ()
    tolerates: tuple[tuple[str, str], ...] = ()

    def fits(self, group: NodeGroupSettings) -> bool:
        """Whether the scheduler can place a pod on this group, `labels` aside.

        A taint PREFER_NO_SCHEDULE keeps no pod away.
        """
        if self.node_group not in (None, group.name):
            return False
        hard = [taint for taint in group.taints if taint.effect != "PREFER_NO_SCHEDULE"]
        return all((taint.key, taint.value) in self.tolerates or (taint.key, "") in self.tolerates for taint in hard)


ANYWHERE = Placement()
ADD_ONS = Placement(tolerates=((CRITICAL_ADDONS, ""),))
INGRESS = Placement(node_group="ingress", tolerates=((DEDICATED, "ingress"),))
WORKLOADS: Mapping[str, Placement] = {
    "the journal and cert-manager": ANYWHERE,
    "the cluster's add-ons": ADD_ONS,
    "the ingress controller": INGRESS,
}


def unschedulable_workloads(groups: Sequence[NodeGroupSettings]) -> list[str]:
    """The names of those `WORKLOADS` for which no group has a node that can run them."""
    return [name for name, placement in WORKLOADS.items() if not any(placement.fits(group) for group in groups)]
