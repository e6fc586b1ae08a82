"""The journal's tiers: the API, the web page and the routes to them."""

from collections.abc import Callable
from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from components.journal.frontend import config_versions, environment, report_port
from components.kubernetes import content_hash
from components.settings import FrontendConfig
from tests.conftest import Recording, record

TEN, TWENTY = (FrontendConfig.model_validate({"journalEntries": entries}) for entries in (10, 20))
DSN = "https://0123456789abcdef0123456789abcdef@o0.ingest.sentry.io/1"


@pytest.fixture
def local(recorded: Callable[[str], Recording]) -> Recording:
    return recorded("local")


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


def test_a_limit_of_entries_reaches_the_api() -> None:
    config = FrontendConfig.model_validate({"journalMaxEntries": 5000})
    assert environment(config)["JOURNAL_MAX_ENTRIES"] == "5000"
    assert "JOURNAL_MAX_ENTRIES" not in environment(TEN)


@pytest.mark.parametrize(
    ("dsn", "port"), [(DSN, 443), ("https://0123456789abcdef0123456789abcdef@sentry.example.com:9443/1", 9443)]
)
def test_where_reports_go(dsn: str, port: int) -> None:
    assert environment(FrontendConfig.model_validate({"sentryDsn": dsn}))["SENTRY_DSN"] == dsn
    assert report_port(dsn) == port


def test_prod_reports_errors_to_public_addresses_alone(recorded: Callable[[str], Recording]) -> None:
    prod = recorded("prod")
    assert prod.one("ConfigMap", active_config(prod))["data"]["SENTRY_DSN"].startswith("https://")
    *_, rule = prod.one("NetworkPolicy", "frontend")["spec"]["egress"]
    assert rule["ports"] == [{"port": 443, "protocol": "TCP"}]
    (block,) = [peer["ipBlock"] for peer in rule["to"]]
    assert block["cidr"] == "0.0.0.0/0"
    private = [ip_network(cidr) for cidr in block["except"]]
    inside = ["10.30.0.1", "100.64.1.1", "169.254.169.254", "172.20.0.10", "192.168.1.1"]
    assert [a for a in inside if not any(ip_address(a) in network for network in private)] == []


@pytest.mark.parametrize("name", ["local", "dev", "staging"])
def test_elsewhere_the_api_reports_nothing_and_reaches_redis_alone(
    recorded: Callable[[str], Recording], name: str
) -> None:
    recording = recorded(name)
    assert "SENTRY_DSN" not in recording.one("ConfigMap", active_config(recording))["data"]
    rules = recording.one("NetworkPolicy", "frontend")["spec"]["egress"]
    reached = {
        peer["podSelector"]["matchLabels"]["app.kubernetes.io/name"]: [port["port"] for port in rule["ports"]]
        for rule in rules
        for peer in rule["to"]
    }
    assert reached == {"redis": ["redis", "sentinel"], "redis-write": ["redis"]}


def active_config(recording: Recording) -> Any:
    (container,) = recording.one("Deployment", "frontend")["spec"]["template"]["spec"]["containers"]
    return container["envFrom"][0]["configMapRef"]["name"]


def test_a_changed_configuration_is_a_new_version_beside_the_old_one(local: Recording) -> None:
    changed = record("local", journalEntries=20)
    first, second = config_name(1, 10), config_name(2, 20)
    assert configs(changed) == [first, second]
    assert changed.one("ConfigMap", first).inputs == local.one("ConfigMap", first).inputs
    assert changed.one("ConfigMap", second)["immutable"] is True
    assert (active_config(local), active_config(changed)) == (first, second)


def test_a_configuration_changed_twice_never_changes_under_a_name() -> None:
    """20 was not kept in the history, so it and 30 are both v2."""
    twenty, thirty = record("local", journalEntries=20), record("local", journalEntries=30)
    assert (active_config(twenty), active_config(thirty)) == (config_name(2, 20), config_name(2, 30))
    assert configs(thirty) == [config_name(1, 10), config_name(2, 30)]
    kept = record("local", journalEntries=30, configHistory=[{"journalEntries": 10}, {"journalEntries": 20}])
    assert configs(kept) == [config_name(1, 10), config_name(2, 20), config_name(3, 30)]


def configs(recording: Recording) -> list[str]:
    return sorted(r.name for r in recording.all("ConfigMap") if r.name.startswith("frontend-config-"))


def config_name(number: int, entries: int) -> str:
    return f"frontend-config-v{number}-{content_hash({'JOURNAL_ENTRIES': str(entries)})}"


def test_the_api_stands_before_the_page(local: Recording) -> None:
    spec = local.one("Ingress", "journal")["spec"]
    rule = spec["rules"][0]
    assert rule["host"] == "journal.test"
    routes = [(path["path"], path["backend"]["service"]["name"]) for path in rule["http"]["paths"]]
    assert routes == [("/api", "frontend"), ("/", "fileserver")]
    assert spec["tls"] == [{"hosts": ["journal.test", "status.journal.test"], "secretName": "journal-tls"}]


def test_the_certificate_fills_the_secret_of_the_ingress(local: Recording) -> None:
    spec = local.one("kubernetes:cert-manager.io/v1:Certificate", "journal-tls")["spec"]
    assert spec["secretName"] == "journal-tls"
    assert spec["issuerRef"] == {"kind": "ClusterIssuer", "name": "pebble"}


def test_the_certificate_comes_after_its_issuer_and_the_issuer_after_cert_manager(local: Recording) -> None:
    certificate = local.one("kubernetes:cert-manager.io/v1:Certificate", "journal-tls")
    issuer = local.one("ClusterIssuer", "pebble")
    assert issuer.urn in local.dependencies_of(certificate)
    assert local.one("Release", "cert-manager").urn in local.dependencies_of(issuer)


@pytest.mark.parametrize(
    ("tier", "kind"),
    [("frontend", "Deployment"), ("fileserver", "Deployment"), ("redis", "StatefulSet"), ("redis-write", "Deployment")],
)
def test_the_ports_of_the_policies_are_those_of_the_pods(local: Recording, tier: str, kind: str) -> None:
    containers = local.one(kind, tier)["spec"]["template"]["spec"]["containers"]
    rules = local.one("NetworkPolicy", tier)["spec"]["ingress"]
    opened = {port["port"] for rule in rules for port in rule["ports"]}
    assert opened
    assert opened <= {port["name"] for container in containers for port in container["ports"]}
