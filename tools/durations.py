"""How long making and deleting a resource takes, from the one table of public figures, docs/durations.yaml."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml

from tools import stack
from tools.resource import Resource

TABLE = Path("docs") / "durations.yaml"
What = Literal["create", "delete"]


@dataclass(frozen=True)
class Durations:
    """Seconds by type, by EKS add-on, and by package for what has no line of its own."""

    types: Mapping[str, Mapping[str, Any]]
    add_ons: Mapping[str, Mapping[str, Any]]
    defaults: Mapping[str, Mapping[str, Any]]

    def seconds(self, r: Resource, what: What = "create") -> float:
        """Components, providers and what is read take no time."""
        if not r.custom or r.is_read or r.kind == "Provider":
            return 0.0
        if r.kind == "Addon" and r.inputs.get("addonName") in self.add_ons:
            return float(self.add_ons[r.inputs["addonName"]][what])
        line = self.types.get(r.type, self.defaults.get(r.package))
        return 0.0 if line is None else float(line[what])


@cache
def load() -> Durations:
    table = yaml.safe_load((stack.ROOT / TABLE).read_text())
    return Durations(table["types"], table["add_ons"], table["defaults"])


def minutes(seconds: float) -> str:
    """`10:06`."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
