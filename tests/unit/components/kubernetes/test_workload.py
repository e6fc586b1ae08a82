"""Namespaces and workloads: what each of their arguments makes of the objects."""

from dataclasses import replace

import pytest

from components.kubernetes import Namespace, Workload, WorkloadArgs, http_probe
from components.kubernetes.namespace import quotas
from components.settings import Resources
from components.settings.node_groups import Placement
from tools.recording import Recorder, run

ARGS = WorkloadArgs(
    namespace="shop",
    image="registry.example/web:v1",
    replicas=2,
    resources=Resources.model_validate({"cpu": "10m", "memory": "16Mi", "cpuLimit": "1", "memoryLimit": "32Mi"}),
    ports={"http": 8000},
    liveness=http_probe("/livez", "http", period=10),
    readiness=http_probe("/readyz", "http"),
)


def workload(args: WorkloadArgs) -> Recorder:
    recorder = Recorder()
    run(lambda: Workload("web", args), recorder, project="shop", stack="test", config={})
    return recorder


def pod(args: WorkloadArgs) -> dict:
    return workload(args).one("Deployment", "web")["spec"]["template"]["spec"]


@pytest.mark.parametrize(("replicas", "budgets"), [(1, []), (2, ["web"])])
def test_one_pod_alone_has_no_disruption_budget(replicas: int, budgets: list[str]) -> None:
    assert [r.name for r in workload(replace(ARGS, replicas=replicas)).of_type("PodDisruptionBudget")] == budgets


def test_the_startup_probe_asks_what_the_liveness_probe_asks_once_a_second() -> None:
    (container,) = pod(ARGS)["containers"]
    assert container["startupProbe"]["httpGet"] == container["livenessProbe"]["httpGet"]
    assert (container["startupProbe"]["periodSeconds"], container["livenessProbe"]["periodSeconds"]) == (1, 10)


@pytest.mark.parametrize(("delay", "drain", "grace"), [(5, 20, 30), (30, 10, 45), (0, 0, 5)])
def test_a_pod_serves_on_for_its_delay_and_is_killed_no_sooner_than_its_drain_ends(
    delay: int, drain: int, grace: int
) -> None:
    stopping = pod(replace(ARGS, stop_delay_seconds=delay, drain_seconds=drain))
    assert stopping["containers"][0]["lifecycle"] == {"preStop": {"sleep": {"seconds": delay}}}
    assert stopping["terminationGracePeriodSeconds"] == grace


@pytest.mark.parametrize("token", [True, False])
def test_a_pod_gets_a_token_only_if_it_asks_for_one(token: bool) -> None:
    assert pod(replace(ARGS, token=token))["automountServiceAccountToken"] is token


def test_a_placement_selects_a_node_group_and_tolerates_its_taints() -> None:
    placed = pod(replace(ARGS, placement=Placement(node_group="fast", tolerates=(("gpu", ""), ("dedicated", "fast")))))
    assert placed["nodeSelector"] == {"journal/node-group": "fast"}
    assert placed["tolerations"] == [
        {"key": "gpu", "operator": "Exists"},
        {"key": "dedicated", "operator": "Equal", "value": "fast"},
    ]


def test_pulumi_waits_while_pods_are_replaced_one_by_one() -> None:
    quick, slow = workload(ARGS), workload(replace(ARGS, replicas=20, min_ready_seconds=60))
    deployment = slow.one("Deployment")
    assert deployment["spec"]["minReadySeconds"] == 60
    assert deployment["metadata"]["annotations"] == {"pulumi.com/timeoutSeconds": "1800"}
    assert "minReadySeconds" not in quick.one("Deployment")["spec"]
    assert "annotations" not in quick.one("Deployment")["metadata"]


def test_a_placement_selects_further_labels() -> None:
    placed = pod(replace(ARGS, placement=Placement(node_group="fast", labels=(("disk", "ssd"),))))
    assert placed["nodeSelector"] == {"journal/node-group": "fast", "disk": "ssd"}
    assert pod(replace(ARGS, placement=Placement(labels=(("disk", "ssd"),))))["nodeSelector"] == {"disk": "ssd"}


def test_a_pod_without_a_placement_runs_anywhere() -> None:
    assert {"nodeSelector", "tolerations"} & pod(ARGS).keys() == set()


@pytest.mark.parametrize(("load_balancers", "services", "node_ports"), [(0, "0", "0"), (1, "1", "10"), (2, "2", "20")])
def test_a_namespace_holds_the_load_balancers_that_it_is_given(
    load_balancers: int, services: str, node_ports: str
) -> None:
    recorder = Recorder()
    run(lambda: Namespace("shop", load_balancers=load_balancers), recorder, project="shop", stack="test", config={})
    hard = recorder.one("ResourceQuota")["spec"]["hard"]
    assert hard == quotas(load_balancers=load_balancers)
    assert (hard["services.loadbalancers"], hard["services.nodeports"]) == (services, node_ports)


@pytest.mark.parametrize(
    ("declared", "hard"),
    [
        ({}, {"pods": "100", "persistentvolumeclaims": "20", "services.nodeports": "0"}),
        ({"pods": 9, "volumes": 3}, {"pods": "100", "persistentvolumeclaims": "20"}),
        ({"pods": 45}, {"pods": "100"}),
        ({"pods": 209, "volumes": 30}, {"pods": "428", "persistentvolumeclaims": "60"}),
        ({"node_ports": 2}, {"services.nodeports": "2", "services.loadbalancers": "0"}),
        ({"node_ports": 2, "load_balancers": 1}, {"services.nodeports": "12", "services.loadbalancers": "1"}),
    ],
)
def test_a_quota_follows_from_what_is_declared(declared: dict[str, int], hard: dict[str, str]) -> None:
    assert quotas(**declared).items() >= hard.items()
