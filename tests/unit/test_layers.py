"""Each layer imports only from the layers above it (docs/architecture.md)."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

LAYERS = ("settings", "objects", "aws", "clusters", "platform", "journal")
"""From the top; `objects` is what stands beside the folders: base, namespace, workload, policies, cluster."""
BESIDE = {"clusters": "clusters", "versions": "settings"}
COMPONENTS = ROOT / "components"


def layer_of(module: str) -> str:
    """The layer of `components.aws.network.network`, say."""
    first = module.split(".")[1]
    return first if (COMPONENTS / first).is_dir() else BESIDE.get(first, "objects")


def imports(path: Path) -> Iterator[str]:
    """What a file imports of components, as `components.aws.network`."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("components."):
            yield str(node.module)
        elif isinstance(node, ast.ImportFrom) and node.module == "components":
            yield from (f"components.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", sorted(COMPONENTS.rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_layer_knows_nothing_of_those_below_it(path: Path) -> None:
    relative = path.relative_to(ROOT).with_suffix("")
    if path.parent == COMPONENTS and path.name == "__init__.py":
        return
    here = LAYERS.index(layer_of(".".join(relative.parts)))
    assert [module for module in imports(path) if LAYERS.index(layer_of(module)) > here] == []


def test_imports_are_seen() -> None:
    found = {layer_of(module) for path in COMPONENTS.rglob("*.py") for module in imports(path)}
    assert found >= {"settings", "objects", "aws"}


def test_the_program_is_short() -> None:
    assert len((ROOT / "__main__.py").read_text().splitlines()) < 60
