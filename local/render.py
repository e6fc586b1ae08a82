"""A stack without a cluster: what its program declares, as files to compare and as a tree to read."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from rich.tree import Tree

from local import mocks, stack
from local.engine import Registration
from local.engine.renderer import Renderer
from local.terminal import console


def record(name: str) -> Renderer:
    """All that a stack's program registers. Raises StackError, SettingsError and EngineError."""
    config = stack.effective(name, stack.Overrides())
    renderer = Renderer(mocks.cloud_of(config))
    mocks.run_stack(name, renderer, config)
    return renderer


def render(name: str) -> Path:
    """Write `build/<stack>`: a manifest of each object, and resources.json; the folder."""
    folder = stack.ROOT / "build" / name
    record(name).write(folder)
    return folder


def show(name: str) -> None:
    """Print the stack as a tree, with the count of each type."""
    registrations = sorted(record(name).registrations, key=lambda r: r.urn)
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
