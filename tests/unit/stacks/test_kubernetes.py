"""What holds for the journal of every environment, whatever its settings, over all that its program registers."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import pytest

from components.settings.values import quantity
from tests.conftest import Recording, config_of, record
from tools.resource import Resource
from tools.stack import names

WORKLOADS = ("Deployment", "StatefulSet")
Found = TypeVar("Found")
CLUSTER_WIDE = {
    "Namespace",
    "ClusterRole",
    "ClusterRoleBinding",
    "IngressClass",
    "ClusterIssuer",
    "NamespacePatch",
    "PriorityClass",
    "StorageClass",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
    "ValidatingWebhookConfigurationPatch",
}


@pytest.fixture(params=[name for name in names() if name != "shared"])
def stack(request: pytest.FixtureRequest) -> str:
    return request.param


def some(found: Sequence[Found]) -> Sequence[Found]:
    """What a test loops over, which must not be empty."""
    assert found
    return found


def objects(recording: Recording, *kinds: str) -> Sequence[Resource]:
    """The Kubernetes objects that the program declares, all or of these kinds; a Helm release or a file is none."""
    declared = [r for r in recording.registrations if r.package == "kubernetes" and r.custom and not r.is_read]
    return some([r for r in declared if r.kind not in ("Release", "Provider") and (not kinds or r.kind in kinds)])


def pods(recording: Recording) -> Sequence[tuple[Resource, dict[str, Any]]]:
    return [(r, r["spec"]["template"]["spec"]) for r in objects(recording, *WORKLOADS)]


def containers(recording: Recording) -> Sequence[tuple[Resource, dict[str, Any]]]:
    return some([(r, c) for r, pod in pods(recording) for c in [*pod["containers"], *pod.get("initContainers", [])]])


def test_every_object_has_an_explicit_name_and_namespace(recording: Recording) -> None:
    for r in objects(recording):
        assert r["metadata"]["name"], r.label
        assert (r["metadata"].get("namespace") is None) == (r.kind in CLUSTER_WIDE), r.label


def test_no_two_objects_are_the_same(recording: Recording) -> None:
    keys = [(r.kind, r["metadata"].get("namespace"), r["metadata"]["name"]) for r in objects(recording)]
    assert len(keys) == len(set(keys))


def test_everything_names_its_provider(recording: Recording) -> None:
    for r in some([r for r in recording.registrations if r.package == "kubernetes" and r.kind != "Provider"]):
        assert r.provider is not None, r.label
        assert r.provider.name == "cluster", r.label


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


KEYS = {"env": "name", "hostAliases": "ip", "initContainers": "name", "volumeMounts": "mountPath", "volumes": "name"}
"""Lists that the API server merges by a key, which server-side apply refuses to see twice."""


def test_no_list_of_a_pod_has_a_key_twice(recording: Recording) -> None:
    for r, pod in pods(recording):
        for part in (pod, *pod["containers"]):
            for name, key in KEYS.items():
                found = [item[key] for item in part.get(name) or []]
                assert len(set(found)) == len(found), f"{r.label}: {name}"


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


def test_a_new_pod_of_the_api_waits_for_redis_and_one_that_serves_does_not(recording: Recording) -> None:
    (container,) = recording.one("Deployment", "frontend")["spec"]["template"]["spec"]["containers"]
    assert container["startupProbe"]["httpGet"]["path"] == "/readyz"
    assert container["startupProbe"]["failureThreshold"] * container["startupProbe"]["periodSeconds"] == 3600
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz?exclude=redis"


def test_every_image_is_pinned(recording: Recording) -> None:
    for r, container in containers(recording):
        _, _, tag = container["image"].rpartition(":")
        assert tag, r.label
        assert "/" not in tag, r.label
        assert tag != "latest", r.label


def test_only_what_asks_the_api_server_gets_a_token(recording: Recording, stack: str) -> None:
    accounts = {r["metadata"]["name"]: r for r in objects(recording, "ServiceAccount")}
    assert {account["automountServiceAccountToken"] for account in accounts.values()} == {False}
    with_token, expected = set(), {"traefik"}
    if stack != "local":
        expected.add("cluster-autoscaler")
    if stack == "prod":
        expected.add("kube-state-metrics")  # with `aws.alarms`
    if stack in ("staging", "prod"):
        expected.add("workflow-controller")
    for r, pod in pods(recording):
        assert pod["serviceAccountName"] == r["metadata"]["name"]
        assert pod["serviceAccountName"] in accounts
        if pod["automountServiceAccountToken"]:
            with_token.add(r.name)
    assert with_token == expected


def test_no_secret_is_in_an_environment(recording: Recording) -> None:
    entries = some([entry for _, c in containers(recording) for entry in c.get("env", [])])
    assert [entry["name"] for entry in entries if "secretKeyRef" in entry.get("valueFrom", {})] == []
    sources = some([source for _, c in containers(recording) for source in c.get("envFrom", [])])
    assert [source for source in sources if "secretRef" in source] == []


def test_every_secret_value_is_marked_secret(recording: Recording) -> None:
    for r in objects(recording, "Secret"):
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
    autoscalers = {r["spec"]["scaleTargetRef"]["name"]: r["spec"] for r in recording.of_type("HorizontalPodAutoscaler")}
    for r in objects(recording, *WORKLOADS):
        name, bounds = r["metadata"]["name"], autoscalers.get(r["metadata"]["name"])
        least = r["spec"]["replicas"] if bounds is None else bounds["minReplicas"]
        assert least == 1 or budgets[name] < least, r.label


def test_only_the_ingress_controller_may_make_a_load_balancer(recording: Recording) -> None:
    exposed = [r.name for r in objects(recording, "Service") if r["spec"].get("type", "ClusterIP") != "ClusterIP"]
    assert exposed == ["traefik"]
    for r in some([r for r in objects(recording, "ResourceQuota") if r["metadata"]["namespace"] != "traefik"]):
        assert r["spec"]["hard"]["services.loadbalancers"] == "0", r.label


def test_the_program_is_a_table_of_contents(recording: Recording) -> None:
    top = {r.name for r in recording.registrations if "::pulumi:pulumi:Stack::" in r.parent and not r.custom}
    assert top == {"cluster", "platform", "journal"}


def test_environments_differ_by_settings_alone() -> None:
    """Alarms bring kube-state-metrics, an autoscaler itself."""
    without_alarms = record("prod", aws={**config_of("prod")["journal:aws"], "alarms": None})
    dev, prod = (
        sorted(r.type for r in made.registrations if r.package == "kubernetes")
        for made in (record("dev", workflows={}), without_alarms)
    )
    assert len(dev) > 50
    assert dev == [type_ for type_ in prod if not type_.endswith(":HorizontalPodAutoscaler")]


def test_the_stack_says_where_it_is(recording: Recording, stack: str) -> None:
    assert recording.outputs["url"] == f"https://{config_of(stack)['journal:host']}"


def test_the_local_stack_says_the_address_of_its_load_balancer(recorded: Callable[[str], Recording]) -> None:
    assert recorded("local").outputs["address"] == "192.0.2.1"


def test_pebble_is_of_the_local_stack_alone(recorded: Callable[[str], Recording]) -> None:
    assert [r for r in recorded("local").all("Deployment") if r.name == "pebble"]
    for other in ("dev", "staging", "prod"):
        assert not [r for r in recorded(other).registrations if r.name == "pebble"]


def room(recording: Recording, namespace: str, of: str) -> int:
    (quota,) = [r for r in recording.of_type("ResourceQuota") if r["metadata"]["namespace"] == namespace]
    return int(quota["spec"]["hard"][of])


@pytest.mark.parametrize("replicas", [2, 100])
def test_a_rollout_fits_into_the_quota(replicas: int) -> None:
    tiers = {
        tier: {**config_of("local")[f"journal:{tier}"], "replicas": replicas} for tier in ("frontend", "fileserver")
    }
    made = record("local", **tiers, redis={**config_of("local")["journal:redis"], "servers": 9})
    declared: dict[str, int] = {}
    for r in [*made.of_type("Deployment"), *made.of_type("StatefulSet")]:
        namespace = r["metadata"]["namespace"]
        declared[namespace] = declared.get(namespace, 0) + r["spec"]["replicas"]
    assert declared["journal"] == 2 * replicas + 9 + 2  # HAProxy
    for namespace, pods in declared.items():
        assert room(made, namespace, "pods") >= 2 * pods, namespace
    assert room(made, "journal", "persistentvolumeclaims") >= 9


def test_node_ports_fit_into_the_quota() -> None:
    made = record("local", cluster={"exposure": "NodePort"})
    service = made.one("Service", "traefik")
    assert service["spec"]["type"] == "NodePort"
    assert room(made, "traefik", "services.nodeports") >= len(service["spec"]["ports"])
