"""Type tokens, which are part of every URN: `journal:FOLDER:Class` for a class in components/FOLDER."""

import ast
import importlib
import inspect
import pkgutil
import textwrap
from collections.abc import Callable

import pulumi
import pytest

import components
from components.kubernetes import KubernetesComponent, ReleasedTier
from components.platform.cert_manager import SelfSigned
from tests.conftest import Recording, record
from tools.stack import names

BASES = (KubernetesComponent, ReleasedTier, SelfSigned)
"""Bases of components without a token of their own."""


def component_classes() -> list[type[pulumi.ComponentResource]]:
    """Every component class."""
    for module in pkgutil.walk_packages(components.__path__, "components."):
        importlib.import_module(module.name)
    found: set[type[pulumi.ComponentResource]] = set()
    bases: list[type[pulumi.ComponentResource]] = [pulumi.ComponentResource]
    while bases:
        for subclass in bases.pop().__subclasses__():
            bases.append(subclass)
            if subclass.__module__.startswith("components.") and subclass not in BASES:
                found.add(subclass)
    return sorted(found, key=lambda cls: (cls.__module__, cls.__name__))


CLASSES = component_classes()


def token_of(cls: type[pulumi.ComponentResource]) -> str:
    """The token that the class hands to `super().__init__`, as its source has it."""
    (token,) = [
        ast.literal_eval(call.args[0])
        for call in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(cls))))
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "super().__init__"
    ]
    return token


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: f"{cls.__module__}.{cls.__name__}")
def test_a_token_names_the_folder_and_the_class(cls: type[pulumi.ComponentResource]) -> None:
    """A class directly in components/ would have the module `index`, as Pulumi calls a package's root."""
    folders = cls.__module__.split(".")[1:-1] or ["index"]
    assert token_of(cls) == f"journal:{'/'.join(folders)}:{cls.__name__}"


def test_the_stacks_have_every_component_and_no_other(recorded: Callable[[str], Recording]) -> None:
    resources = {"cpu": "20m", "memory": "96Mi", "cpuLimit": "1", "memoryLimit": "192Mi"}
    login = {"image": "localhost/journal/auth:v1.0.0", "resources": resources}
    with_options = record("local", cluster={"metricsServer": True}, login=login, workflows={})
    recordings = [*(recorded(name) for name in names()), with_options]
    registered = {r.type for recording in recordings for r in recording.registrations if not r.custom}
    assert registered - {"pulumi:pulumi:Stack", "kubernetes:yaml/v2:ConfigGroup"} == {token_of(cls) for cls in CLASSES}
