"""The manifests of stacks, rendered and linted; what is skipped stands in policy/skips.yaml, each with its reason."""

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from rich.markup import escape
from rich.table import Table

from components import settings
from tools import cloud, render, stack
from tools.failures import Failure
from tools.lint import linters, schemas
from tools.lint.linters import Finding
from tools.terminal import Steps, console

SKIPS = stack.ROOT / "policy" / "skips.yaml"
Linter = Literal["kubeconform", "kube-score", "checkov"]


class Skip(BaseModel):
    """A check that is not asked of some objects."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tool: Linter
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
    """What is left of findings. unused: (skip, pattern) that matched none. skipped: each with its skip."""

    left: Sequence[Finding]
    unused: Sequence[tuple[Skip, str]]
    skipped: Sequence[tuple[Finding, Skip]]


def judge(findings: Iterable[Finding], skips: Sequence[Skip]) -> Judged:
    """Take away what is skipped."""
    left: list[Finding] = []
    skipped: list[tuple[Finding, Skip]] = []
    used: set[tuple[str, str, str]] = set()
    for finding in findings:
        matched = [
            (skip, pattern)
            for skip in skips
            if (skip.tool, skip.check) == (finding.tool, finding.check)
            for pattern in skip.resources
            if fnmatchcase(finding.resource, pattern)
        ]
        used.update((skip.tool, skip.check, pattern) for skip, pattern in matched)
        if matched:
            skipped.append((finding, matched[0][0]))
        else:
            left.append(finding)
    unused = [(s, pattern) for s in skips for pattern in s.resources if (s.tool, s.check, pattern) not in used]
    return Judged(sorted(left), unused, skipped)


def findings(names: Sequence[str]) -> Judged:
    """What kubeconform, kube-score and checkov find in the manifests of stacks. Raises Failure."""
    with tempfile.TemporaryDirectory() as temporary:
        return judge(_find(Path(temporary), names), read_skips(SKIPS))


def run(names: Sequence[str]) -> None:
    """Check the manifests of stacks. Raises Failure when a tool finds what is not skipped, or a skip is not needed."""
    judged = findings(names)
    whole = set(names) == set(stack.names())
    _report(judged, whole=whole)
    if judged.left:
        raise Failure(
            f"{len(judged.left)} findings in the manifests.",
            f"`make render STACK=…` writes them. Mend them, or say in {SKIPS.relative_to(stack.ROOT)} why not.",
        )
    if whole and judged.unused:
        raise Failure(
            f"{len(judged.unused)} skips skip nothing any more.",
            f"Remove them from {SKIPS.relative_to(stack.ROOT)}.",
        )


def kubernetes_of(name: str) -> str:
    """The minor version of Kubernetes that a stack runs on; the local cluster's where it has none of its own."""
    parsed = stack.checked(stack.config_of(name))
    if isinstance(parsed, settings.SharedSettings) or parsed.aws is None:
        return schemas.local_minor()
    return parsed.aws.control_plane.version


def _find(root: Path, names: Sequence[str]) -> Iterator[Finding]:
    """Everything that any tool has against any stack."""
    with Steps() as steps:
        with steps.step("render") as step:
            folders = {}
            for number, name in enumerate(names):
                step.step(name, number, len(names))
                if (folder := rendered(root, name)) is not None:
                    folders[name] = folder
        with steps.step("build kubeconform and kube-score") as step:
            built = linters.build(step)
        with steps.step("kubeconform"):
            known: dict[str, Path] = {}
            for name, folder in folders.items():
                version = kubernetes_of(name)
                if version not in known:
                    known[version] = root / "schemas" / version
                    schemas.write(known[version], version)
                yield from linters.kubeconform(built / "kubeconform", name, folder, known[version])
        with steps.step("kube-score"):
            for name, folder in folders.items():
                yield from linters.kube_score(built / "kube-score", name, folder, kubernetes_of(name))
        if not folders:
            return
        with steps.step("install checkov"):
            checkov = linters.install_checkov()
        with steps.step("checkov"):
            yield from linters.checkov(checkov, root / "stacks")


def rendered(root: Path, name: str) -> Path | None:
    """The folder of a stack's manifests; None for a stack without Kubernetes objects."""
    written = root / "rendered" / name
    render.write(cloud.record(name).registrations, written)
    folder = root / "stacks" / name
    if not (written / render.MANIFESTS).exists():
        return None
    folder.parent.mkdir(exist_ok=True)
    return (written / render.MANIFESTS).rename(folder)


def _report(judged: Judged, *, whole: bool) -> None:
    if judged.left:
        table = Table(title="Findings", title_justify="left", show_lines=False)
        for column in ("tool", "check", "object", "stacks", "what"):
            table.add_column(column, overflow="fold")
        for (tool, check, resource, message), stacks in _by_stack(judged.left).items():
            table.add_row(tool, check, resource, " ".join(stacks), escape(message))
        console.print(table)
    for skip, pattern in judged.unused if whole else ():
        console.print(f"[red]unused[/red] {skip.tool} {skip.check} {escape(pattern)}")
    console.print(f"{len(judged.skipped)} findings skipped for the reasons in {SKIPS.relative_to(stack.ROOT)}")


def _by_stack(found: Iterable[Finding]) -> dict[tuple[str, str, str, str], list[str]]:
    stacks: dict[tuple[str, str, str, str], list[str]] = {}
    for f in found:
        stacks.setdefault((f.tool, f.check, f.resource, f.message), []).append(f.stack)
    return stacks
