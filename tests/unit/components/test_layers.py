"""Each layer imports only from the layers above it, and only `settings.load` reads the configuration."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

LAYERS = ("versions", "settings", "kubernetes", "redis", "aws", "platform", "journal", "observability")
"""From the top: the folders and modules of components/."""
COMPONENTS = ROOT / "components"
IN_PODS = COMPONENTS / "journal" / "digest_files"
"""Scripts that pods run; the program reads them as text."""
MODULES = sorted(
    path for path in COMPONENTS.rglob("*.py") if path != COMPONENTS / "__init__.py" and IN_PODS not in path.parents
)
SOURCES_OF_CONFIGURATION = {
    "pulumi.Config",
    "pulumi.get_stack",
    "pulumi.runtime.config",
    "os.environ",
    "os.getenv",
    "sys.argv",
}


def imported(path: Path) -> Iterator[str]:
    """The modules of components/ that a module imports, such as `components.settings.aws`."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name.startswith("components."))
        elif isinstance(node, ast.ImportFrom) and node.module == "components":
            yield from (f"components.{name.name}" for name in node.names)
        elif isinstance(node, ast.ImportFrom) and str(node.module).startswith("components."):
            yield str(node.module)


def names_used(path: Path) -> set[str]:
    """The dotted names that a module uses, such as `pulumi.Config`."""
    return {ast.unparse(node) for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_layer_knows_nothing_of_those_below_it(path: Path) -> None:
    own = path.relative_to(COMPONENTS).with_suffix("").parts[0]
    below = set(LAYERS[LAYERS.index(own) + 1 :])
    layers = {module.split(".")[1] for module in imported(path)}
    assert layers <= set(LAYERS)
    assert layers & below == set()


def test_platform_and_journal_run_on_any_cluster() -> None:
    used = {
        module
        for layer in ("platform", "journal")
        for path in (COMPONENTS / layer).glob("*.py")
        for module in imported(path)
    }
    assert "components.kubernetes" in used
    assert {module for module in used if module.startswith("components.aws")} == set()


def test_settings_alone_read_the_configuration() -> None:
    readers = {str(path.relative_to(COMPONENTS)) for path in MODULES if names_used(path) & SOURCES_OF_CONFIGURATION}
    assert readers == {"settings/stack.py"}


def test_the_program_is_short() -> None:
    assert len((ROOT / "__main__.py").read_text().splitlines()) < 60
