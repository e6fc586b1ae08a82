"""What holds for the journal of every environment, whatever its settings, over all that its program registers."""

from collections.abc import Callable
from typing import Any

import pytest

from components.settings.values import quantity
from tests.conftest import Recording, config_of
from tools import cloud
from tools.resource import Resource
from tools.stack import names

STACKS = [name for name in names() if name != "shared"]
WORKLOADS = ("Deployment", "StatefulSet")
CLUSTER_WIDE = {"Namespace", "ClusterRole", "ClusterRoleBinding", "IngressClass", "ClusterIssuer", "StorageClass"}


@pytest.fixture(params=STACKS)
def stack(request: pytest.FixtureRequest) -> str:
    return request.param


def objects(recording: Recording, *kinds: str) -> list[Resource]:
    """The Kubernetes objects that a stack declares, of some kinds or of all; a Release is no object of its own."""
    declared = [r for r in recording.registrations if r.package == "kubernetes" and not r.is_read]
    found = [r for r in declared if r.kind not in ("Release", "Provider") and (not kinds or r.kind in kinds)]
    assert found, f"no {' or '.join(kinds) or 'object'} in the stack"
    return found


def pods(recording: Recording) -> list[tuple[Resource, dict[str, Any]]]:
    return [(r, r["spec"]["template"]["spec"]) for r in objects(recording, *WORKLOADS)]


def containers(recording: Recording) -> list[tuple[Resource, dict[str, Any]]]:
    return [(r, c) for r, pod in pods(recording) for c in (*pod["containers"], *pod.get("initContainers", []))]


def test_every_object_has_an_explicit_name_and_namespace(recording: Recording) -> None:
    for r in objects(recording):
        assert r["metadata"]["name"], r.label
        assert (r["metadata"].get("namespace") is None) == (r.kind in CLUSTER_WIDE), r.label


def test_no_two_objects_are_the_same(recording: Recording) -> None:
    keys = [(r.kind, r["metadata"].get("namespace"), r["metadata"]["name"]) for r in objects(recording)]
    assert len(keys) == len(set(keys))


def test_everything_names_its_provider(recording: Recording) -> None:
    found = [r for r in recording.registrations if r.package == "kubernetes"]
    assert found
    assert {r.provider and r.provider.name for r in found} == {"cluster"}


def test_every_tier_is_found_by_one_query(recording: Recording) -> None:
    for r in objects(recording, *WORKLOADS):
        found = r["spec"]["selector"]["matchLabels"]
        assert found == {"app.kubernetes.io/name": r["metadata"]["name"]}
        assert found.items() <= r["spec"]["template"]["metadata"]["labels"].items()


def test_every_pod_is_restricted(recording: Recording) -> None:
    for r, pod in pods(recording):
        security = pod["securityContext"]
        assert security["runAsNonRoot"] is True, r.label
        assert security["runAsUser"] > 0, r.label
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}, r.label
        assert not any(pod.get(shared) for shared in ("hostNetwork", "hostPID", "hostIPC")), r.label
        assert not any("hostPath" in volume for volume in pod.get("volumes", [])), r.label


def test_every_container_is_restricted(recording: Recording) -> None:
    for r, container in containers(recording):
        security = container["securityContext"]
        assert security["allowPrivilegeEscalation"] is False, r.label
        assert security["readOnlyRootFilesystem"] is True, r.label
        assert security["capabilities"] == {"drop": ["ALL"]}, r.label


def test_every_container_has_requests_and_limits(recording: Recording) -> None:
    for r, container in containers(recording):
        for what in ("cpu", "memory"):
            request, limit = (quantity(container["resources"][side][what]) for side in ("requests", "limits"))
            assert 0 < request <= limit, r.label


def test_every_container_has_its_probes(recording: Recording) -> None:
    for r, container in containers(recording):
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            assert container[probe], f"{r.label}: {probe}"


def test_liveness_never_asks_what_readiness_asks_of_the_api(recording: Recording) -> None:
    (container,) = recording.one("Deployment", "frontend")["spec"]["template"]["spec"]["containers"]
    assert container["livenessProbe"]["httpGet"]["path"] != container["readinessProbe"]["httpGet"]["path"]


def test_every_image_is_pinned(recording: Recording) -> None:
    for r, container in containers(recording):
        _, _, tag = container["image"].rpartition(":")
        assert tag, r.label
        assert "/" not in tag, r.label
        assert tag != "latest", r.label


def test_only_what_asks_the_api_server_gets_a_token(recording: Recording, stack: str) -> None:
    accounts = {r["metadata"]["name"]: r["automountServiceAccountToken"] for r in objects(recording, "ServiceAccount")}
    assert set(accounts.values()) == {False}
    for r, pod in pods(recording):
        assert pod["serviceAccountName"] == r["metadata"]["name"]
        assert pod["serviceAccountName"] in accounts
    with_token = {r.name for r, pod in pods(recording) if pod["automountServiceAccountToken"]}
    clients = {"traefik"} if stack == "local" else {"traefik", "cluster-autoscaler"}
    assert with_token == clients


def test_no_secret_is_in_an_environment(recording: Recording) -> None:
    entries = [entry.get("valueFrom", {}) for _, c in containers(recording) for entry in c.get("env", [])]
    sources = [source for _, c in containers(recording) for source in c.get("envFrom", [])]
    assert entries
    assert sources
    assert not any("secretKeyRef" in entry for entry in entries)
    assert not any("secretRef" in source for source in sources)


def test_every_secret_value_is_marked_secret(recording: Recording) -> None:
    for r in objects(recording, "Secret"):
        assert {path[0] for path in r.secrets} >= {"data", "stringData"} & r.inputs.keys(), r.label
        assert r.secrets, r.label


def test_every_namespace_denies_by_default_and_is_restricted(recording: Recording) -> None:
    policies = objects(recording, "NetworkPolicy")
    for space in objects(recording, "Namespace"):
        name = space["metadata"]["name"]
        (deny,) = [
            p for p in policies if p["metadata"]["namespace"] == name and p["metadata"]["name"] == "default-deny"
        ]
        assert deny["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
        assert space["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def test_every_tier_of_several_pods_keeps_some_during_disruptions(recording: Recording) -> None:
    budgets = {r["metadata"]["name"]: r["spec"]["maxUnavailable"] for r in objects(recording, "PodDisruptionBudget")}
    several = [r for r in objects(recording, *WORKLOADS) if r["spec"]["replicas"] > 1]
    assert several
    for r in several:
        assert budgets[r["metadata"]["name"]] < r["spec"]["replicas"], r.label


def test_only_the_ingress_controller_may_make_a_load_balancer(recording: Recording) -> None:
    services = objects(recording, "Service")
    assert [r.name for r in services if r["spec"].get("type", "ClusterIP") != "ClusterIP"] == ["traefik"]
    quotas = [r for r in objects(recording, "ResourceQuota") if r["metadata"]["namespace"] != "traefik"]
    assert quotas
    assert {r["spec"]["hard"]["services.loadbalancers"] for r in quotas} == {"0"}


def test_the_program_is_a_table_of_contents(recording: Recording) -> None:
    top = {r.name for r in recording.registrations if "::pulumi:pulumi:Stack::" in r.parent and not r.custom}
    assert top == {"cluster", "platform", "journal"}


def test_environments_differ_by_settings_alone(recorded: Callable[[str], Recording]) -> None:
    dev, prod = (
        sorted(r.type for r in recorded(stack).registrations if r.package == "kubernetes") for stack in ("dev", "prod")
    )
    assert dev
    assert dev == prod


def test_the_stack_says_where_it_is(recording: Recording, stack: str) -> None:
    assert recording.outputs["url"] == f"https://{config_of(stack)['journal:host']}"


def test_the_local_stack_has_the_address_of_its_load_balancer(recorded: Callable[[str], Recording]) -> None:
    assert recorded("local").outputs["address"] == cloud.LOAD_BALANCER_ADDRESS


def test_pebble_is_of_the_local_stack_alone(recorded: Callable[[str], Recording]) -> None:
    found = {name: [r for r in recorded(name).all("Deployment") if r.name == "pebble"] for name in STACKS}
    assert [name for name, deployments in found.items() if deployments] == ["local"]
