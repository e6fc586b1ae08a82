"""What programs find, and what is skipped for a reason."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tools.failures import Failure

Objects = Any
Tool = Literal["kubeconform", "kube-score", "checkov"]


@dataclass(frozen=True, order=True)
class Finding:
    """What a tool has against one object of a stack. resource: `Kind namespace/name`, or `Kind name`."""

    tool: str
    check: str
    resource: str
    stack: str
    message: str


class Skip(BaseModel):
    """A check that is not asked of some objects."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tool: Tool
    check: str
    resources: list[str] = Field(min_length=1)
    """Patterns of `Kind namespace/name`, as a shell has them."""
    reason: str = Field(min_length=20)


def read_skips(path: Path) -> list[Skip]:
    """Raises Failure."""
    try:
        return [Skip.model_validate(entry) for entry in yaml.safe_load(path.read_text())]
    except (ValidationError, yaml.YAMLError, TypeError) as error:
        raise Failure(
            f"{path.name} is no list of skips.", "Each has tool, check, resources, reason.", str(error)
        ) from None


@dataclass(frozen=True)
class Judged:
    """What is left of findings. unused: (skip, pattern) that matched none. skipped: how many matched, by skip."""

    left: Sequence[Finding]
    unused: Sequence[tuple[Skip, str]]
    skipped: int


def judge(findings: Iterable[Finding], skips: Sequence[Skip]) -> Judged:
    """Take away what is skipped."""
    left: list[Finding] = []
    used: Counter[tuple[str, str, str]] = Counter()
    for finding in findings:
        matched = [
            (skip.tool, skip.check, pattern)
            for skip in skips
            if (skip.tool, skip.check) == (finding.tool, finding.check)
            for pattern in skip.resources
            if fnmatchcase(finding.resource, pattern)
        ]
        used.update(matched)
        if not matched:
            left.append(finding)
    unused = [(s, pattern) for s in skips for pattern in s.resources if not used[(s.tool, s.check, pattern)]]
    return Judged(sorted(left), unused, sum(used.values()))
