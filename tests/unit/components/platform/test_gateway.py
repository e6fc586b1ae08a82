"""Routes by the Gateway API, alone and beside an Ingress: in every stack, what leads where."""

import json
from typing import Any

import pytest

from components import settings, versions
from components.journal import PATHS, STATUS_PATHS
from components.journal.auth import PATH
from components.kubernetes.release import Backend, backend
from components.platform.gateway_api import KINDS, route_spec
from components.platform.traefik_file import unavailable
from components.settings import SettingsError
from components.settings.releases import Release
from local import gateway
from policy.rules import RULES, STACK_RULES
from tests.conftest import Recording, record, settings_of
from tests.unit.policy.violations import violations
from tools.golang import module_versions
from tools.graph import Graph
from tools.implicit_dependencies import implicit_dependencies
from tools.pictures import architecture
from tools.stack import names

NEXT = "localhost/journal/frontend:v1.1.0-0123abcd"
LOCAL = settings_of("local")
made: dict[tuple[str, str], Recording] = {}


def recorded(stack: str, routes: str) -> Recording:
    if (stack, routes) not in made:
        made[stack, routes] = record(stack, ingress={**settings_of(stack)["ingress"], "routes": routes})
    return made[stack, routes]


def released(**release: Any) -> Recording:
    tier = {**LOCAL["frontend"], "release": {"candidate": NEXT, **release}}
    return record("local", frontend=tier, ingress={**LOCAL["ingress"], "routes": "gateway"})


@pytest.fixture(params=[name for name in names() if name != "shared"])
def stack(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(params=["both", "gateway"])
def routes(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def recording(stack: str, routes: str) -> Recording:
    return recorded(stack, routes)


def rules_of(recording: Recording, name: str = "journal") -> list[tuple[str, str | None, dict[str, int | None]]]:
    """Of each rule of the route: its path, the version that it is for, and weights by Service."""
    rules = recording.one("HTTPRoute", name)["spec"]["rules"]
    assert {ref["port"] for rule in rules for ref in rule["backendRefs"]} == {80}
    return [
        (
            match["path"]["value"],
            next((header["value"] for header in match.get("headers", [])), None),
            {ref["name"]: ref.get("weight") for ref in rule["backendRefs"]},
        )
        for rule in rules
        for match in rule["matches"]
    ]


def test_by_default_nothing_is_of_the_gateway_api(stack: str) -> None:
    recording = recorded(stack, "ingress")
    assert [r.label for r in recording.registrations if "gateway.networking" in r.type or r.name == "gateway-api"] == []
    (config,) = [r for r in recording.of_type("ConfigMap") if r.name.startswith("traefik-dynamic-")]
    routers = json.loads(config["data"]["dynamic.yaml"])["http"]["routers"]
    assert min(router["priority"] for router in routers.values()) > 1
    assert recording.one("Ingress", "journal")


def test_an_ingress_stands_beside_a_gateway_where_both_are_asked_for_alone(stack: str) -> None:
    assert recorded(stack, "both").one("Ingress", "journal")
    assert recorded(stack, "gateway").of_type("Ingress") == []


def test_the_gateway_serves_the_hosts_with_their_certificate_and_every_path_has_its_tier(
    recording: Recording, stack: str
) -> None:
    hosts = [settings_of(stack)["host"], settings_of(stack)["statusHost"]]
    spec = recording.one("Gateway", "journal")["spec"]
    assert spec["gatewayClassName"] == recording.one("GatewayClass")["metadata"]["name"]
    certificate = recording.one("kubernetes:cert-manager.io/v1:Certificate", "journal-tls")["spec"]
    assert certificate["dnsNames"] == hosts
    assert [listener["hostname"] for listener in spec["listeners"]] == hosts
    assert len({listener["name"] for listener in spec["listeners"]}) == len(hosts)
    for listener in spec["listeners"]:
        assert [ref["name"] for ref in listener["tls"]["certificateRefs"]] == [certificate["secretName"]]
    routes = {"journal": (hosts[0], PATHS), "journal-1": (hosts[1], STATUS_PATHS)}
    signs_in = [(PATH, None, {"auth": None})] if "login" in settings_of(stack) else []
    for name, (host, (of_api, of_page)) in routes.items():
        assert recording.one("HTTPRoute", name)["spec"]["hostnames"] == [host]
        found = rules_of(recording, name)
        assert found[:2] == [(of_api, None, {"frontend": None}), (of_page, None, {"fileserver": None})]
        assert found[2:] == [rule for rule in signs_in if host == hosts[0]]
    for tier in ("frontend", "fileserver"):
        assert [port["port"] for port in recording.one("Service", tier)["spec"]["ports"]] == [80]


def test_the_listener_is_at_a_port_of_the_ingress_controller(recording: Recording) -> None:
    """Traefik finds the entry point of a listener by its port."""
    container = recording.one("Deployment", "traefik")["spec"]["template"]["spec"]["containers"][0]
    (port,) = [port["containerPort"] for port in container["ports"] if port["name"] == "websecure"]
    assert {listener["port"] for listener in recording.one("Gateway", "journal")["spec"]["listeners"]} == {port}
    assert "--providers.kubernetesgateway.namespaces=journal" in container["args"]


def test_challenges_are_still_answered_through_an_ingress(recording: Recording) -> None:
    (solver,) = recording.one("ClusterIssuer")["spec"]["acme"]["solvers"]
    assert solver["http01"]["ingress"]["ingressClassName"] == recording.one("IngressClass")["metadata"]["name"]
    args = recording.one("Deployment", "traefik")["spec"]["template"]["spec"]["containers"][0]["args"]
    assert "--providers.kubernetesingress.namespaces=journal" in args


def test_what_a_resource_needs_it_waits_for(recording: Recording) -> None:
    graph = Graph(recording.registrations)
    found = implicit_dependencies(graph.nodes.values())
    reasons = {i.reason for i in found if i.dependent.kind in ("Gateway", "HTTPRoute")}
    assert {"gateway class", "certificate", "gateway", "backend"} <= reasons
    assert sorted({line for i in found for line in graph.missing([i.dependent], [i.dependency])}) == []
    kinds = recording.one("kubernetes:yaml/v2:ConfigGroup", "gateway-api")
    assert kinds.provider is not None
    assert kinds.provider.name == "cluster"
    theirs = [r for r in recording.registrations if "gateway.networking" in r.type]
    assert graph.missing([*theirs, recording.one("Deployment", "traefik")], [kinds]) == []
    behind = [recording.one("Deployment", name) for name in ("traefik", "frontend", "fileserver")]
    assert graph.missing([recording.one("HTTPRoute", "journal")], behind) == []


def test_a_picture_shows_the_gateway_in_the_place_of_the_ingress(stack: str) -> None:
    drawn = {
        routes: architecture.draw(stack, Graph(recorded(stack, routes).registrations))
        for routes in ("ingress", "gateway")
    }
    assert {routes: (">Ingress<" in svg, ">Gateway<" in svg) for routes, svg in drawn.items()} == {
        "ingress": (True, False),
        "gateway": (False, True),
    }


@pytest.mark.parametrize("rule", [*RULES, *STACK_RULES], ids=lambda rule: rule.name)
def test_no_stack_breaks_a_rule(rule: Any, recording: Recording) -> None:
    assert violations(rule, [r for r in recording.registrations if not r.is_read]) == []


def test_traefik_may_watch_every_kind_and_write_no_more_than_status(recording: Recording) -> None:
    cluster_wide = recording.one("ClusterRole", "traefik")["rules"]
    assert not {"secrets", "configmaps"} & {name for rule in cluster_wide for name in rule["resources"]}
    (role,) = [r for r in recording.of_type("Role") if r.name == "traefik-in-journal"]
    rights = [*cluster_wide, *role["rules"]]
    watched = {name for rule in rights if {"list", "watch"} <= set(rule["verbs"]) for name in rule["resources"]}
    assert {*KINDS, "namespaces", "configmaps", "secrets", "services", "endpointslices"} <= watched
    writes = [rule for rule in rights if set(rule["verbs"]) - {"get", "list", "watch"}]
    assert all(name.endswith("/status") for rule in writes for name in rule["resources"])
    assert {verb for rule in writes for verb in rule["verbs"]} == {"update"}


def test_without_a_route_the_host_answers_503_below_every_rule_of_the_gateway() -> None:
    """Traefik gives the rule of a gateway's path the length of the host and more; that of "/" is the lowest."""
    routers = unavailable({"journal.test": PATHS}, gateway=True).values()
    assert 'Host("journal.test") && PathPrefix("/")' in [router["rule"] for router in routers]
    assert {router["priority"] for router in routers} == {1}


def test_the_definitions_are_of_the_version_that_the_module_has() -> None:
    assert module_versions((gateway.SOURCES / "go.mod").read_text())[gateway.MODULE] == f"v{versions.GATEWAY_API}"
    files = recorded("local", "gateway").one("kubernetes:yaml/v2:ConfigGroup", "gateway-api")["files"]
    assert len(files) == len(KINDS)
    assert all(file.startswith(f"{versions.GATEWAY_API_CRDS}/gateway.networking.k8s.io_") for file in files)


@pytest.mark.parametrize(
    ("release", "found"),
    [
        ({}, Backend(service="web")),
        ({"strategy": "canary", "candidate": NEXT}, Backend(service="web")),
        (
            {"strategy": "canary", "candidate": NEXT, "by": "weight", "share": 5},
            Backend(
                service="web",
                weights={"web": 95, "web-candidate": 5},
                versions={"current": "web", "candidate": "web-candidate"},
            ),
        ),
        (
            {"strategy": "blueGreen", "candidate": NEXT},
            Backend(service="web", versions={"current": "web-current", "candidate": "web-candidate"}),
        ),
    ],
)
def test_the_services_behind_a_tier(release: dict[str, Any], found: Backend) -> None:
    assert backend("web", Release.model_validate(release)) == found


def test_of_one_path_a_request_that_asks_for_a_version_comes_first() -> None:
    backend = Backend(service="web", versions={"candidate": "web-candidate"})
    first, second = route_spec("gate", "shop.example", {"/": backend})["rules"]
    assert first["matches"][0].get("headers") == [{"name": "X-Release", "value": "candidate"}]
    assert "headers" not in second["matches"][0]


@pytest.mark.parametrize("share", [0, 5, 100])
def test_a_canary_by_weight_runs_whole_and_gets_its_share_of_requests(share: int) -> None:
    recording = released(strategy="canary", by="weight", share=share)
    assert rules_of(recording)[:3] == [
        ("/api", "current", {"frontend": None}),
        ("/api", "candidate", {"frontend-candidate": None}),
        ("/api", None, {"frontend": 100 - share, "frontend-candidate": share}),
    ]
    deployments = {name: recording.one("Deployment", name)["spec"] for name in ("frontend", "frontend-candidate")}
    assert {spec["replicas"] for spec in deployments.values()} == {LOCAL["frontend"]["replicas"]}
    for service, pods in ((s, d) for s in deployments for d in deployments):
        selector = recording.one("Service", service)["spec"]["selector"]
        leads_there = selector.items() <= deployments[pods]["template"]["metadata"]["labels"].items()
        assert leads_there == (service == pods), (service, pods)


@pytest.mark.parametrize("live", ["current", "candidate"])
def test_with_blue_green_a_header_reaches_the_idle_version_and_its_service_is_there_first(live: str) -> None:
    recording = released(strategy="blueGreen", live=live)
    assert rules_of(recording)[:3] == [
        ("/api", "current", {"frontend-current": None}),
        ("/api", "candidate", {"frontend-candidate": None}),
        ("/api", None, {"frontend": None}),
    ]
    for service, pods in (("frontend-current", "frontend"), ("frontend-candidate", "frontend-candidate")):
        selector = recording.one("Service", service)["spec"]["selector"]
        assert selector == recording.one("Deployment", pods)["spec"]["selector"]["matchLabels"]
        assert recording.one("Service", service).urn in recording.one("Deployment", "frontend-candidate").dependencies


@pytest.mark.parametrize(
    ("routes", "release", "said"),
    [
        ("ingress", {"strategy": "canary", "by": "weight"}, "ingress.routes ingress: an Ingress has no weights"),
        ("both", {"strategy": "canary", "by": "weight"}, "ingress.routes both: an Ingress has no weights"),
        ("gateway", {"strategy": "blueGreen", "by": "weight"}, "by weight with strategy blueGreen: it is for canary"),
        ("gateway", {"strategy": "canary", "share": 0}, "share 0 by pods"),
        ("gateway", {"sticky": "cookie"}, "sticky cookie with ingress.routes gateway"),
        ("both", {"sticky": "cookie"}, "sticky cookie with ingress.routes both"),
        ("gatewey", {}, "ingress.routes = 'gatewey'"),
    ],
)
def test_what_cannot_work_is_refused(routes: str, release: dict[str, Any], said: str) -> None:
    frontend, ingress = {**LOCAL["frontend"], "release": release}, {**LOCAL["ingress"], "routes": routes}
    with pytest.raises(SettingsError) as caught:
        settings.parse({**LOCAL, "frontend": frontend, "ingress": ingress})
    assert said in str(caught.value)
