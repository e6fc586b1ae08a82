"""An autoscaler under load through the front door: switched on for pods that run, up in a rush, down after it, off.

Each step is what the stack's file would say, deployed by the same program. No request fails, and no pod is missing.
"""

import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from local import acme, cluster, lifecycle, show
from local.access import Access
from local.pulumi import programs
from tests.live.cluster_pods import until
from tests.live.load import ONLY_DRILLS
from tests.live.traffic import Traffic, drill, heading
from tools.progress import NO_PROGRESS
from tools.terminal import Steps

pytestmark = [
    pytest.mark.live,
    pytest.mark.timeout(900),
    ONLY_DRILLS,  # it builds metrics-server, and waits for measurements
]
__all__ = ["heading"]  # a fixture
MOST = 4
TIER = {
    "autoscaling": {"minReplicas": 2, "maxReplicas": MOST, "scaleDownSeconds": 15},
    "resources": {"cpu": "20m", "memory": "96Mi", "cpuLimit": "1", "memoryLimit": "256Mi"},
}
"""Small requests, so that a rush that this machine can make is one."""
RUSH_CLIENTS = 8


@pytest.fixture(scope="module")
def metrics_server(here: Access) -> dict[str, object]:
    """The settings of a cluster that has it. Its image is in the cluster."""
    cluster.import_images([cluster.build_metrics_server(NO_PROGRESS)])
    return {**lifecycle.effective_config(here)["journal:cluster"], "metricsServer": True}


def deploy(here: Access, **changes: object) -> None:
    with Steps() as steps, steps.step("deploy") as step:
        lifecycle.deployment_on(here, programs.build(NO_PROGRESS), **changes).up(step)


def number(here: Access) -> int:
    """How many pods of the API are asked for."""
    return here.json("-n", "journal", "get", "deployment", "frontend")["spec"]["replicas"]


def scalers(here: Access) -> list[str]:
    found = here.json("-n", "journal", "get", "horizontalpodautoscalers")["items"]
    return [item["metadata"]["name"] for item in found]


@contextmanager
def watched(here: Access) -> Generator[list[int]]:
    """Every number of pods that is asked for meanwhile."""
    seen, stop = [number(here)], threading.Event()

    def look() -> None:
        while not stop.wait(0.2):
            seen.append(number(here))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        stop.set()
        thread.join()


@contextmanager
def rush(local_stack: dict[str, str]) -> Generator[None]:
    """The API is asked as fast as this machine can."""
    stop = threading.Event()

    def ask() -> None:
        with acme.client(local_stack["url"], local_stack["address"], Path(local_stack["ca"])) as client:
            while not stop.is_set():
                client.get("/api")

    threads = [threading.Thread(target=ask) for _ in range(RUSH_CLIENTS)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_a_tier_scales_with_its_load_and_no_request_fails(
    here: Access, metrics_server: dict[str, object], local_stack: dict[str, str]
) -> None:
    section = lifecycle.effective_config(here)["journal:frontend"]
    scaled = {**{key: value for key, value in section.items() if key != "replicas"}, **TIER}
    took: dict[str, float] = {}

    def timed(what: str, began: float) -> None:
        took[what] = round(time.monotonic() - began, 1)

    def act(load: Traffic) -> None:
        try:
            began = time.monotonic()
            with watched(here) as seen:
                deploy(here, frontend=scaled, cluster=metrics_server)
                timed("on", began)
                until(lambda: show.autoscalers(here), 120)
            timed("measured", began)
            assert min(seen) >= section["replicas"], "no pod is missing while the autoscaler takes over"
            began = time.monotonic()
            with rush(local_stack):
                until(lambda: number(here) == MOST, 120)
            timed("up", began)
            began = time.monotonic()
            until(lambda: number(here) < MOST, 180)
            timed("down", began)
        finally:
            deploy(here)
        assert scalers(here) == []

    load = drill("autoscaled: on, a rush, off", act, local_stack)
    print(f"seconds: {took}")
    assert load.failed == []
    assert load.slow == []
    assert number(here) == section["replicas"]
