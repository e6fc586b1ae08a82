"""A changed ConfigMap reaches the pods: its name holds a hash of its content, so it never changes under a name."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from components.kubernetes import content_hash
from tests.conftest import Recording
from tools.resource import Resource
from tools.stack import names

ROTATED_BY_HAND = {"redis-auth", "auth-keys", "auth-signing-key", "auth-users", "pebble-tls"}
"""Secrets with one name for all their contents: pods read them anew as they run; Pebble is of tests alone."""
Key = tuple[str, str]


@pytest.fixture(params=[name for name in names() if name != "shared"])
def stack(request: pytest.FixtureRequest) -> str:
    return request.param


def sources(pod: Mapping[str, Any]) -> Iterator[Key]:
    """Kind and name of every ConfigMap and Secret that a pod mounts or takes its environment from."""
    for volume in pod.get("volumes", []):
        for source in (volume, *volume.get("projected", {}).get("sources", [])):
            if "configMap" in source:
                yield "ConfigMap", source["configMap"]["name"]
            if "secret" in source:
                yield "Secret", source["secret"].get("secretName", source["secret"].get("name"))
    for container in (*pod["containers"], *pod.get("initContainers", [])):
        for entry in (*container.get("envFrom", []), *(e.get("valueFrom", {}) for e in container.get("env", []))):
            for field, kind in (("configMapRef", "ConfigMap"), ("configMapKeyRef", "ConfigMap")):
                if field in entry:
                    yield kind, entry[field]["name"]
            for field in ("secretRef", "secretKeyRef"):
                if field in entry:
                    yield "Secret", entry[field]["name"]


def used(recording: Recording) -> list[tuple[Resource, str, str]]:
    """Every workload with the kind and the name of what its pods read."""
    workloads = [r for kind in ("Deployment", "StatefulSet", "DaemonSet") for r in recording.of_type(kind)]
    return [(r, *source) for r in workloads for source in sources(r["spec"]["template"]["spec"])]


def config_map(recording: Recording, namespace: str, name: str) -> Resource:
    (found,) = [
        r
        for r in recording.of_type("ConfigMap")
        if (r["metadata"]["namespace"], r["metadata"]["name"]) == (namespace, name)
    ]
    return found


def test_every_config_map_that_pods_use_is_named_after_its_content_and_immutable(recording: Recording) -> None:
    found = [
        config_map(recording, r["metadata"]["namespace"], name)
        for r, kind, name in used(recording)
        if kind == "ConfigMap"
    ]
    assert len(found) >= 3
    for r in found:
        assert r["immutable"] is True, r.label
        assert r["metadata"]["name"].endswith(f"-{content_hash(r['data'])}"), r.label


def test_every_config_map_that_is_declared_is_immutable_and_another_resource_when_it_changes(
    recording: Recording,
) -> None:
    """A resource of its own: Pulumi creates the new one before the rollout, and deletes the old one after it."""
    declared = recording.of_type("ConfigMap")
    assert declared
    for r in declared:
        assert r["immutable"] is True, r.label
        assert r.name.endswith(f"-{content_hash(r['data'])}"), r.label


def test_the_pods_of_a_config_map_are_made_after_it(recording: Recording) -> None:
    found = [(r, name) for r, kind, name in used(recording) if kind == "ConfigMap"]
    assert found
    for r, name in found:
        declared = config_map(recording, r["metadata"]["namespace"], name)
        assert declared.urn in recording.dependencies_of(r), r.label


def test_every_secret_that_pods_use_has_a_rotation_of_its_own(recording: Recording) -> None:
    found = {name for _, kind, name in used(recording) if kind == "Secret"}
    assert found
    assert found <= ROTATED_BY_HAND


def test_the_hash_is_of_names_and_values() -> None:
    assert content_hash({"a": "1", "b": "2"}) == content_hash({"b": "2", "a": "1"})
    different = [{"a": "1"}, {"a": "2"}, {"b": "1"}, {"a": "1", "b": ""}, {"a": '1", "b": "2'}, {"a": "1", "b": "2"}]
    hashes = {content_hash(data) for data in different}
    assert len(hashes) == len(different)
    assert all(len(found) == 8 and int(found, 16) >= 0 for found in hashes)
