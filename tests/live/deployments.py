"""A stack of a test's own on the running cluster, and what its programs declare."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi_kubernetes.core.v1 import (
    ConfigMap,
)
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs

from components.kubernetes import create_provider
from local.access import Access, access
from local.pulumi import programs
from local.pulumi.deployment import Deployment
from local.pulumi.display import Watcher
from local.pulumi.programs import PulumiPrograms
from local.pulumi.workspace import StateFolder
from tools.progress import NO_PROGRESS
from tools.terminal import Steps

NAMESPACE = "deployment-test"
Program = Callable[[], None]


@pytest.fixture(scope="module")
def here() -> Iterator[Access]:
    """The cluster, with a namespace for these tests: deleting one takes Kubernetes five seconds."""
    found = access()
    found.run("delete", "namespace", NAMESPACE, "--ignore-not-found")
    found.run("create", "namespace", NAMESPACE)
    yield found
    found.run("delete", "namespace", NAMESPACE)


class Stack:
    """A stack of the test's own, with its state in a temporary folder. `printed` is what the last run said."""

    def __init__(
        self, here: Access, folder: StateFolder, programs: PulumiPrograms, capture: pytest.CaptureFixture[str]
    ) -> None:
        self.here, self.folder, self.programs, self.capture = here, folder, programs, capture
        self.printed = ""
        self.options = pulumi.ResourceOptions()

    def up(self, program: Program) -> Watcher:
        return self._run(program, lambda deployment, step: deployment.up(step)[1])

    def preview(self, program: Program, *, refresh: bool = False) -> Watcher:
        return self._run(program, lambda deployment, step: deployment.preview(step, refresh=refresh))

    def down(self) -> None:
        self._run(lambda: None, lambda deployment, step: deployment.down(step))

    def _run(self, program: Program, act: Callable[[Deployment, Any], Any]) -> Any:
        kubeconfig = self.here.kubeconfig

        def whole() -> None:
            options = pulumi.ResourceOptions()
            provider = create_provider("cluster", kubeconfig=str(kubeconfig), context=self.here.context, opts=options)
            self.options = pulumi.ResourceOptions(provider=provider)
            program()

        deployment = Deployment(self.here, self.programs, {}, self.folder, whole)
        self.capture.readouterr()
        try:
            with Steps() as steps, steps.step("test") as step:
                return act(deployment, step)
        finally:
            self.printed = self.capture.readouterr().out


@pytest.fixture
def stack(here: Access, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Stack]:
    made = Stack(here, StateFolder(tmp_path / "pulumi"), programs.build(NO_PROGRESS), capsys)
    yield made
    made.down()


def declaring(*makes: Callable[[], object]) -> Program:
    """A program that makes these."""

    def program() -> None:
        for make in makes:
            make()

    return program


def metadata(name: str) -> ObjectMetaArgs:
    return ObjectMetaArgs(name=name, namespace=NAMESPACE)


def config_map(stack: Stack, name: str = "settings", **data: str) -> ConfigMap:
    return ConfigMap(name, metadata=metadata(name), data=data, opts=stack.options)


def read(here: Access, kind: str, name: str) -> dict[str, Any]:
    return here.json("-n", NAMESPACE, "get", kind, name)
