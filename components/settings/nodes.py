"""What a stack may say of its node groups."""

import re
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from components.settings.model import Model
from components.settings.values import KubernetesName

GRAVITON = re.compile(r"a1\.|[a-z]+\d+[a-z]*g[a-z]*[.-]")
"""Arm instance types: `g` among the attributes behind the generation (EC2 guide, Instance type names)."""


class Taint(Model):
    """Keeps pods off a node group unless they tolerate it."""

    key: str = Field(min_length=1, max_length=63)
    """The taint's key."""
    value: str = Field(default="", max_length=63)
    """The taint's value; may be empty."""
    effect: Literal["NO_SCHEDULE", "NO_EXECUTE", "PREFER_NO_SCHEDULE"] = "NO_SCHEDULE"
    """What it does to pods that don't tolerate it, in the words of the EKS API."""


class NodeGroupSettings(Model):
    """A managed node group."""

    name: KubernetesName = Field(max_length=30)
    """system, apps, ingress, …; every node has it as the label `journal/node-group`."""
    instance_types: list[str] = Field(min_length=1, max_length=20)
    """EC2 instance types, the preferred one first; several help Spot."""
    architecture: Literal["x86_64", "arm64"] = "x86_64"
    """The processors of all these types."""
    os: Literal["AL2023", "BOTTLEROCKET"] = "AL2023"
    """The family of the nodes' images."""
    capacity_type: Literal["ON_DEMAND", "SPOT"] = "ON_DEMAND"
    """Spot is cheap and may go with two minutes' notice."""
    min_size: int = Field(ge=0, le=450)
    """Nodes at least."""
    desired_size: int = Field(ge=0, le=450)
    """Nodes at first; then the Cluster Autoscaler decides."""
    max_size: int = Field(ge=1, le=450)
    """Nodes at most."""
    disk_gib: int = Field(default=50, ge=20, le=16384)
    """Size of a node's root volume."""
    labels: dict[str, str] = {}
    """Labels of its nodes, beside `journal/node-group`."""
    taints: list[Taint] = []
    """Taints of its nodes."""

    @field_validator("instance_types")
    @classmethod
    def _instance_type(cls, types: list[str]) -> list[str]:
        for name in types:
            if not re.fullmatch(r"[a-z][a-z0-9-]*\d[a-z0-9-]*\.[a-z0-9-]+", name):
                raise ValueError(f"{name!r} is no instance type; write family and size, like m7i.large")
        return types

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
        return self
