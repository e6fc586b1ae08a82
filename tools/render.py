"""A stack without a cluster: what its program declares, recorded, as files to compare and as a tree to read."""

from pathlib import Path

from tools import cloud, stack, tree
from tools.recording.renderer import Renderer
from tools.terminal import console


def record(name: str) -> Renderer:
    """All that a stack's program registers. Raises StackError, SettingsError and EngineError."""
    config = stack.config_of(name)
    renderer = Renderer(cloud.cloud_of(config))
    cloud.run_stack(name, renderer, config)
    return renderer


def render(name: str) -> Path:
    """Write `build/<stack>`: a manifest of each object, and resources.json; the folder."""
    folder = stack.ROOT / "build" / name
    record(name).write(folder)
    return folder


def show(name: str, *, every: bool = False) -> None:
    """Print the stack as a tree, with the count of each type."""
    registrations = record(name).registrations
    console.print(tree.tree(f"{stack.PROJECT}-{name}", registrations, every=every))
    console.print(*tree.counts(registrations), sep="\n")
