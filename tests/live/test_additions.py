"""What somebody adds to an object by hand: the next preview shows it, and the next up removes it."""

import json
from typing import Any

import pulumi
import pytest
from pulumi.automation import OpType
from pulumi_kubernetes.apps.v1 import Deployment, DeploymentSpecArgs
from pulumi_kubernetes.core.v1 import (
    ContainerArgs,
    ContainerPortArgs,
    EnvVarArgs,
    PodSpecArgs,
    PodTemplateSpecArgs,
    Service,
    ServicePortArgs,
    ServiceSpecArgs,
)
from pulumi_kubernetes.meta.v1 import LabelSelectorArgs, ObjectMetaArgs

from components.kubernetes import SKIP_AWAIT, container_security, pod_security
from local import images
from local.access import Access
from tests.live.deployments import NAMESPACE, Stack, config_map, here, metadata, read, stack

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]
__all__ = ["here", "stack"]  # fixtures
LABELS = {"app": "web"}


def declare(stack: Stack, image: str) -> None:
    """A ConfigMap, a Service and a Deployment."""
    container = ContainerArgs(
        name="main",
        image=image,
        command=["sleep", "1000"],
        env=[EnvVarArgs(name="A", value="1")],
        ports=[ContainerPortArgs(name="http", container_port=80)],
        security_context=container_security(),
    )
    pod = PodSpecArgs(containers=[container], security_context=pod_security(), termination_grace_period_seconds=0)
    config_map(stack, a="1")
    Service(
        "web",
        metadata=ObjectMetaArgs(name="web", namespace=NAMESPACE, annotations=SKIP_AWAIT),
        spec=ServiceSpecArgs(selector=LABELS, ports=[ServicePortArgs(name="http", port=80)]),
        opts=stack.options,
    )
    Deployment(
        "web",
        metadata=metadata("web"),
        spec=DeploymentSpecArgs(
            replicas=1,
            selector=LabelSelectorArgs(match_labels=LABELS),
            template=PodTemplateSpecArgs(metadata=ObjectMetaArgs(labels=LABELS), spec=pod),
        ),
        opts=pulumi.ResourceOptions.merge(
            stack.options, pulumi.ResourceOptions(custom_timeouts=pulumi.CustomTimeouts(create="60s"))
        ),
    )


def added(image: str) -> list[tuple[list[str], str]]:
    """What a person types, and the field that it adds."""
    side = {"name": "side", "image": image, "command": ["sleep", "1000"]}
    ports = [{"containerPort": 81, "name": "more"}]
    pod = "spec.template.spec"

    def patched(kind: str, patch: dict[str, Any]) -> list[str]:
        return ["patch", kind, "-p", json.dumps(patch)]

    def in_pod(**more: Any) -> dict[str, Any]:
        return {"spec": {"template": {"spec": more}}}

    return [
        (["set", "env", "deployment/web", "ADDED=1"], f"{pod}.containers[main].env[ADDED]"),
        (["label", "deployment/web", "by-hand=yes"], "metadata.labels"),
        (patched("deployment/web", in_pod(containers=[side])), f"{pod}.containers[side]"),
        (
            patched("deployment/web", in_pod(containers=[{"name": "main", "ports": ports}])),
            f"{pod}.containers[main].ports[81/TCP]",
        ),
        (patched("deployment/web", in_pod(nodeSelector={"none": "such"})), f"{pod}.nodeSelector"),
        (patched("service/web", {"spec": {"ports": [{"port": 81, "name": "more"}]}}), "spec.ports[81/TCP]"),
        (patched("configmap/settings", {"data": {"b": "by hand"}}), "data.b"),
    ]


def plain(here: Access, kind: str, name: str) -> dict[str, Any]:
    """An object without what each write of it changes."""
    found = read(here, kind, name)
    for key in ("managedFields", "resourceVersion", "generation"):
        found["metadata"].pop(key, None)
    found["metadata"].get("annotations", {}).pop("deployment.kubernetes.io/revision", None)
    return {key: value for key, value in found.items() if key != "status"}


def flat(value: Any, path: str = "") -> set[str]:
    """Every field and value of an object, a line each: a failed comparison shows those alone that differ."""
    if isinstance(value, dict) and value:
        return {line for key, below in value.items() for line in flat(below, f"{path}.{key}")}
    if isinstance(value, list) and value:
        return {line for n, below in enumerate(value) for line in flat(below, f"{path}[{n}]")}
    return {f"{path}: {value}"}


def test_what_was_added_by_hand_is_seen_and_removed(stack: Stack, here: Access) -> None:
    image = images.references()["redis"]

    def program() -> None:
        declare(stack, image)

    stack.up(program)
    kinds = (("deployment", "web"), ("service", "web"), ("configmap", "settings"))
    before = [flat(plain(here, *which)) for which in kinds]
    for command, _ in added(image):
        here.run("-n", NAMESPACE, *command)
    here.run("-n", NAMESPACE, "set", "env", "deployment/web", "A=changed")

    seen = stack.preview(program)
    printed = "".join(stack.printed.split())
    assert [path for _, path in added(image) if f"{path}(kubectl" not in printed] == []
    assert ".env[A]" not in printed
    assert [flat(plain(here, *which)) for which in kinds] != before
    assert not seen.summary.startswith("nothing to change")

    done = stack.up(program)
    assert {(OpType.UPDATE, "web"), (OpType.UPDATE, "settings")} <= set(done.changes)
    after = [flat(plain(here, *which)) for which in kinds]
    assert [sorted(now ^ then) for now, then in zip(after, before, strict=True)] == [[], [], []]
    again = stack.up(program)
    assert again.summary.startswith("nothing to change")


def test_a_restart_by_hand_is_left_alone(stack: Stack, here: Access) -> None:
    image = images.references()["redis"]

    def program() -> None:
        declare(stack, image)

    stack.up(program)
    here.run("-n", NAMESPACE, "rollout", "restart", "deployment/web")
    restarted = plain(here, "deployment", "web")
    assert stack.preview(program).summary.startswith("nothing to change")
    stack.up(program)
    assert plain(here, "deployment", "web") == restarted
