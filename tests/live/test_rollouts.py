"""Rollouts and deleted pods under load through the front door: no request fails, and none takes long.

Of the requests two fifths read the page, two fifths the journal, one fifth writes; every fourth one is on a new
connection. Nothing is tried again. `make drills` runs them for longer, with figures in a table.
"""

import os
import signal
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from local import cluster, lifecycle
from local.access import Access
from local.pulumi import programs
from tests.live.cluster_pods import until
from tests.live.load import LEAST, LONG, ONLY_DRILLS
from tests.live.traffic import drill, heading
from tools.progress import NO_PROGRESS
from tools.terminal import Steps

pytestmark = [pytest.mark.live, pytest.mark.timeout(600)]
__all__ = ["heading"]  # a fixture
TIERS = {"fileserver": "journal", "frontend": "journal", "traefik": "traefik"}


def every_pod(here: Access, tier: str) -> list[dict[str, Any]]:
    return here.json("-n", TIERS[tier], "get", "pods", "-l", f"app.kubernetes.io/name={tier}")["items"]


def pods(here: Access, tier: str) -> list[dict[str, Any]]:
    """A tier's pods that are not being stopped."""
    return [pod for pod in every_pod(here, tier) if "deletionTimestamp" not in pod["metadata"]]


def ready(pod: dict[str, Any]) -> bool:
    conditions = pod["status"].get("conditions", [])
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)


def serves_without(gone: dict[str, Any], found: list[dict[str, Any]]) -> bool:
    """Whether two other pods are ready: one that was killed leaves its name at once, and its place is still empty."""
    return [ready(pod) for pod in found if pod["metadata"]["uid"] != gone["metadata"]["uid"]] == [True, True]


def await_ready(here: Access, tier: str) -> None:
    here.run("-n", TIERS[tier], "rollout", "status", f"deployment/{tier}", "--timeout=120s")


def restarted(tier: str) -> Callable[[Access], None]:
    def restart(here: Access) -> None:
        here.run("-n", TIERS[tier], "rollout", "restart", f"deployment/{tier}")
        await_ready(here, tier)
        until(lambda: len(every_pod(here, tier)) == len(pods(here, tier)), 60)

    return restart


def deleted(*flags: str) -> Callable[[Access], None]:
    """Every pod of every tier, one by one."""

    def delete(here: Access) -> None:
        for tier, namespace in TIERS.items():
            for pod in pods(here, tier):
                here.run("-n", namespace, "delete", "pod", pod["metadata"]["name"], *flags)
                until(lambda tier=tier, pod=pod: serves_without(pod, pods(here, tier)), 60)

    return delete


def node_killed(*names: str) -> Callable[[Access], None]:
    """Programs of the node, one after the other: the supervisor starts each again, and its pods live on."""

    def component(name: str) -> cluster.ComponentStatus:
        return next(found for found in cluster.status().components if found.name == name)

    def kill(here: Access) -> None:
        for name in names:
            before = component(name)
            os.kill(before.pid, signal.SIGKILL)
            until(lambda name=name, before=before: (now := component(name)).ready and now.pid != before.pid, 60)
        here.run("wait", "--for=condition=Ready", "node", "--all", "--timeout=60s")
        for tier in TIERS:
            await_ready(here, tier)

    return kill


def deploy(here: Access, **changes: Any) -> None:
    with Steps() as steps, steps.step("deploy") as step:
        lifecycle.deployment_on(here, programs.build(NO_PROGRESS), **changes).up(step)


def configured(here: Access) -> None:
    """Another configuration for the API, and the one before again."""
    deploy(here, journalEntries=20, configHistory=[{"journalEntries": 10}, {"journalEntries": 20}])
    deploy(here)


DRILLS: dict[str, Callable[[Access], None]] = {
    **{f"{tier} restarted": restarted(tier) for tier in TIERS},
    "kubelet and containerd killed": node_killed("kubelet", "containerd"),
    **({"pods deleted": deleted(), "configuration changed, and back": configured} if LONG else {}),
}


@pytest.mark.parametrize("name", DRILLS)
def test_no_request_fails_and_none_takes_long(name: str, here: Access, local_stack: dict[str, str]) -> None:
    load = drill(name, lambda _: DRILLS[name](here), local_stack)
    assert len(load.times) >= LEAST
    assert load.failed == []
    assert load.slow == []


@ONLY_DRILLS
def test_nobody_waits_long_for_pods_that_are_gone_at_once(here: Access, local_stack: dict[str, str]) -> None:
    """A pod that is killed takes what it was answering with it; until Traefik hears of it, some find nobody."""
    here_and_gone = deleted("--grace-period=0", "--force")
    load = drill("pods killed", lambda _: here_and_gone(here), local_stack)
    assert load.slow == []
    assert len(load.failed) <= len(load.times) / 20


def test_all_pods_of_a_tier_gone_at_once_are_told_at_once(here: Access, local_stack: dict[str, str]) -> None:
    """Traefik sends nothing to a pod that stops (decision 27): 503 until another is ready."""

    def delete(here: Access) -> None:
        here.run("-n", "journal", "delete", "pods", "-l", "app.kubernetes.io/name=fileserver", "--wait=false")
        until(lambda: len(pods(here, "fileserver")) == 2, 60)
        await_ready(here, "fileserver")

    load = drill("all pods of the page deleted", lambda _: delete(here), local_stack)
    assert {failure.split()[1] for failure in load.failed} <= {"503"}
    assert load.slow == []


MISSING = [("frontend", "/api", "/"), ("fileserver", "/", "/api")]


@pytest.mark.parametrize(("service", "path", "other"), MISSING if LONG else MISSING[:1])
def test_a_path_whose_service_is_missing_is_answered_by_no_other_tier(
    service: str, path: str, other: str, here: Access, http: httpx.Client
) -> None:
    here.run("-n", "journal", "delete", "service", service)
    try:
        until(lambda: http.get(path).status_code != 200)
        for method, asked in (
            ("GET", path),
            ("POST", f"{path.rstrip('/')}/entries"),
            ("DELETE", f"{path.rstrip('/')}/x"),
        ):
            answer = http.request(method, asked)
            assert (answer.status_code, answer.headers.get("Retry-After")) == (503, "1"), (method, asked)
        assert http.get(other).status_code == 200
    finally:
        deploy(here)
    until(lambda: http.get(path).status_code == 200)
