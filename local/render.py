"""A stack without a cluster: what its program declares, as files to compare and as a tree to read."""

import json
import shutil
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml
from rich.tree import Tree

from local import stack
from local.engine import Recorder, Registration, run
from local.engine.values import masked
from local.terminal import console


def record(name: str) -> list[Registration]:
    """All that a stack's program registers. Raises StackError, SettingsError and EngineError."""
    config = stack.effective(name, stack.Overrides())
    recorder = Recorder()
    run(stack.ROOT, recorder, project=stack.PROJECT, stack=name, config=config)
    return sorted(recorder.registrations, key=lambda r: r.urn)


def manifest(r: Registration) -> dict[str, Any] | None:
    """The Kubernetes object that a resource is, secrets masked; None where it is none."""
    if r.package != "kubernetes" or r.read_id or "apiVersion" not in r.inputs:
        return None
    return masked(r.inputs, r.secrets)


def file_name(body: dict[str, Any]) -> str:
    """`journal-deployment-frontend.yaml`: what tells one object of a cluster from another."""
    metadata = body["metadata"]
    parts = [metadata.get("namespace"), body["kind"].lower(), metadata["name"]]
    return "-".join(part for part in parts if part).replace(":", "-") + ".yaml"


def render(name: str) -> Path:
    """Write `build/<stack>/manifests/*.yaml` and `resources.json`; the folder."""
    registrations = record(name)
    folder = stack.ROOT / "build" / name
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "manifests").mkdir(parents=True)
    for body in filter(None, map(manifest, registrations)):
        (folder / "manifests" / file_name(body)).write_text(yaml.safe_dump(body, sort_keys=True))
    resources = [_resource(r) for r in registrations]
    (folder / "resources.json").write_text(json.dumps(resources, indent=1, sort_keys=True) + "\n")
    return folder


def _resource(r: Registration) -> dict[str, Any]:
    return {
        "urn": r.urn,
        "type": r.type,
        "name": r.name,
        "inputs": masked(r.inputs, r.secrets),
        "parent": r.parent,
        "dependencies": sorted(r.dependencies),
    }


def show(name: str) -> None:
    """Print the stack as a tree, with the count of each type."""
    registrations = record(name)
    tree = Tree(f"[bold]{stack.PROJECT}-{name}[/bold]")
    known = {r.urn for r in registrations}
    _grow(tree, [r for r in registrations if r.parent not in known], registrations)
    console.print(tree)
    for kind, count in Counter(r.type for r in registrations).most_common():
        console.print(f"{count:4d}  {kind}")
    console.print(f"{len(registrations):4d}  in all")


def _grow(tree: Tree, level: Iterable[Registration], everything: list[Registration]) -> None:
    for r in level:
        branch = tree.add(f"{r.name}  [dim]{r.type}[/dim]")
        _grow(branch, [child for child in everything if child.parent == r.urn], everything)
