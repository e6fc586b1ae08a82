"""metrics-server: verified on both sides, with no right but to measure, and only where the settings ask for it."""

from collections.abc import Callable

import pytest

from components.platform.metrics_server import PORT, arguments
from components.versions import METRICS_SERVER_IMAGE
from tests.conftest import Recording, record


@pytest.fixture(scope="module")
def made() -> Recording:
    return record("local", cluster={"metricsServer": True})


def test_it_is_there_only_where_the_settings_ask_for_it(recorded: Callable[[str], Recording]) -> None:
    assert [r for r in recorded("local").registrations if "metrics-server" in r.name] == []


def test_the_api_server_verifies_it_by_the_certificate_that_cert_manager_issues(made: Recording) -> None:
    service = made.one("APIService")
    assert service["metadata"]["annotations"]["cert-manager.io/inject-ca-from"] == "metrics-server/metrics-server-tls"
    assert "insecureSkipTLSVerify" not in service["spec"]
    assert service["spec"]["service"] == {"name": "metrics-server", "namespace": "metrics-server", "port": 443}
    certificate = made.one("Certificate", "metrics-server-tls")
    assert certificate["spec"]["dnsNames"] == ["metrics-server.metrics-server.svc"]
    before = made.dependencies_of(service)
    assert {made.one("Deployment", "metrics-server").urn, made.one("Service", "metrics-server").urn} <= before
    assert certificate.urn in before


def test_it_verifies_kubelets(made: Recording) -> None:
    assert "--kubelet-certificate-authority=/var/run/secrets/kubernetes.io/serviceaccount/ca.crt" in arguments()
    assert not [flag for flag in arguments() if "insecure" in flag]
    assert made.one("Deployment", "metrics-server")["spec"]["template"]["spec"]["automountServiceAccountToken"]


def test_it_may_read_and_ask_but_change_nothing(made: Recording) -> None:
    roles = made.one("ClusterRole", "metrics-server"), made.one("Role", "metrics-server-in-kube-system")
    rules = [rule for role in roles for rule in role["rules"]]
    assert {verb for rule in rules for verb in rule["verbs"]} == {"get", "list", "watch", "create"}
    created = {resource for rule in rules if "create" in rule["verbs"] for resource in rule["resources"]}
    assert created == {"tokenreviews", "subjectaccessreviews"}, "questions to the API server, which keep nothing"
    assert roles[1]["rules"][0]["resourceNames"] == ["extension-apiserver-authentication"]


def test_its_pods_are_reached_at_one_port_and_reach_kubelets_and_the_api_server(made: Recording) -> None:
    spec = made.one("NetworkPolicy", "metrics-server")["spec"]
    assert [port["port"] for rule in spec["ingress"] for port in rule["ports"]] == ["https"]
    assert {port["port"] for rule in spec["egress"] for port in rule["ports"]} == {443, 6443, 10250}
    (container,) = made.one("Deployment", "metrics-server")["spec"]["template"]["spec"]["containers"]
    assert container["ports"] == [{"name": "https", "containerPort": PORT}]
    assert container["image"] == METRICS_SERVER_IMAGE
