"""What the engine's live tests share: a stack of its own on the running cluster, and what a run told of it."""

import os
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import pulumi
import pulumi_kubernetes as k8s
import pytest
from pulumi_kubernetes.core.v1 import ConfigMap, Namespace, Secret
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs
from pulumi_random import RandomPassword

from local import paths
from local.engine import Action, Event, State, Summary, Target, down, preview, up
from local.engine.cluster import Cluster
from local.engine.objects import Object, Ref
from local.engine.operations import Outcome

SHARED = "engine-test-api"
"""Namespace of the tests that share one."""
R = TypeVar("R")
NONE: Mapping[str, object] = MappingProxyType({})


def kubeconfig() -> Path:
    """Of the cluster to test on. Fails when there is none."""
    named = os.environ.get("KUBECONFIG")
    path = Path(named) if named else paths.state() / "kubeconfig"
    if not path.is_file():
        pytest.fail(
            f"There is no kubeconfig at {path}: start the cluster with `make up`, or set KUBECONFIG.", pytrace=False
        )
    return path


@contextmanager
def cluster_with(namespace: str) -> Generator[Cluster]:
    """The cluster, with a namespace for tests: deleting one takes Kubernetes five seconds."""
    cluster = Cluster(kubeconfig())
    ref = Ref("v1", "Namespace", "", namespace)
    cluster.apply(ref, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}, force=False)
    yield cluster
    cluster.delete(ref)
    cluster.close()


@dataclass
class Stack:
    """namespace: where its objects are; its programs declare it when `own` is set. events: of the last run."""

    name: str
    namespace: str
    target: Target
    cluster: Cluster
    events: list[Event] = field(default_factory=list)
    own: Namespace | bool = False

    def up(self, program: Callable[[], object], **options: float) -> Outcome:
        self.events.clear()
        target = replace(self.target, **options)
        return up(self._in_namespace(program), target, project="test", stack=self.name, on_event=self.events.append)

    def preview(self, program: Callable[[], object]) -> Outcome:
        self.events.clear()
        program = self._in_namespace(program)
        return preview(program, self.target, project="test", stack=self.name, on_event=self.events.append)

    def down(self) -> Summary:
        self.events.clear()
        return down(self.target, stack=self.name, on_event=self.events.append)

    def _in_namespace(self, program: Callable[[], object]) -> Callable[[], None]:
        def whole() -> None:
            if self.own:
                self.own = Namespace(self.namespace, metadata=ObjectMetaArgs(name=self.namespace))
            program()

        return whole

    def options(self, **more: Any) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions.merge(
            pulumi.ResourceOptions(depends_on=[self.own] if isinstance(self.own, Namespace) else []),
            pulumi.ResourceOptions(**more),
        )

    def metadata(self, name: str, **more: Any) -> ObjectMetaArgs:
        return ObjectMetaArgs(name=name, namespace=self.namespace, **more)

    def make(self, kind: Callable[..., R], name: str, *, options: Mapping[str, object] = NONE, **fields: object) -> R:
        """An object in the stack's namespace; its fields are given as plain values."""
        return kind(name, **{"metadata": self.metadata(name), "opts": self.options(**options), **fields})

    def config_map(self, name: str, data: Mapping[str, object], **options: object) -> ConfigMap:
        return self.make(ConfigMap, name, options=options, data=data)

    def get(self, api_version: str, kind: str, name: str) -> Object | None:
        return self.cluster.get(Ref(api_version, kind, self.namespace, name))

    def found(self, api_version: str, kind: str, name: str) -> Object:
        found = self.get(api_version, kind, name)
        assert found is not None, f"there is no {kind} {name}"
        return found

    def done(self, action: Action) -> list[str]:
        """Names of the resources that the last run did (or would do) this to, in order."""
        return [e.name for e in self.events if e.state == State.DONE and e.action == action]

    def order(self) -> list[str]:
        """What was deleted, in the order in which it was gone."""
        return self.done(Action.DELETE)


def counts(summary: Summary) -> dict[str, int]:
    return {str(action): number for action, number in summary.counts.items() if number}


def pod(labels: dict[str, str], image: str = "nowhere.invalid/none:1") -> dict:
    container = {"name": "main", "image": image, "env": [{"name": "A", "value": "1"}], "ports": [{"containerPort": 80}]}
    return {"metadata": {"labels": labels}, "spec": {"containers": [container]}}


def claim_spec(size: str) -> dict:
    return {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}}


def kinds_of_its_own(stack: Stack, color: str = "red") -> None:
    """A CRD, an object of its kind, a password and a Secret of it."""
    group, plural = "engine.test", "widgets"
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    spec: Any = {
        "group": group,
        "scope": "Namespaced",
        "names": {"plural": plural, "singular": "widget", "kind": "Widget"},
        "versions": [version],
    }
    definition = k8s.apiextensions.v1.CustomResourceDefinition(
        "widgets",
        metadata={"name": f"{plural}.{group}"},
        spec=spec,
    )
    k8s.apiextensions.CustomResource(
        "widget",
        api_version=f"{group}/v1",
        kind="Widget",
        metadata=stack.metadata("widget"),
        spec={"color": color},
        opts=stack.options(depends_on=[definition]),
    )
    password = RandomPassword("password", length=24, special=False)
    stack.make(Secret, "login", string_data={"password": password.result})
