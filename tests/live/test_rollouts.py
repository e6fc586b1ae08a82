"""Rollouts and deleted pods under load through the front door: no request fails, and none takes long.

Of the requests two fifths read the page, two fifths the journal, one fifth writes; every fourth one is on a new
connection. Nothing is tried again. `make drills` runs them for longer, with figures in a table.
"""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from local import acme, lifecycle
from local.access import Access
from local.pulumi import programs
from tests.live.cluster_pods import until
from tests.live.load import LEAST, RATE, TABLE, tell
from tools.progress import NO_PROGRESS
from tools.terminal import Steps

pytestmark = [pytest.mark.live, pytest.mark.timeout(600)]
SLOW_SECONDS = 3
CLIENTS = 20
PATHS = ("/", "/api", "/", "/api", "POST")
TIERS = {"fileserver": "journal", "frontend": "journal", "traefik": "traefik"}


@pytest.fixture(scope="module", autouse=True)
def _heading() -> None:
    """A table of its own in the file of figures."""
    columns = ["drill", "requests", "requests a second", "failed", "slowest in seconds", "99 % within"]
    with TABLE.open("a") as file:
        file.write(f"\n| {' | '.join(columns)} |\n|{' --- |' * len(columns)}\n")


class Traffic:
    """Requests at a steady rate. failed: what went wrong, with the second in which it did. times: seconds of each."""

    def __init__(self, local_stack: dict[str, str]) -> None:
        address = local_stack["url"], local_stack["address"], Path(local_stack["ca"])
        self.clients = [acme.client(*address, retries=0) for _ in range(CLIENTS)]
        self.times: list[float] = []
        self.failed: list[str] = []
        self._stop = threading.Event()

    def __enter__(self) -> "Traffic":
        self._began = time.monotonic()
        self._threads = [threading.Thread(target=self._run, args=(number,)) for number in range(CLIENTS)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self.seconds = time.monotonic() - self._began
        for client in self.clients:
            client.close()

    @property
    def slow(self) -> list[float]:
        return [seconds for seconds in self.times if seconds > SLOW_SECONDS]

    def _run(self, number: int) -> None:
        due, count = self._began + number / RATE, number
        while not self._stop.wait(max(0.0, due - time.monotonic())):
            due += CLIENTS / RATE
            count += 1
            self._ask(
                self.clients[number], PATHS[count % len(PATHS)], {"Connection": "close"} if count % 4 == 0 else {}
            )

    def _ask(self, client: httpx.Client, path: str, headers: dict[str, str]) -> None:
        began = time.monotonic()
        try:
            if path == "POST":
                answer = client.post("/api/entries", json={"text": "rollout"}, headers=headers)
            else:
                answer = client.get(path, headers=headers)
            said = str(answer.status_code)
        except httpx.HTTPError as error:
            said = type(error).__name__
        self.times.append(time.monotonic() - began)
        if said not in ("200", "201"):
            self.failed.append(f"{path} {said} after {began - self._began:.1f} s")


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


DRILLS: dict[str, Callable[[Access], None]] = {
    **{f"{tier} restarted": restarted(tier) for tier in TIERS},
    "pods deleted": deleted(),
}


def drill(name: str, act: Callable[[Access], None], here: Access, local_stack: dict[str, str]) -> Traffic:
    """The load, and what was done under it; its figures are told."""
    with Traffic(local_stack) as load:
        until(lambda: len(load.times) > RATE)
        act(here)
        done = len(load.times)
        until(lambda: len(load.times) > done + RATE and len(load.times) >= LEAST, 60 + 2 * LEAST / RATE)
    figures = {
        "drill": name,
        "requests": len(load.times),
        "requests a second": round(len(load.times) / load.seconds),
        "failed": len(load.failed),
        "slowest in seconds": round(max(load.times), 2),
        "99 % within": round(sorted(load.times)[int(len(load.times) * 0.99)], 2),
    }
    tell(figures)
    print(load.failed[:20])
    return load


@pytest.mark.parametrize("name", DRILLS)
def test_no_request_fails_and_none_takes_long(name: str, here: Access, local_stack: dict[str, str]) -> None:
    load = drill(name, DRILLS[name], here, local_stack)
    assert len(load.times) >= LEAST
    assert load.failed == []
    assert load.slow == []


def test_nobody_waits_long_for_pods_that_are_gone_at_once(here: Access, local_stack: dict[str, str]) -> None:
    """A pod that is killed takes what it was answering with it; until Traefik hears of it, some find nobody."""
    here_and_gone = deleted("--grace-period=0", "--force")
    load = drill("pods killed", here_and_gone, here, local_stack)
    assert load.slow == []
    assert len(load.failed) <= len(load.times) / 20


def test_all_pods_of_a_tier_gone_at_once_are_told_at_once(here: Access, local_stack: dict[str, str]) -> None:
    """Traefik sends nothing to a pod that stops (decision 27): 503 until another is ready."""

    def delete(here: Access) -> None:
        here.run("-n", "journal", "delete", "pods", "-l", "app.kubernetes.io/name=fileserver", "--wait=false")
        until(lambda: len(pods(here, "fileserver")) == 2, 60)
        await_ready(here, "fileserver")

    load = drill("all pods of the page deleted", delete, here, local_stack)
    assert {failure.split()[1] for failure in load.failed} <= {"503"}
    assert load.slow == []


@pytest.mark.parametrize(("service", "path", "other"), [("frontend", "/api", "/"), ("fileserver", "/", "/api")])
def test_a_path_whose_service_is_missing_is_answered_by_no_other_tier(
    service: str, path: str, other: str, here: Access, http: httpx.Client
) -> None:
    here.run("-n", "journal", "delete", "service", service)
    try:
        until(lambda: http.get(path).status_code != 200)
        for method, asked in (("GET", path), ("POST", f"{path.rstrip('/')}/entries"), ("DELETE", f"{path}x")):
            answer = http.request(method, asked)
            assert (answer.status_code, answer.headers.get("Retry-After")) == (503, "1"), (method, asked)
        assert http.get(other).status_code == 200
    finally:
        with Steps() as steps, steps.step("deploy") as step:
            lifecycle.deployment_on(here, programs.build(NO_PROGRESS)).up(step)
    until(lambda: http.get(path).status_code == 200)
