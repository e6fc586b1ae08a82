"""Where metrics are read: ports that containers of the stack have, and that let the collector in."""

from collections.abc import Callable
from typing import Any

import pytest
import yaml

from components.observability.scrape import Target, targets, text
from components.platform.cert_manager import METRICS_PORT
from components.settings.subnets import plan
from tests.conftest import Recording, record, settings_of

CHARTS = {"certificates": METRICS_PORT}
"""Jobs whose containers are a Helm chart's, with their port (cert-manager 1.21, templates/deployment.yaml)."""


@pytest.fixture(scope="module")
def prod() -> Recording:
    """With a sign-in, so that there is every target."""
    login = {"image": "journal/frontend:v1.0.0", "replicas": 2}
    shared = {"resources": {"cpu": "50m", "memory": "64Mi", "cpuLimit": "1", "memoryLimit": "256Mi"}}
    return record("prod", login={**login, **shared})


def own(*, login: bool = True) -> list[Target]:
    return [target for target in targets(login=login) if target.job not in CHARTS]


def policies(recording: Recording, namespace: str) -> list[dict[str, Any]]:
    return [p["spec"] for p in recording.of_type("NetworkPolicy") if p["metadata"]["namespace"] == namespace]


def subnets() -> set[str]:
    network = settings_of("prod")["aws"]["network"]
    return set(plan(network["cidr"], len(network["zones"]), network["podCidr"]).private)


def admitted(spec: dict[str, Any], port: str | int) -> set[str]:
    """The networks that a policy lets in at a port."""
    return {
        peer["ipBlock"]["cidr"]
        for rule in spec.get("ingress", [])
        if port in [p["port"] for p in rule["ports"]]
        for peer in rule["from"]
        if "ipBlock" in peer
    }


@pytest.mark.parametrize("target", own(), ids=lambda target: target.job)
def test_a_container_of_the_stack_has_the_port_and_lets_the_collector_in(target: Target, prod: Recording) -> None:
    workloads = [d for d in prod.of_type("Deployment") if d["metadata"]["namespace"] == target.namespace]
    found = [
        w
        for w in workloads
        for c in w["spec"]["template"]["spec"]["containers"]
        if c["name"] == target.container and target.port in [port["name"] for port in c["ports"]]
    ]
    assert found
    for workload in found:
        (policy,) = [
            spec
            for spec in policies(prod, target.namespace)
            if spec["podSelector"].get("matchLabels") == workload["spec"]["selector"]["matchLabels"]
        ]
        assert admitted(policy, target.port) == subnets()


def test_cert_manager_lets_the_collector_in_and_everybody_at_its_webhook_alone(prod: Recording) -> None:
    (policy,) = [spec for spec in policies(prod, "cert-manager") if spec.get("ingress")]
    assert admitted(policy, METRICS_PORT) == subnets()
    assert admitted(policy, 10250) == {"0.0.0.0/0"}


def test_where_nothing_collects_no_port_is_opened_and_the_edge_has_no_metrics(
    recorded: Callable[[str], Recording],
) -> None:
    recording = recorded("staging")
    ports = [
        port["port"]
        for policy in recording.of_type("NetworkPolicy")
        for rule in policy["spec"].get("ingress", [])
        for port in rule["ports"]
    ]
    assert ports
    assert not {"management", "ping", METRICS_PORT} & set(ports)
    (container,) = recording.one("Deployment", "traefik")["spec"]["template"]["spec"]["containers"]
    assert not [argument for argument in container["args"] if argument.startswith("--metrics")]


def test_the_edge_has_metrics_where_they_are_collected(prod: Recording) -> None:
    (container,) = prod.one("Deployment", "traefik")["spec"]["template"]["spec"]["containers"]
    assert "--metrics.prometheus=true" in container["args"]


def test_kube_state_metrics_reads_cron_jobs_and_jobs_of_the_journal_alone(prod: Recording) -> None:
    role = prod.one("Role", "kube-state-metrics-in-journal")
    assert role["metadata"]["namespace"] == "journal"
    (rule,) = role["rules"]
    assert (rule["apiGroups"], rule["resources"], rule["verbs"]) == (["batch"], ["cronjobs", "jobs"], ["list", "watch"])
    assert [r for r in prod.of_type("ClusterRole") if "kube-state" in r.name] == []


def test_each_job_keeps_its_own_container_and_port() -> None:
    jobs = {job["job_name"]: job for job in yaml.safe_load(text(targets(login=True)))["scrape_configs"]}
    assert set(jobs) == {"api", "auth", "edge", "certificates", "objects", "kubelet"}
    keep = jobs["api"]["relabel_configs"][0]
    assert (keep["regex"], keep["action"]) == ("frontend;management", "keep")
    assert jobs["api"]["kubernetes_sd_configs"] == [{"role": "pod", "namespaces": {"names": ["journal"]}}]
    assert "auth" not in {target.job for target in targets(login=False)}


def test_of_kubelets_only_the_room_in_volumes_is_kept() -> None:
    (kubelet,) = [
        job for job in yaml.safe_load(text([]))["scrape_configs"] if job["kubernetes_sd_configs"] == [{"role": "node"}]
    ]
    (kept,) = kubelet["metric_relabel_configs"]
    assert kept["action"] == "keep"
    assert kubelet["authorization"]["credentials_file"].startswith("/var/run/secrets/kubernetes.io/serviceaccount/")
