"""Pure parts of the engine: bodies, differences, masking, readiness, immutability, order."""

import base64
import json
import socket
from typing import Any

import pytest
from tools.recording.applier import is_immutable
from tools.recording.cluster import ApiError, is_content
from tools.recording.inventory import Entry, decode, encode, key_of, needed_by
from tools.recording.ready import awaited, readiness

from tools.recording import EngineError, Registration, ResourceError, cluster
from tools.recording.objects import (
    Ref,
    body_of,
    changes,
    differences,
    keep_live,
    pending,
    ref_of,
    without_unknowns,
)
from tools.recording.values import MASK, UNKNOWN


def registration(kind: str, secrets: frozenset = frozenset(), **inputs: Any) -> Registration:
    inputs = {"apiVersion": "v1", "kind": kind, "metadata": {"name": "x"}, **inputs}
    return Registration(
        f"urn:pulumi:s::p::kubernetes:core/v1:{kind}::x", f"kubernetes:core/v1:{kind}", "x", inputs, secrets
    )


def test_a_body_has_no_nulls_no_status_and_a_secrets_texts_in_base64() -> None:
    r = registration("Secret", stringData={"a": "é", "b": UNKNOWN}, data={"c": "Yw=="}, status={"x": 1}, type=None)
    data = {"a": base64.b64encode("é".encode()).decode(), "b": UNKNOWN, "c": "Yw=="}
    assert body_of(r) == {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x"}, "data": data}


def test_zero_false_and_empty_values_stay() -> None:
    spec = {"replicas": 0, "paused": False, "text": "", "items": []}
    assert body_of(registration("X", spec=spec))["spec"] == spec


@pytest.mark.parametrize("metadata", [None, {}, {"generateName": "x-"}, {"name": UNKNOWN}])
def test_an_object_has_an_explicit_name(metadata: dict | None) -> None:
    with pytest.raises(ResourceError, match=r"has no metadata\.name"):
        body_of(registration("ConfigMap", metadata=metadata))


def test_refs() -> None:
    body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d", "namespace": "n"}}
    assert str(ref_of(body, "default")) == "Deployment n/d"
    body["metadata"] = {"name": "d"}
    assert ref_of(body, "default").id == "default/d"
    assert ref_of(body, "").id == "d"
    assert key_of(Ref("apps/v1", "D", "n", "d")) == key_of(Ref("apps/v1beta1", "D", "n", "d"))


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": 2}, [("a", 1, 2)]),
        ({"a": {"b": 1}}, {"a": {"c": 1}}, [("a.b", 1, "(none)"), ("a.c", "(none)", 1)]),
        ({"a": {"x/y.z": 1}}, {"a": {"x/y.z": 2}}, [('a["x/y.z"]', 1, 2)]),
        ([{"name": "b", "v": 1}], [{"name": "a", "v": 0}, {"name": "b", "v": 2}], None),
        ({"l": [1, 2]}, {"l": [1, 3, 4]}, [("l[1]", 2, 3), ("l[2]", "(none)", 4)]),
        ({"a": False}, {"a": 0}, []),
        ({"a": None}, {}, [("a", None, "(none)")]),
    ],
)
def test_differences(old: Any, new: Any, expected: list | None) -> None:
    wanted = [("[a]", "(none)", {"name": "a", "v": 0}), ("[b].v", 1, 2)] if expected is None else expected
    assert sorted(differences(old, new), key=str) == sorted(wanted, key=str)


def test_what_the_api_sets_is_no_difference() -> None:
    def at(version: str, **more: object) -> dict:
        return {
            "metadata": {"name": "x", "resourceVersion": version, "generation": 3, "managedFields": [version]},
            **more,
        }

    assert changes(at("1", status={"a": 1}), at("2", status={"a": 2}), []) == []


def test_secrets_compare_but_do_not_show() -> None:
    old = {"kind": "Secret", "metadata": {}, "data": {"a": "1", "b": "2"}}
    new = {"kind": "Secret", "metadata": {}, "data": {"a": "9", "b": "2", "c": "3"}}
    assert changes(old, new, []) == [("data.a", MASK, MASK), ("data.c", "(none)", MASK)]
    old = {"metadata": {}, "env": [{"name": "first", "value": "s3"}]}
    new = {"metadata": {}, "env": [{"name": "zero", "value": "x"}, {"name": "first", "value": "s4"}]}
    found = changes(old, new, [("env", 1, "value")])
    assert ("env[first].value", MASK, MASK) in found
    assert "s3" not in str(found)
    assert "s4" not in str(found)


def test_unknown_values_keep_the_live_ones_and_are_told() -> None:
    body = {"data": {"a": UNKNOWN, "b": "1"}, "list": [{"x": UNKNOWN}, {"x": 2}]}
    assert without_unknowns(body, {"data": {"a": "live"}, "list": [{"x": 1}, {"x": 9}]}) == {
        "data": {"a": "live", "b": "1"},
        "list": [{"x": 1}, {"x": 2}],
    }
    assert without_unknowns(body) == {"data": {"b": "1"}, "list": [{}, {"x": 2}]}
    assert [path for path, _, _ in pending(body)] == ["data.a", "list[0].x"]


def test_ignored_fields_are_applied_as_they_are() -> None:
    live = {"spec": {"replicas": 7, "a": {"b/c": "live"}}}
    body = {"spec": {"replicas": 1, "a": {"b/c": "mine"}, "other": 1}}
    kept = keep_live(body, live, ["spec.replicas", 'spec.a["b/c"]', "spec.nothing"])
    assert kept == {"spec": {"replicas": 7, "a": {"b/c": "live"}, "other": 1}}
    assert keep_live({"spec": {"replicas": 1}}, None, ["spec.replicas"]) == {"spec": {"replicas": 1}}


@pytest.mark.parametrize(
    ("status", "message", "expected"),
    [
        (422, "spec.selector: Invalid value: …: field is immutable", True),
        (422, "data: Forbidden: field is immutable when `immutable` is set", True),
        (422, "spec: Forbidden: updates to statefulset spec for fields other than 'replicas' are forbidden", True),
        (422, "parameters: Forbidden: updates to parameters are forbidden.", True),
        (422, "roleRef: Invalid value: …: cannot change roleRef", True),
        (422, "spec.clusterIPs[0]: Invalid value: …: may not change once set", True),
        (422, "spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`", True),
        (422, "spec.replicas: Invalid value: -1: must be greater than or equal to 0", False),
        (409, "conflict: field is immutable", False),
        (403, "updates to it are forbidden", False),
    ],
)
def test_what_is_immutable(status: int, message: str, expected: bool) -> None:
    assert is_immutable(ApiError(status, "Invalid", message)) is expected


def deployment(generation: Any = 1, **status: Any) -> dict:
    metadata = {"name": "d", "generation": generation}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata,
        "spec": {"replicas": 2},
        "status": status,
    }


def conditions(kind: str, api: str, *found: dict, generation: int = 1) -> dict:
    metadata = {"name": "x", "generation": generation}
    return {"apiVersion": api, "kind": kind, "metadata": metadata, "spec": {}, "status": {"conditions": list(found)}}


READY = {"type": "Ready", "status": "True", "observedGeneration": 1}


@pytest.mark.parametrize(
    ("obj", "done"),
    [
        (deployment(), False),
        (deployment(observedGeneration=1, replicas=2, updatedReplicas=2, availableReplicas=2), True),
        (deployment(2, observedGeneration=1, replicas=2, updatedReplicas=2, availableReplicas=2), False),
        (deployment(observedGeneration=1, replicas=3, updatedReplicas=2, availableReplicas=3), False),
        (deployment(observedGeneration=1, replicas=2, updatedReplicas=1, availableReplicas=2), False),
        (deployment(observedGeneration=1, replicas=2, updatedReplicas=2, availableReplicas=1), False),
        (conditions("Certificate", "cert-manager.io/v1", READY), True),
        (conditions("Certificate", "cert-manager.io/v1", READY, generation=2), False),
        (conditions("Certificate", "cert-manager.io/v1"), False),
        (
            conditions("ClusterIssuer", "cert-manager.io/v1", {"type": "Ready", "status": "False", "message": "no"}),
            False,
        ),
        (conditions("Job", "batch/v1", {"type": "Complete", "status": "True"}), True),
        ({"apiVersion": "v1", "kind": "Service", "metadata": {}, "spec": {"type": "LoadBalancer"}}, False),
        ({"apiVersion": "v1", "kind": "Service", "metadata": {}, "spec": {"type": "ClusterIP"}}, True),
        ({"apiVersion": "v1", "kind": "Namespace", "metadata": {}, "status": {"phase": "Active"}}, True),
        ({"apiVersion": "v1", "kind": "Namespace", "metadata": {}, "status": {"phase": "Terminating"}}, False),
        ({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {}, "spec": {}}, True),
    ],
)
def test_readiness(obj: dict, done: bool) -> None:
    state = readiness(obj)
    assert state.done is done
    assert bool(state.reason) is not done


def test_what_can_only_fail_is_said_to_have_failed() -> None:
    failed = conditions("Job", "batch/v1", {"type": "Failed", "status": "True", "message": "too often"})
    assert readiness(failed).failed
    assert "too often" in readiness(failed).reason
    late = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "timed out"}
    assert readiness(deployment(observedGeneration=1, conditions=[late])).failed


def test_a_stateful_set_is_ready_when_its_revision_is_everywhere() -> None:
    status = {
        "observedGeneration": 1,
        "readyReplicas": 2,
        "updatedReplicas": 2,
        "currentRevision": "a",
        "updateRevision": "b",
    }
    obj = {**deployment(1, **status), "kind": "StatefulSet"}
    assert not readiness(obj).done
    obj["status"] = {**status, "currentRevision": "b"}
    assert readiness(obj).done
    obj["spec"] = {"replicas": 0}
    obj["status"] = {"observedGeneration": 1}
    assert readiness(obj).done


def test_waiting_can_be_switched_off() -> None:
    obj = deployment()
    assert awaited(obj)
    obj["metadata"]["annotations"] = {"pulumi.com/skipAwait": "true"}
    assert not awaited(obj)
    assert not awaited({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {}})


def entry(name: str, order: int, *needs: Entry, kind: str = "ConfigMap", namespace: str = "n") -> Entry:
    return Entry(Ref("v1", kind, namespace, name), f"urn:{name}", order, tuple(n.key for n in needs))


def test_what_goes_first() -> None:
    space = entry("n", 1, kind="Namespace", namespace="")
    a = entry("a", 2)
    b = entry("b", 3, a)
    elsewhere = entry("c", 4, a, namespace="m")
    entries = [space, a, b, elsewhere]
    assert needed_by(space, entries) == [a, b]
    assert needed_by(a, entries) == [b, elsewhere]
    assert needed_by(b, entries) == []
    assert decode(encode(entries)) == {e.key: e for e in entries}


@pytest.mark.timeout(20)
def test_an_api_that_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A node whose network is gone answers no packet: a request without a time limit would wait for ever."""
    monkeypatch.setattr(cluster, "ANSWER", 0.3)
    monkeypatch.setattr(cluster, "FIRST_PATIENCE", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        named = [{"name": "a", "cluster": {"server": url}}]
        contexts = [{"name": "a", "context": {"cluster": "a", "user": "a"}}]
        config = {"clusters": named, "contexts": contexts, "users": [{"name": "a", "user": {}}], "current-context": "a"}
        api = cluster.Cluster(json.dumps({"apiVersion": "v1", "kind": "Config", **config}))
        with pytest.raises(EngineError, match=rf"The Kubernetes API at {url} doesn't answer \(ReadTimeoutError\)"):
            api.get(Ref("v1", "ConfigMap", "n", "x"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/root/kubeconfig", False),
        ("~/.kube/config", False),
        ("apiVersion: v1\nkind: Config\n", True),
        ('{"kind": "Config"}', True),
    ],
)
def test_a_kubeconfig_or_its_path(text: str, expected: bool) -> None:
    assert is_content(text) is expected
