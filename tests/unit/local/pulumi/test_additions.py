"""Which fields of an object somebody added, told from what the program declares and from who manages each field."""

import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from local.access import Access
from local.pulumi import additions
from local.pulumi.additions import Addition, find, remove, split, text

WEB = ("Deployment", "journal", "web")
POD = "f:spec", "f:template", "f:spec", "f:containers"
MAIN = 'k:{"name":"main"}'
DECLARED = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "namespace": "journal", "labels": {"app": "web"}},
    "spec": {
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {
                "containers": [
                    {
                        "name": "main",
                        "env": [{"name": "A", "value": "1"}],
                        "ports": [{"name": "http", "containerPort": 80}],
                        "args": ["-a"],
                    }
                ]
            },
        }
    },
}


def tree(*path: str, below: Any = None) -> dict[str, Any]:
    for step in reversed(path):
        below = {step: below or {}}
    return below or {}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (
            tree(*POD, MAIN, "f:env", 'k:{"name":"B"}', below={".": {}, "f:value": {}}),
            "spec.template.spec.containers[main].env[B]",
        ),
        (tree("f:metadata", "f:labels", "f:by-hand"), "metadata.labels.by-hand"),
        (tree("f:metadata", "f:annotations", below={".": {}, "f:note": {}}), "metadata.annotations"),
        (tree("f:spec", "f:template", "f:metadata", "f:labels", "f:x"), "spec.template.metadata.labels.x"),
        (tree(*POD, 'k:{"name":"side"}', below={".": {}, "f:image": {}}), "spec.template.spec.containers[side]"),
        (
            tree(*POD, MAIN, "f:ports", 'k:{"containerPort":81,"protocol":"TCP"}', below={".": {}}),
            "spec.template.spec.containers[main].ports[81/TCP]",
        ),
        (tree("f:spec", "f:template", "f:spec", "f:nodeSelector"), "spec.template.spec.nodeSelector"),
        (tree("f:spec", "f:paused"), "spec.paused"),
    ],
)
def test_what_is_not_declared_was_added(fields: dict[str, Any], expected: str) -> None:
    ((path, _),) = split(fields, DECLARED)[1]
    assert text(path) == expected


@pytest.mark.parametrize(
    "fields",
    [
        tree(*POD, MAIN, "f:env", 'k:{"name":"A"}', "f:value"),
        tree(*POD, MAIN, "f:ports", 'k:{"containerPort":80,"protocol":"TCP"}', below={".": {}, "f:name": {}}),
        tree(*POD, MAIN, "f:args"),
        tree(
            "f:spec",
            "f:template",
            "f:metadata",
            "f:annotations",
            below={".": {}, "f:kubectl.kubernetes.io/restartedAt": {}},
        ),
        tree("f:metadata", "f:finalizers", below={".": {}, 'v:"x"': {}}),
        tree("f:status", "f:replicas"),
        {},
    ],
)
def test_a_changed_field_a_restart_and_a_status_are_no_additions(fields: dict[str, Any]) -> None:
    assert split(fields, DECLARED) == (fields, [])


def test_a_secret_value_of_the_state_hides_what_is_below_it() -> None:
    declared = {"data": {additions.SECRET: "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "v1:…"}}
    fields = tree("f:data", "f:anything")
    assert split(fields, declared) == (fields, [])


@pytest.mark.parametrize(
    ("manager", "subresource", "seen"),
    [
        ("kubectl-set", None, True),
        ("kubectl-edit", None, True),
        ("k9s", None, True),
        ("pulumi-kubernetes-1a2b3c4d", None, False),
        ("kube-controller-manager", None, False),
        ("kube-controller-manager", "scale", False),
        ("kubectl", "scale", False),
        ("traefik", "status", False),
    ],
)
def test_who_is_a_person(manager: str, subresource: str | None, seen: bool) -> None:
    fields = tree("f:metadata", "f:labels", "f:by-hand")
    entry = {"manager": manager, "fieldsV1": fields} | ({} if subresource is None else {"subresource": subresource})
    expected = [Addition(WEB, "metadata.labels.by-hand", manager)]
    assert find(cluster(entry), {WEB: DECLARED}) == (expected if seen else [])


def test_secrets_claims_and_custom_resources_are_not_asked_for() -> None:
    others = [("v1", "Secret"), ("v1", "PersistentVolumeClaim"), ("cert-manager.io/v1", "Certificate")]
    declared = {(kind, "n", "x"): {"apiVersion": version, "kind": kind} for version, kind in others}
    asked = cluster()
    assert find(asked, declared) == []
    assert asked.asked == []


@pytest.fixture
def fed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[str], Any]]:
    """The commands that got a document, and the document."""
    found: list[tuple[list[str], Any]] = []

    def run(command: list[str], *, input: bytes, **_: Any) -> subprocess.CompletedProcess[bytes]:
        found.append((command, json.loads(input)))
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(additions.subprocess, "run", run)
    return found


def test_what_two_people_added_to_one_item_is_dropped_whole(fed: list[tuple[list[str], Any]]) -> None:
    side = 'k:{"name":"side"}'
    first = {"manager": "kubectl-patch", "fieldsV1": tree(*POD, side, below={".": {}, "f:image": {}})}
    second = {"manager": "kubectl-set", "fieldsV1": tree(*POD, side, "f:env")}
    here = cluster(first, second)
    remove(here, {WEB: DECLARED}, find(here, {WEB: DECLARED}))
    (_, (_, replace)), _ = fed
    (handed,) = replace["value"]
    assert handed["fieldsV1"] == tree(*POD, side, below={".": {}, "f:image": {}, "f:env": {}})


def test_what_was_added_is_handed_over_and_dropped(fed: list[tuple[list[str], Any]]) -> None:
    pulumi = {
        "manager": "pulumi-kubernetes-1",
        "operation": "Apply",
        "fieldsV1": tree("f:metadata", "f:labels", "f:app"),
    }
    value = tree(*POD, MAIN, "f:env", 'k:{"name":"A"}', "f:value")
    variable = tree('k:{"name":"B"}', below={".": {}})
    both = tree(*POD, MAIN, "f:env", below={**value[POD[0]][POD[1]][POD[2]][POD[3]][MAIN]["f:env"], **variable})
    here = cluster(pulumi, {"manager": "kubectl-set", "operation": "Update", "fieldsV1": both})
    remove(here, {WEB: DECLARED}, find(here, {WEB: DECLARED}))
    (patch, (test, replace)), (apply, identity) = fed
    assert test == {"op": "test", "path": "/metadata/resourceVersion", "value": "7"}
    first, rest, handed = replace["value"]
    assert (first, rest["fieldsV1"]) == (pulumi, value)
    assert (handed["operation"], handed["fieldsV1"]) == ("Apply", tree(*POD, MAIN, "f:env", below=variable))
    assert patch[1:5] == ["-n", "journal", "patch", "deployment.apps"]
    assert f"--field-manager={handed['manager']}" in apply
    assert identity == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "journal"},
    }


@dataclass(frozen=True)
class Cluster(Access):
    items: list[dict[str, Any]] = field(default_factory=list)
    asked: list[tuple[str, ...]] = field(default_factory=list)

    def json(self, *arguments: str) -> Any:
        self.asked.append(arguments)
        return {"items": self.items}


def cluster(*entries: dict[str, Any]) -> Cluster:
    """A cluster with the Deployment, its fields managed so."""
    metadata = {"name": "web", "namespace": "journal", "resourceVersion": "7", "managedFields": list(entries)}
    item = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata}
    return Cluster(Path("kubectl"), None, None, None, [item])
