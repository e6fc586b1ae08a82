"""The journal's tiers: what Redis, the API, the page and the routes promise."""

import subprocess
from collections.abc import Callable
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
from components.journal.redis import primary_host

from components.journal.frontend import config_versions, environment, report_port
from components.settings import FrontendConfig
from tests.conftest import Recording, record

TEN, TWENTY = (FrontendConfig.model_validate({"journalEntries": entries}) for entries in (10, 20))
DSN = "https://0123456789abcdef0123456789abcdef@o0.ingest.sentry.io/1"
REDIS_FILES = Path(__file__).parents[2] / "components/journal"


@pytest.fixture
def local(recorded: Callable[[str], Recording]) -> Recording:
    return recorded("local")


def selector(recording: Recording, service: str) -> dict[str, str]:
    return recording.one("Service", service)["spec"]["selector"]


def test_a_write_never_reaches_a_replica(local: Recording) -> None:
    write = local.one("Service", "redis-write")["spec"]
    assert write["clusterIP"] == "None"
    assert write["selector"]["statefulset.kubernetes.io/pod-name"] == "redis-0"


def test_reads_go_to_every_server(local: Recording) -> None:
    pod_labels = local.one("StatefulSet", "redis")["spec"]["template"]["metadata"]["labels"]
    assert selector(local, "redis").items() <= pod_labels.items()
    assert "statefulset.kubernetes.io/pod-name" not in selector(local, "redis")


def test_each_redis_server_has_a_volume_of_its_own(local: Recording) -> None:
    (claim,) = local.one("StatefulSet", "redis")["spec"]["volumeClaimTemplates"]
    assert claim["spec"]["resources"]["requests"]["storage"] == "256Mi"
    assert claim["spec"]["accessModes"] == ["ReadWriteOnce"]


def test_the_primary_is_pod_0_behind_the_headless_service(local: Recording) -> None:
    assert primary_host("redis", "journal") == "redis-0.redis-write.journal.svc"
    spec = local.one("StatefulSet", "redis")["spec"]
    env = {entry["name"]: entry["value"] for entry in spec["template"]["spec"]["containers"][0]["env"]}
    assert env["PRIMARY_HOST"] == "redis-0.redis-write.journal.svc"
    assert spec["serviceName"] == "redis-write"


@pytest.mark.parametrize("script", ["redis-launch.sh", "redis-started.sh"])
def test_the_scripts_are_shell(script: str) -> None:
    subprocess.run(["sh", "-n", REDIS_FILES / script], check=True)


def test_redis_keeps_what_it_acknowledged() -> None:
    lines = (REDIS_FILES / "redis.conf").read_text().splitlines()
    assert "appendonly yes" in lines


@pytest.mark.parametrize(
    ("history", "current", "configs", "active"),
    [
        ([], TEN, (TEN,), 1),
        ([TEN], TEN, (TEN,), 1),
        ([TEN], TWENTY, (TEN, TWENTY), 2),
        ([TEN, TWENTY], TEN, (TEN, TWENTY), 1),
        ([TEN, TWENTY], TWENTY, (TEN, TWENTY), 2),
    ],
)
def test_versions_of_the_configuration(
    history: list[FrontendConfig], current: FrontendConfig, configs: tuple[FrontendConfig, ...], active: int
) -> None:
    versions = config_versions(history, current)
    assert (versions.configs, versions.active) == (configs, active)


def test_a_list_of_origins_becomes_numbered_variables() -> None:
    config = FrontendConfig.model_validate({"crossOrigins": ["https://a.example", "https://b.example:8443"]})
    assert environment(config) == {
        "JOURNAL_ENTRIES": "10",
        "WEB__CROSS_ORIGIN__0": "https://a.example",
        "WEB__CROSS_ORIGIN__1": "https://b.example:8443",
    }


@pytest.mark.parametrize(
    ("dsn", "port"), [(DSN, 443), ("https://0123456789abcdef0123456789abcdef@sentry.example.com:9443/1", 9443)]
)
def test_where_reports_go(dsn: str, port: int) -> None:
    assert environment(FrontendConfig.model_validate({"sentryDsn": dsn}))["SENTRY_DSN"] == dsn
    assert report_port(dsn) == port


def test_prod_reports_errors_to_public_addresses_alone(recorded: Callable[[str], Recording]) -> None:
    prod = recorded("prod")
    assert prod.one("ConfigMap", active_config(prod))["data"]["SENTRY_DSN"].startswith("https://")
    _, rule = prod.one("NetworkPolicy", "frontend")["spec"]["egress"]
    assert rule["ports"] == [{"port": 443, "protocol": "TCP"}]
    (block,) = [peer["ipBlock"] for peer in rule["to"]]
    assert block["cidr"] == "0.0.0.0/0"
    private = [ip_network(cidr) for cidr in block["except"]]
    for address in ("10.30.0.1", "100.64.1.1", "169.254.169.254", "172.20.0.10", "192.168.1.1"):
        assert any(ip_address(address) in network for network in private)


@pytest.mark.parametrize("name", ["local", "dev", "staging"])
def test_elsewhere_the_api_reports_nothing_and_reaches_redis_alone(
    recorded: Callable[[str], Recording], name: str
) -> None:
    recording = recorded(name)
    assert "SENTRY_DSN" not in recording.one("ConfigMap", active_config(recording))["data"]
    (rule,) = recording.one("NetworkPolicy", "frontend")["spec"]["egress"]
    assert rule["ports"] == [{"port": 6379, "protocol": "TCP"}]


def active_config(recording: Recording) -> Any:
    (container,) = recording.one("Deployment", "frontend")["spec"]["template"]["spec"]["containers"]
    return container["envFrom"][0]["configMapRef"]["name"]


def test_a_changed_configuration_is_a_new_version_beside_the_old_one(local: Recording) -> None:
    changed = record("local", journalEntries=20)
    names = [r.name for r in changed.all("ConfigMap") if r.name.startswith("frontend-config-")]
    assert sorted(names) == ["frontend-config-v1", "frontend-config-v2"]
    assert changed.one("ConfigMap", "frontend-config-v1").inputs == local.one("ConfigMap", "frontend-config-v1").inputs
    assert changed.one("ConfigMap", "frontend-config-v2")["immutable"] is True
    assert (active_config(local), active_config(changed)) == ("frontend-config-v1", "frontend-config-v2")


def test_the_api_stands_before_the_page(local: Recording) -> None:
    spec = local.one("Ingress", "journal")["spec"]
    (rule,) = spec["rules"]
    assert rule["host"] == "journal.test"
    routes = [(path["path"], path["backend"]["service"]["name"]) for path in rule["http"]["paths"]]
    assert routes == [("/api", "frontend"), ("/", "fileserver")]
    assert spec["tls"] == [{"hosts": ["journal.test"], "secretName": "journal-tls"}]


def test_the_certificate_fills_the_secret_of_the_ingress(local: Recording) -> None:
    spec = local.one("kubernetes:cert-manager.io/v1:Certificate", "journal-tls")["spec"]
    assert spec["secretName"] == "journal-tls"
    assert spec["issuerRef"] == {"kind": "ClusterIssuer", "name": "pebble"}


def test_the_certificate_comes_after_its_issuer_and_the_issuer_after_cert_manager(local: Recording) -> None:
    certificate = local.one("kubernetes:cert-manager.io/v1:Certificate", "journal-tls")
    issuer = local.one("ClusterIssuer", "pebble")
    assert issuer.urn in local.dependencies_of(certificate)
    assert local.one("Release", "cert-manager").urn in local.dependencies_of(issuer)


def test_redis_is_open_to_the_api_and_itself_alone(local: Recording) -> None:
    (rule,) = local.one("NetworkPolicy", "redis")["spec"]["ingress"]
    peers = [peer["podSelector"]["matchLabels"]["app.kubernetes.io/name"] for peer in rule["from"]]
    assert peers == ["redis", "frontend"]
    assert all("namespaceSelector" not in peer for peer in rule["from"])


def test_the_ports_of_the_policies_are_those_of_the_pods(local: Recording) -> None:
    for tier in ("frontend", "fileserver", "redis"):
        kind = "StatefulSet" if tier == "redis" else "Deployment"
        (container,) = local.one(kind, tier)["spec"]["template"]["spec"]["containers"]
        named = {port["name"] for port in container["ports"]}
        for rule in local.one("NetworkPolicy", tier)["spec"]["ingress"]:
            assert {port["port"] for port in rule["ports"]} <= named
