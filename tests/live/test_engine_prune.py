"""The embedded engine on a real API: what a program no longer declares goes, and nothing else."""

import pytest
from pulumi_kubernetes.core.v1 import ConfigMap

from local.engine import EngineError, ResourceError
from local.engine.inventory import name_of
from local.engine.objects import Ref
from tests.live.engine_stack import Stack, counts, kinds_of_its_own

pytestmark = pytest.mark.live


def test_pruning_goes_in_reverse_order(stack: Stack) -> None:
    def program() -> None:
        first = stack.config_map("first", {})
        second = stack.config_map("second", {}, depends_on=[first])
        stack.config_map("third", {"x": second.metadata.name})
        stack.config_map("kept", {})

    stack.up(program)
    stack.up(lambda: stack.config_map("kept", {}))
    assert stack.order() == ["third", "second", "first"]


def test_deletion_waits_for_finalizers_and_names_them(stack: Stack) -> None:
    meta = stack.metadata("held", finalizers=["test.example/hold"])
    stack.up(lambda: ConfigMap("held", metadata=meta))
    with pytest.raises(EngineError, match=r"held: isn't gone after \d+ s: finalizers test.example/hold"):
        stack.up(lambda: None, timeout=3)
    held = stack.found("v1", "ConfigMap", "held")
    held["metadata"]["finalizers"] = []
    stack.cluster.replace(Ref("v1", "ConfigMap", stack.namespace, "held"), held)
    stack.up(lambda: None)
    assert stack.get("v1", "ConfigMap", "held") is None


def test_down_leaves_nothing_and_can_be_repeated(own: Stack) -> None:
    own.up(lambda: kinds_of_its_own(own))
    own.cluster.apply(
        Ref("v1", "ConfigMap", own.namespace, "stranger"),
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "stranger", "namespace": own.namespace}},
        force=False,
    )
    assert counts(own.down()) == {"delete": 5}
    assert own.order().index("widget") < own.order().index("widgets")
    for ref in (
        Ref("v1", "Namespace", "", own.namespace),
        Ref("v1", "ConfigMap", "kube-system", name_of(own.name)),
        Ref("coordination.k8s.io/v1", "Lease", "kube-system", name_of(own.name)),
    ):
        assert own.cluster.get(ref) is None
    assert list(own.target.state.iterdir()) == []
    assert counts(own.down()) == {}


def test_what_is_retained_is_only_forgotten(stack: Stack) -> None:
    stack.up(lambda: stack.config_map("c", {"a": "1"}, retain_on_delete=True))
    assert counts(stack.up(lambda: None).summary) == {}
    assert stack.found("v1", "ConfigMap", "c")["data"] == {"a": "1"}


def test_an_object_of_someone_else_is_not_taken(stack: Stack) -> None:
    ref = Ref("v1", "ConfigMap", stack.namespace, "theirs")
    meta = {"name": "theirs", "namespace": stack.namespace}
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"a": "theirs"}}
    stack.cluster.request(
        "post", f"/api/v1/namespaces/{stack.namespace}/configmaps", body=body, field_manager="someone"
    )
    with pytest.raises(ResourceError, match=r"exists, and isn't this stack's.*someone"):
        stack.up(lambda: stack.config_map("theirs", {"a": "ours"}))
    assert stack.found("v1", "ConfigMap", "theirs")["data"] == {"a": "theirs"}
    stack.cluster.delete(ref)
