"""Where pods may run: by the node group's name and the taints they tolerate."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

NODE_GROUP_LABEL = "journal/node-group"
"""Every node carries the name of its group under this label."""
DEDICATED = "dedicated"
"""Taint of a group that serves one purpose; its value is the group's name."""
CRITICAL_ADDONS = "CriticalAddonsOnly"
"""Taint that only the cluster's add-ons tolerate (EKS add-ons do so by default)."""


class HasTaint(Protocol):
    """A taint as the settings have it; `effect` in the words of the EKS API."""

    @property
    def key(self) -> str: ...
    @property
    def value(self) -> str: ...
    @property
    def effect(self) -> str: ...


class HasTaints(Protocol):
    """A node group as far as placing pods goes."""

    @property
    def name(self) -> str: ...
    @property
    def taints(self) -> Sequence[HasTaint]: ...
    @property
    def max_size(self) -> int: ...


@dataclass(frozen=True, kw_only=True)
class Placement:
    """Where a workload's pods may run.

    node_group: the one group they run on; without it, any.
    tolerates: taints by key, with their value or "" for any value (operator Exists).
    """

    node_group: str | None = None
    tolerates: tuple[tuple[str, str], ...] = ()

    def fits(self, group: HasTaints) -> bool:
        """Whether the scheduler may put a pod on a node of this group; PREFER_NO_SCHEDULE only advises."""
        if self.node_group not in (None, group.name) or group.max_size == 0:
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


def homeless(groups: Sequence[HasTaints]) -> list[str]:
    """The workloads that no group takes."""
    return [name for name, placement in WORKLOADS.items() if not any(placement.fits(group) for group in groups)]
