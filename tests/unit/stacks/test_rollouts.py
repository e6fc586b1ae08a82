"""What every rollout of every tier needs, so that no request meets a pod that is gone."""

import re
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from components.kubernetes import STOP_DELAY_SECONDS
from components.platform.traefik_file import ATTEMPTS, unavailable
from tests.conftest import Recording
from tools import stack
from tools.graph import Graph
from tools.resource import Resource
from tools.stack import names

TRAEFIK_RELOADS_SECONDS = 2
"""Traefik applies a change two seconds after the one before at the latest (providersThrottleDuration)."""
OWN_SHUTDOWN = {
    "fileserver": ("apps/fileserver/nginx.conf", r"worker_shutdown_timeout (\d+)s"),
    "frontend": ("apps/frontend/journal_api/serve.py", r"FINISH_SECONDS = (\d+)"),
    "redis-write": ("components/redis/proxy.py", r"hard-stop-after (\d+)s"),
}
"""Where each tier says how long requests that are under way may take when it stops."""


@pytest.fixture(params=[name for name in names() if name != "shared"])
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def recording(name: str, recorded: Callable[[str], Recording]) -> Recording:
    return recorded(name)


def deployments(recording: Recording) -> Sequence[tuple[Resource, dict[str, Any], dict[str, Any]]]:
    """Each Deployment with its pod and its first container."""
    found = recording.of_type("kubernetes:apps/v1:Deployment")
    assert len(found) >= 4
    return [(r, pod, pod["containers"][0]) for r in found for pod in [r["spec"]["template"]["spec"]]]


def stop_delay(container: dict[str, Any]) -> int:
    return container["lifecycle"]["preStop"]["sleep"]["seconds"]


def test_every_pod_serves_on_until_everybody_leaves_it_out(recording: Recording) -> None:
    for r, _, container in deployments(recording):
        assert stop_delay(container) >= STOP_DELAY_SECONDS > TRAEFIK_RELOADS_SECONDS, r.label


def test_every_pod_has_time_for_its_delay_and_for_what_is_under_way(recording: Recording) -> None:
    longest = {tier: shutdown(path, pattern) for tier, (path, pattern) in OWN_SHUTDOWN.items()}
    traefik = flag(recording, "--entrypoints.websecure.transport.lifecycle.gracetimeout")
    for r, pod, container in deployments(recording):
        drain = {**longest, "traefik": traefik}.get(r.name, 0)
        assert pod["terminationGracePeriodSeconds"] > stop_delay(container) + drain, r.label


def test_a_pod_is_stopped_only_when_another_is_ready(recording: Recording) -> None:
    for r, _, _ in deployments(recording):
        assert r["spec"]["strategy"] == {
            "type": "RollingUpdate",
            "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1},
        }, r.label


def test_a_connection_that_is_used_moves_to_another_ingress_pod_before_its_own_stops(recording: Recording) -> None:
    """Traefik asks a client whose connection is that old to connect anew."""
    ((_, _, container),) = [found for found in deployments(recording) if found[0].name == "traefik"]
    for entry_point in ("web", "websecure"):
        oldest = flag(recording, f"--entrypoints.{entry_point}.transport.keepalivemaxtime")
        assert 0 < oldest <= stop_delay(container) - 5


def test_nobody_waits_long_for_a_pod_that_is_dead(recording: Recording) -> None:
    """A connection is tried briefly, and then to another pod; an answer is awaited longer than the API takes."""
    assert flag(recording, "--serverstransport.forwardingtimeouts.dialtimeout") * ATTEMPTS < 3
    assert 10 < flag(recording, "--serverstransport.forwardingtimeouts.responseheadertimeout") < 30


def test_a_route_comes_after_the_pods_behind_it_and_those_that_serve_it(recording: Recording) -> None:
    """A tier that is added or renamed serves before it is asked; Traefik knows the middlewares that a route names."""
    graph = Graph(recording.registrations)
    ingress = recording.one("Ingress", "journal")
    tiers = [path["backend"]["service"]["name"] for path in ingress["spec"]["rules"][0]["http"]["paths"]]
    behind = [recording.one(kind, tier) for tier in tiers for kind in ("Deployment", "Service")]
    assert len(behind) == 2 * len(tiers) >= 4
    assert graph.missing([ingress], [*behind, recording.one("Deployment", "traefik")]) == []


def test_every_path_of_ours_has_an_answer_when_its_service_is_missing(recording: Recording) -> None:
    """Traefik drops a route whose Service is missing: the next shorter path would answer, another tier's."""
    rules = recording.one("Ingress", "journal")["spec"]["rules"]
    hosts = {rule["host"]: [path["path"] for path in rule["http"]["paths"]] for rule in rules}
    routers = unavailable(hosts)
    of_ingress = {(host, path): of_traefik(host, path) for host, paths in hosts.items() for path in paths}
    assert [router["rule"] for router in routers.values()] == list(of_ingress.values())
    for (host, path), router in zip(of_ingress, routers.values(), strict=True):
        others = of_ingress.items()
        shorter = [len(rule) for (h, p), rule in others if h == host and p != path and path.startswith(p)]
        assert max(shorter, default=0) < router["priority"] < len(of_ingress[host, path])
    (config,) = [r for r in recording.of_type("ConfigMap") if r.name.startswith("traefik-")]
    for router in routers.values():
        assert f'"priority": {router["priority"]}' in next(iter(config["data"].values()))


def of_traefik(host: str, path: str) -> str:
    """The rule of an Ingress' path, as Traefik's buildStrictPrefixMatchingRule says it."""
    return f'Host("{host}") && ' + ('PathPrefix("/")' if path == "/" else f'(Path("{path}") || PathPrefix("{path}/"))')


def test_paths_that_are_alike_have_an_answer_each() -> None:
    """Between a path's rule and the next shorter one is room for the router that answers 503."""
    root, a, ab = unavailable({"journal.test": ["/", "/a", "/a/b"]}).values()
    assert root["priority"] < len(root["rule"]) < a["priority"] < len(a["rule"]) < ab["priority"]


def flag(recording: Recording, name: str) -> float:
    """A flag of Traefik's, in seconds."""
    arguments = recording.one("Deployment", "traefik")["spec"]["template"]["spec"]["containers"][0]["args"]
    (value,) = [a.partition("=")[2] for a in arguments if a.partition("=")[0] == name]
    return float(value.removesuffix("ms")) / 1000 if value.endswith("ms") else float(value.removesuffix("s"))


def shutdown(path: str, pattern: str) -> int:
    found = re.search(pattern, (stack.ROOT / path).read_text())
    assert found is not None, path
    return int(found[1])
