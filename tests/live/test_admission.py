"""What the API server refuses, whoever asks. Nothing is made: every request is a dry run on the server."""

import copy
from typing import Any

import pytest

from local.access import Access
from tests.live.pod_specs import PAUSE
from tools.failures import Failure

pytestmark = pytest.mark.live
Json = dict[str, Any]
WORKLOADS = "deployments,statefulsets,daemonsets,jobs,cronjobs"
POD: Json = {
    "securityContext": {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
    "containers": [
        {
            "name": "main",
            "image": PAUSE,
            "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
            "resources": {side: {"cpu": "10m", "memory": "8Mi"} for side in ("requests", "limits")},
        }
    ],
}
LATEST: Json = {"image": "docker.io/library/traefik:latest"}
BARE: Json = {"image": "docker.io/library/traefik"}
FOREIGN: Json = {"image": "example.com/traefik:v3"}
SHORT: Json = {"image": "traefik:v3"}
PINNED: Json = {"image": f"docker.io/library/traefik@sha256:{'a' * 64}"}
PRIVILEGED: Json = {"securityContext": {"privileged": True}}
LIMITLESS: Json = {"resources": {"requests": {"cpu": "10m", "memory": "8Mi"}}}


def pod(changes: Json, *, starting: bool = False) -> Json:
    """A pod's spec with one container changed, the one that runs before the others or the one that runs."""
    spec = copy.deepcopy(POD)
    changed = {**spec["containers"][0], **changes}
    if starting:
        spec["initContainers"] = [{**changed, "name": "first"}]
    else:
        spec["containers"] = [changed]
    return spec


def document(kind: str, spec: Json, namespace: str = "journal") -> Json:
    metadata = {"name": "admission-test", "namespace": namespace}
    labelled = {"metadata": {"labels": {"app": "a"}}, "spec": spec}
    match kind:
        case "Pod":
            return {"apiVersion": "v1", "kind": kind, "metadata": metadata, "spec": spec}
        case "Deployment":
            whole = {"selector": {"matchLabels": {"app": "a"}}, "template": labelled}
            return {"apiVersion": "apps/v1", "kind": kind, "metadata": metadata, "spec": whole}
        case _:
            never = {"spec": {**spec, "restartPolicy": "Never"}}
            whole = {"schedule": "0 0 1 1 *", "jobTemplate": {"spec": {"template": never}}}
            return {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": metadata, "spec": whole}


def tried(here: Access, wanted: Json) -> str:
    """What the API server says against an object; nothing where it would take it."""
    try:
        here.feed(wanted, "create", "--dry-run=server", "-f", "-")
    except Failure as failure:
        return failure.message
    return ""


@pytest.mark.parametrize("kind", ["Pod", "Deployment", "CronJob"])
@pytest.mark.parametrize(
    ("rule", "spec"),
    [
        ("image-pinned", pod(LATEST)),
        ("image-pinned", pod(BARE)),
        ("image-pinned", pod(LATEST, starting=True)),
        ("image-registry", pod(FOREIGN)),
        ("image-registry", pod(SHORT)),
        ("no-privileges", pod(PRIVILEGED)),
        ("requests-and-limits", pod(LIMITLESS)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_bad_object_is_refused_by_its_rule(kind: str, rule: str, spec: Json, here: Access) -> None:
    said = tried(here, document(kind, spec))
    if (rule, kind) == ("requests-and-limits", "Pod"):
        assert said == "", "a pod gets its namespace's defaults"
    else:
        assert f"{rule}: " in said or (kind == "Pod" and "PodSecurity" in said)


@pytest.mark.parametrize("kind", ["Pod", "Deployment", "CronJob"])
def test_a_good_object_is_taken(kind: str, here: Access) -> None:
    assert tried(here, document(kind, POD)) == ""
    assert tried(here, document(kind, pod(PINNED))) == ""


def test_all_that_runs_would_be_taken_again(here: Access) -> None:
    found = here.json("get", WORKLOADS, "-A")
    assert len(found["items"]) > 8
    here.feed(found, "replace", "--dry-run=server", "-f", "-")


def test_a_privileged_pod_is_refused_wherever_it_is_not_named(here: Access) -> None:
    spec = {"containers": [{"name": "main", "image": PAUSE, "securityContext": {"privileged": True}}]}
    assert "violates PodSecurity" in tried(here, document("Pod", spec, "default"))
    assert "no-privileges: " in tried(here, document("Deployment", spec, "default"))
    assert "no-privileges: " in tried(here, document("Pod", spec, "kube-public"))
    assert tried(here, document("Pod", spec, "kube-system")) == ""


@pytest.mark.parametrize(("image", "refused"), [(FOREIGN["image"], "image-registry: "), (PAUSE, "")])
def test_a_container_that_debugs_is_no_way_around(image: str, refused: str, here: Access) -> None:
    running = here.json("-n", "journal", "get", "pods", "-l", "app.kubernetes.io/name=fileserver")["items"][0]
    one = {**POD["containers"][0], "name": "debugger", "image": image}
    running["spec"]["ephemeralContainers"] = [{key: value for key, value in one.items() if key != "resources"}]
    path = f"/api/v1/namespaces/journal/pods/{running['metadata']['name']}/ephemeralcontainers?dryRun=All"
    try:
        here.feed(running, "replace", "--raw", path, "-f", "-")
        said = ""
    except Failure as failure:
        said = failure.message
    assert refused in said
    assert bool(said) is bool(refused)


def test_the_default_namespace_takes_no_pod_of_the_host(here: Access) -> None:
    spec = {"hostNetwork": True, "containers": [{"name": "main", "image": PAUSE}]}
    assert 'violates PodSecurity "baseline' in tried(here, document("Pod", spec, "default"))


def test_no_policy_has_a_mistake_in_its_types(here: Access) -> None:
    """The API server checks each expression against the types that it is about."""
    policies = here.json("get", "validatingadmissionpolicies", "-l", "app.kubernetes.io/part-of=journal")["items"]
    assert len(policies) == 7
    for policy in policies:
        assert policy["status"].get("typeChecking", {}) == {}, policy["metadata"]["name"]
