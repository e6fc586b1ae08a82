"""What every request passes at the edge: limits, headers, compression and TLS, in every stack and by either route."""

import json
from typing import Any

import pytest

from components import settings
from components.journal import PATHS, hosts
from components.journal.auth import PATH
from components.platform.traefik_file import middlewares
from components.settings import IngressSettings, Limits
from tests.conftest import Recording, record, settings_of
from tests.unit.components.platform.test_gateway import recorded
from tools.stack import names

STACKS = [name for name in names() if name != "shared"]


@pytest.fixture(params=[(stack, routes) for stack in STACKS for routes in ("ingress", "gateway")], ids="-".join)
def recording(request: pytest.FixtureRequest) -> Recording:
    return recorded(*request.param)


def file_of(recording: Recording) -> dict[str, Any]:
    (config,) = [r for r in recording.of_type("ConfigMap") if r.name.startswith("traefik-dynamic-")]
    return json.loads(config["data"]["dynamic.yaml"])


def arguments_of(recording: Recording) -> list[str]:
    return recording.one("Deployment", "traefik")["spec"]["template"]["spec"]["containers"][0]["args"]


def chain_of(recording: Recording) -> list[str]:
    flag = "--entrypoints.websecure.http.middlewares="
    (chain,) = [argument.removeprefix(flag) for argument in arguments_of(recording) if argument.startswith(flag)]
    return chain.split(",")


def ingress(**changes: Any) -> IngressSettings:
    return IngressSettings.model_validate({**settings_of("prod")["ingress"], **changes})


def test_every_request_over_https_passes_each_middleware_once(recording: Recording) -> None:
    chain, found = chain_of(recording), file_of(recording)["http"]
    assert len(chain) == len(set(chain))
    assert {name.removesuffix("@file") for name in chain} == set(found["middlewares"]) - {"retry-after"}
    annotated = [r["metadata"].get("annotations", {}) for r in recording.of_type("Ingress")]
    assert [a for a in annotated if "traefik.ingress.kubernetes.io/router.middlewares" in a] == []
    assert chain[0] == "security-headers@file", "what a middleware refuses has them too"
    assert chain[-1] == "retry@file", "a request is counted once however often it is tried"


def test_challenges_and_redirects_pass_none(recording: Recording) -> None:
    assert [a for a in arguments_of(recording) if a.startswith("--entrypoints.web.http.middlewares")] == []


@pytest.mark.parametrize("stack", STACKS)
def test_clients_are_limited_wherever_no_drill_runs(stack: str) -> None:
    found = IngressSettings.model_validate(settings_of(stack)["ingress"])
    assert (found.limits.rate is None) == (stack == "local")
    assert ("rate-limit" in middlewares(found)) == (stack != "local")


def test_a_client_is_its_address_and_no_header(recording: Recording) -> None:
    limits = [m["rateLimit"] for m in file_of(recording)["http"]["middlewares"].values() if "rateLimit" in m]
    for limit in limits:
        assert limit == {
            "average": 50,
            "burst": 200,
            "period": "1s",
            "sourceCriterion": {"ipStrategy": {"ipv6Subnet": 64}},
        }
    assert recording.one("Service", "traefik")["spec"]["externalTrafficPolicy"] == "Local"
    assert [a for a in arguments_of(recording) if "forwardedheaders" in a.lower() or "proxyprotocol" in a.lower()] == []


def test_the_rate_is_what_the_settings_say() -> None:
    rate = {"average": 7, "burst": 9, "periodSeconds": 60}
    limit = middlewares(ingress(limits={"rate": rate}))["rate-limit"]["rateLimit"]
    assert (limit["average"], limit["burst"], limit["period"]) == (7, 9, "60s")


def test_slow_clients_and_large_heads_have_a_limit(recording: Recording) -> None:
    for entry in ("web", "websecure"):
        assert f"--entrypoints.{entry}.transport.respondingtimeouts.readtimeout=20s" in arguments_of(recording)
        assert f"--entrypoints.{entry}.transport.respondingtimeouts.idletimeout=180s" in arguments_of(recording)
        assert f"--entrypoints.{entry}.http.maxheaderbytes=16384" in arguments_of(recording)


def test_no_middleware_keeps_a_whole_body(recording: Recording) -> None:
    """It would be in memory, then in a file, and the root file system is read-only; tiers refuse large bodies."""
    assert [m for m in file_of(recording)["http"]["middlewares"].values() if "buffering" in m] == []


@pytest.mark.parametrize(
    ("stack", "seconds"), [("local", 0), ("dev", 0), ("staging", 31_536_000), ("prod", 31_536_000)]
)
def test_https_is_demanded_where_browsers_trust_the_certificate(stack: str, seconds: int) -> None:
    sent = middlewares(IngressSettings.model_validate(settings_of(stack)["ingress"]))["security-headers"]["headers"]
    assert sent["customResponseHeaders"]["Strict-Transport-Security"] == f"max-age={seconds}; includeSubDomains"
    trusted = settings_of(stack)["certificates"]["issuer"] == "letsencrypt"
    assert trusted == (seconds > 0)


def test_only_what_the_api_sends_is_compressed(recording: Recording) -> None:
    compress = file_of(recording)["http"]["middlewares"]["compress"]["compress"]
    assert compress["includedContentTypes"] == ["application/json", "application/problem+json"]
    assert compress["minResponseBodyBytes"] >= 1024


def test_tls_is_1_2_or_newer_with_authenticated_encryption_alone(recording: Recording) -> None:
    options = file_of(recording)["tls"]["options"]
    assert list(options) == ["default"], "what every route has that names none"
    assert options["default"]["minVersion"] == "VersionTLS12"
    suites = options["default"]["cipherSuites"]
    assert len(suites) == 6
    assert [s for s in suites if "ECDHE" not in s or not ("GCM" in s or "POLY1305" in s)] == []


def test_a_prefix_is_of_whole_elements(recording: Recording) -> None:
    assert "--providers.kubernetesingress.strictprefixmatching=true" in arguments_of(recording)


def test_each_host_has_its_paths_its_certificate_and_an_address(recording: Recording) -> None:
    named = recording.one("kubernetes:cert-manager.io/v1:Certificate", "journal-tls")["spec"]["dnsNames"]
    assert len(named) == 2
    assert named[1] == f"status.{named[0]}"
    for r in recording.of_type("Ingress"):
        assert r["spec"]["tls"] == [{"hosts": named, "secretName": "journal-tls"}]
        paths = {rule["host"]: [path["path"] for path in rule["http"]["paths"]] for rule in r["spec"]["rules"]}
        signs_in = [PATH for r in recording.of_type("Service") if r.name == "auth"]
        assert paths == {named[0]: ["/api", "/", *signs_in], named[1]: ["/api/version", "/healthz"]}
    records = recording.of_type("Record")
    if records:
        found = [(r["type"], r["name"]) for r in records if r.name.startswith("dns")]
        assert sorted(found) == sorted((kind, host) for kind in ("A", "CAA") for host in named)
    else:
        aliases = recording.one("Deployment", "pebble")["spec"]["template"]["spec"]["hostAliases"]
        assert [alias["hostnames"] for alias in aliases] == [named]


def test_without_a_status_host_there_is_one_host() -> None:
    known = settings_of("local")
    del known["statusHost"]
    parsed = settings.parse(known)
    assert isinstance(parsed, settings.Settings)
    assert hosts(parsed) == {"journal.test": PATHS}


@pytest.mark.parametrize(
    ("stack", "host", "said"),
    [
        ("local", "journal.test", "statusHost journal.test is the journal's own host"),
        ("dev", "status.journal.kbp-sample.com", "statusHost status.journal.kbp-sample.com in dev"),
        ("prod", "status.journal.test", "statusHost 'status.journal.test' is reserved for tests"),
    ],
)
def test_a_status_host_that_cannot_be_served_is_refused(stack: str, host: str, said: str) -> None:
    with pytest.raises(settings.SettingsError, match=said):
        settings.parse({**settings_of(stack), "statusHost": host})


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ({"rate": {"average": 0}}, "average"),
        ({"rate": {"burst": 0}}, "burst"),
        ({"readSeconds": 10}, "readSeconds"),
        ({"idleSeconds": 350}, "idleSeconds"),
        ({"bodyBytes": 1}, "bodyBytes"),
    ],
)
def test_limits_that_cannot_work_are_refused(limits: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Limits.model_validate(limits)


@pytest.fixture(scope="module")
def closed() -> Recording:
    """Stack dev, which everybody has to give a password for."""
    return record("dev", ingress={**settings_of("dev")["ingress"], "basicAuth": True})


def test_a_password_is_asked_for_behind_the_rate_and_before_anything_else(closed: Recording) -> None:
    assert chain_of(closed)[:3] == ["security-headers@file", "rate-limit@file", "basic-auth@file"]
    basic_auth = file_of(closed)["http"]["middlewares"]["basic-auth"]["basicAuth"]
    assert basic_auth == {"usersFile": "/etc/traefik/basic-auth/users", "realm": "journal", "removeHeader": True}


def test_pods_have_the_hash_of_the_password_alone(closed: Recording) -> None:
    secret = closed.one("Secret", "traefik-basic-auth")
    assert set(secret["stringData"]) == {"name", "password", "users"}
    provider = closed.one("RandomPassword", "traefik-basic-auth").provider
    assert provider is not None
    assert provider.name == "random", "the stack allows no default provider"
    assert {path[0] for path in secret.secrets} == {"stringData"}
    pod = closed.one("Deployment", "traefik")["spec"]["template"]["spec"]
    (volume,) = [volume["secret"] for volume in pod["volumes"] if "secret" in volume]
    assert (volume["secretName"], volume["items"]) == ("traefik-basic-auth", [{"key": "users", "path": "users"}])
    mounts = {mount["mountPath"]: mount.get("readOnly") for mount in pod["containers"][0]["volumeMounts"]}
    assert mounts["/etc/traefik/basic-auth"] is True


def test_nobody_is_asked_for_a_password_unless_the_settings_say_so(recording: Recording) -> None:
    assert "basic-auth@file" not in chain_of(recording)
    assert [secret for secret in recording.of_type("Secret") if secret.name == "traefik-basic-auth"] == []
