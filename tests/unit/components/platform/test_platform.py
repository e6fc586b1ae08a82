"""The platform: the ingress controller, cert-manager and the ACME issuers."""

from collections.abc import Callable

import pytest

from components.journal import PORTS
from components.kubernetes import HEALTH_PORT, NODE_PORTS
from components.platform.cert_manager import CertManagerArgs, values
from components.platform.ingress_controller import (
    DEREGISTRATION_SECONDS,
    DRAIN_SECONDS,
    LOAD_BALANCER_CLASS,
    arguments,
)
from components.settings import IngressSettings
from components.settings.node_groups import NODE_GROUP_LABEL
from components.versions import ACME_SERVERS
from tests.conftest import Recording, config_of, record, settings_of

INGRESS = IngressSettings.model_validate(settings_of("local")["ingress"])


@pytest.fixture
def local(recorded: Callable[[str], Recording]) -> Recording:
    return recorded("local")


@pytest.fixture
def prod(recorded: Callable[[str], Recording]) -> Recording:
    return recorded("prod")


def test_http_is_redirected_below_every_route() -> None:
    flags = arguments(INGRESS, ["journal"], "journal.test")
    assert "--entrypoints.web.http.redirections.entrypoint.scheme=https" in flags
    assert "--entrypoints.web.http.redirections.entrypoint.priority=1" in flags


def test_the_ingress_controller_reads_secrets_of_the_served_namespace_alone(local: Recording) -> None:
    cluster_wide = [resource for rule in local.one("ClusterRole", "traefik")["rules"] for resource in rule["resources"]]
    assert "secrets" not in cluster_wide
    roles = [r["metadata"]["namespace"] for r in local.all("Role")]
    assert roles == ["journal"]


@pytest.mark.parametrize(
    ("exposure", "node_ports"),
    [("LoadBalancer", {"web": None, "websecure": None}), ("NodePort", NODE_PORTS)],
)
def test_a_cluster_makes_the_load_balancer_or_opens_ports(exposure: str, node_ports: dict[str, int | None]) -> None:
    spec = record("local", cluster={"exposure": exposure}).one("Service", "traefik")["spec"]
    assert spec["type"] == exposure
    assert spec["externalTrafficPolicy"] == "Local"
    assert "loadBalancerClass" not in spec
    assert {port["name"]: port.get("nodePort") for port in spec["ports"]} == node_ports


def test_target_groups_lead_to_the_ingress_pods_and_no_controller_makes_a_load_balancer(prod: Recording) -> None:
    service = prod.one("Service", "traefik")
    assert service["spec"]["loadBalancerClass"] == LOAD_BALANCER_CLASS
    assert service["spec"]["healthCheckNodePort"] == HEALTH_PORT
    assert {port["name"]: port["nodePort"] for port in service["spec"]["ports"]} == NODE_PORTS
    assert service["metadata"]["annotations"] == {"pulumi.com/skipAwait": "true"}


def test_an_ingress_pod_goes_on_until_the_load_balancer_knows(prod: Recording) -> None:
    pod = prod.one("Deployment", "traefik")["spec"]["template"]["spec"]
    assert pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"] == DEREGISTRATION_SECONDS
    assert pod["terminationGracePeriodSeconds"] > DEREGISTRATION_SECONDS + DRAIN_SECONDS


def test_requests_are_logged_where_a_load_balancer_only_sees_connections(local: Recording, prod: Recording) -> None:
    """The load balancer's own log has TLS listeners alone (ELB guide, Access logs for your Network Load Balancer)."""
    logged = {
        name: "--accesslog=true" in r.one("Deployment", "traefik")["spec"]["template"]["spec"]["containers"][0]["args"]
        for name, r in (("local", local), ("prod", prod))
    }
    assert logged == {"local": False, "prod": True}


def test_the_ingress_controller_runs_on_its_node_group(prod: Recording) -> None:
    pod = prod.one("Deployment", "traefik")["spec"]["template"]["spec"]
    assert pod["nodeSelector"][NODE_GROUP_LABEL] == "ingress"
    assert pod["tolerations"] == [{"key": "dedicated", "operator": "Equal", "value": "ingress"}]


def test_clients_outside_the_allowed_networks_are_kept_out() -> None:
    ingress = {**config_of("local")["journal:ingress"], "allowedCidrs": ["203.0.113.0/24"]}
    (rule,) = record("local", ingress=ingress).one("NetworkPolicy", "traefik")["spec"]["ingress"]
    blocks = [peer["ipBlock"]["cidr"] for peer in rule["from"] if "ipBlock" in peer]
    assert blocks == ["203.0.113.0/24"]


@pytest.mark.parametrize(
    ("stack", "issuer"), [("local", "pebble"), ("dev", "letsencrypt-staging"), ("prod", "letsencrypt")]
)
def test_who_issues_the_certificate(stack: str, issuer: str, recorded: Callable[[str], Recording]) -> None:
    acme = recorded(stack).one("ClusterIssuer")["spec"]["acme"]
    assert acme["server"] == ACME_SERVERS[issuer]


@pytest.mark.parametrize("stack", ["local", "prod"])
def test_nothing_is_asked_of_cert_manager_before_the_api_server_trusts_its_webhook(
    stack: str, recorded: Callable[[str], Recording]
) -> None:
    recording = recorded(stack)
    webhook = recording.one("ValidatingWebhookConfigurationPatch")
    assert webhook["metadata"]["name"] == "cert-manager-webhook"
    assert webhook["metadata"]["annotations"]["pulumi.com/waitFor"] == "jsonpath={.webhooks[0].clientConfig.caBundle}"
    asked = [r for kind in ("Issuer", "ClusterIssuer") for r in recording.of_type(kind)]
    assert asked
    assert [r.name for r in asked if webhook.urn not in recording.dependencies_of(r)] == []


def test_cert_manager_verifies_pebble_by_pebbles_own_ca(local: Recording, prod: Recording) -> None:
    assert "caBundle" in local.one("ClusterIssuer")["spec"]["acme"]
    assert "caBundle" not in prod.one("ClusterIssuer")["spec"]["acme"]


def test_cert_manager_is_pinned_where_its_chart_comes_from_a_registry(prod: Recording) -> None:
    release = prod.one("Release", "cert-manager")
    assert release["chart"].startswith("oci://")
    assert release["version"].startswith("v1.")


def test_the_self_check_is_repeated_every_second_with_pebble_alone() -> None:
    fast, default = (values(CertManagerArgs(chart="c", replicas=1, fast_checks=f), "cm") for f in (True, False))
    assert fast["extraArgs"] == ["--dns01-check-retry-period=1s"]
    assert default["extraArgs"] == []


def test_a_challenge_is_answered_within_the_quota_of_its_namespace(local: Recording) -> None:
    (solver,) = local.one("ClusterIssuer", "pebble")["spec"]["acme"]["solvers"]
    (quota,) = [r for r in local.all("ResourceQuota") if r["metadata"]["namespace"] == "journal"]
    assert quota["spec"]["hard"]["services.nodeports"] == "0"
    assert solver["http01"]["ingress"]["serviceType"] == "ClusterIP"


def test_the_ingress_controller_reaches_the_application_and_the_pods_that_answer_challenges(local: Recording) -> None:
    _, rule = local.one("NetworkPolicy", "traefik")["spec"]["egress"]
    (challenges,) = local.one("NetworkPolicy", "journal-acme-challenges")["spec"]["ingress"]
    assert [port["port"] for port in rule["ports"]] == [*PORTS, *(port["port"] for port in challenges["ports"])]
    assert [peer["namespaceSelector"]["matchLabels"] for peer in rule["to"]] == [
        {"kubernetes.io/metadata.name": "journal"}
    ]
