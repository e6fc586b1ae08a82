"""The embedded engine on a real API: what cannot be changed in place is replaced, unless it is protected."""

from collections.abc import Callable

import pulumi_kubernetes as k8s
import pytest
from pulumi_kubernetes.apps.v1 import Deployment, StatefulSet
from pulumi_kubernetes.core.v1 import ConfigMap, Service

from local.engine import Action, EngineError, ResourceError
from tests.live.engine_stack import Stack, claim_spec, counts, pod

pytestmark = pytest.mark.live


def immutable_config(stack: Stack, value: str, **options: object) -> ConfigMap:
    return stack.make(ConfigMap, "c", data={"a": value}, immutable=True, options=options)


def deployment(stack: Stack, value: str) -> Deployment:
    labels = {"app": value}
    spec = {"replicas": 0, "selector": {"matchLabels": labels}, "template": pod(labels)}
    return stack.make(Deployment, "d", spec=spec)


def stateful_set(stack: Stack, value: str) -> StatefulSet:
    spec = {"replicas": 0, "serviceName": value, "selector": {"matchLabels": {"a": "b"}}, "template": pod({"a": "b"})}
    return stack.make(StatefulSet, "s", spec=spec)


def job(stack: Stack, value: str) -> k8s.batch.v1.Job:
    spec = {"suspend": True, "template": {"spec": {**pod({}, image=value)["spec"], "restartPolicy": "Never"}}}
    return stack.make(k8s.batch.v1.Job, "j", spec=spec)


def service(stack: Stack, value: str) -> Service:
    ports = [{"port": 80}]
    spec = {"ports": ports, "clusterIP": "None"} if value == "one" else {"ports": ports, "type": "ClusterIP"}
    return stack.make(Service, "s", spec=spec)


def binding(stack: Stack, value: str) -> k8s.rbac.v1.RoleBinding:
    ref = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": value}
    return stack.make(k8s.rbac.v1.RoleBinding, "b", role_ref=ref)


def storage_class(stack: Stack, value: str) -> k8s.storage.v1.StorageClass:
    return k8s.storage.v1.StorageClass("c", metadata={"name": stack.name}, provisioner=f"{value}.test/none")


def claim(stack: Stack, value: str) -> k8s.core.v1.PersistentVolumeClaim:
    spec = {**claim_spec("1Gi"), "storageClassName": f"none-{value}"}
    return stack.make(k8s.core.v1.PersistentVolumeClaim, "c", spec=spec)


@pytest.mark.parametrize("make", [immutable_config, deployment, stateful_set, job, binding, storage_class, claim])
def test_what_the_api_calls_immutable_is_replaced(stack: Stack, make: Callable[[Stack, str], object]) -> None:
    stack.up(lambda: make(stack, "one"))
    planned = stack.preview(lambda: make(stack, "two"))
    assert counts(planned.summary) == {"replace": 1}
    (event,) = [e for e in stack.events if e.action == Action.REPLACE]
    assert event.diff, "a replacement says which fields cause it"
    assert counts(stack.up(lambda: make(stack, "two")).summary) == {"replace": 1}
    assert counts(stack.up(lambda: make(stack, "two")).summary) == {"unchanged": 1}


def test_a_protected_resource_is_neither_replaced_nor_deleted(stack: Stack) -> None:
    stack.up(lambda: immutable_config(stack, "1", protect=True))
    with pytest.raises(ResourceError, match="needs a new object, but the resource is protected"):
        stack.up(lambda: immutable_config(stack, "2", protect=True))
    for run in (lambda: stack.up(lambda: None), stack.down, lambda: stack.preview(lambda: None)):
        with pytest.raises(EngineError, match=rf"Protected, so not deleted: ConfigMap {stack.namespace}/c"):
            run()
    assert stack.found("v1", "ConfigMap", "c")["data"] == {"a": "1"}
    stack.up(lambda: immutable_config(stack, "1"))


def test_nothing_is_deleted_for_a_replacement_that_the_api_refuses(stack: Stack) -> None:
    stack.up(lambda: deployment(stack, "one"))
    uid = stack.found("apps/v1", "Deployment", "d")["metadata"]["uid"]
    with pytest.raises(ResourceError, match=r"(?s)Deployment d: the API refuses it .*not/valid"):
        stack.up(lambda: deployment(stack, "not/valid/label"))
    assert stack.found("apps/v1", "Deployment", "d")["metadata"]["uid"] == uid
