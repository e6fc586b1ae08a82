"""Redis away for a minute, and full, under load: right answers meanwhile, recovery by itself, nothing lost."""

import time

import httpx
import pytest

from local.access import Access
from tests.live.cluster_pods import until
from tests.live.load import LEAST, RATE, Load, info, primary, tell

pytestmark = pytest.mark.live
SELECTOR = "app.kubernetes.io/name=redis"
AWAY = 60 if LEAST > 5000 else 15
"""Seconds: a minute in `make drills`."""
LARGE = "x" * 9_000


def test_redis_is_away(here: Access, http: httpx.Client, local_stack: dict[str, str]) -> None:
    """Every server is stopped, and started a minute later."""
    primary(here)
    scale = ["-n", "journal", "scale", "statefulset/redis"]
    with Load(local_stack) as load:
        until(lambda: len(load.acknowledged) > 40)
        here.run(*scale, "--replicas=0")
        try:
            here.run("-n", "journal", "wait", "--for=delete", "pod", "-l", SELECTOR, "--timeout=60s")
            before = len(load.acknowledged)
            answer, read = http.post("/api/entries", json={"text": "x"}), http.get("/api")
            time.sleep(AWAY)
            assert len(load.acknowledged) == before
        finally:
            here.run(*scale, "--replicas=3")
        primary(here)
        until(lambda: len(load.acknowledged) > before + 60, 60)
        until(lambda: load.sent + load.reads >= LEAST, 2 * LEAST / RATE)
    figures = load.figures(f"away for {AWAY} s")
    tell(figures)
    assert len(load.acknowledged) > 100
    assert {what for _, what in load.refused} == {"503"}
    assert not load.failed_reads
    assert int(read.headers["age"]) > 0, "it is what was said last"
    assert (answer.status_code, "retry-after" in answer.headers) == (503, True), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert figures["lost"] == 0


def test_redis_is_full(here: Access, http: httpx.Client, local_stack: dict[str, str]) -> None:
    """A write that does not fit is refused, reads go on, and there is room again as soon as something is deleted."""
    first = primary(here)
    limit = info(here, first)["maxmemory"]
    kept: list[str] = []
    with Load(local_stack) as load:
        until(lambda: len(load.acknowledged) > 40)
        limit_memory(here, first, str(int(info(here, first)["used_memory"]) + 2_000_000))
        try:
            until(lambda: fill(http, kept), 60)
            until(lambda: len(load.refused) > 20, 60)
            for path in kept:
                assert http.delete(path).status_code == 204
            before = len(load.acknowledged)
            until(lambda: len(load.acknowledged) > before + 20, 60)
        finally:
            limit_memory(here, first, limit)
        until(lambda: load.sent + load.reads >= LEAST, 2 * LEAST / RATE)
    figures = load.figures("memory full")
    tell(figures)
    assert primary(here) == first
    assert {what for _, what in load.refused} == {"507"}
    assert load.failed_reads == []
    assert figures["lost"] == 0


def fill(http: httpx.Client, kept: list[str]) -> bool:
    """Adds a large entry; true once one is refused."""
    answer = http.post("/api/entries", json={"text": LARGE})
    if answer.status_code == 201:
        kept.append(answer.headers["location"])
        return False
    assert answer.status_code == 507
    assert answer.headers["content-type"] == "application/problem+json"
    return True


def limit_memory(here: Access, pod: str, limit: str) -> None:
    script = f'. /etc/redis/common.sh; tell "$LOCAL" "$PORT" "CONFIG SET maxmemory {limit}"'
    said = here.run("-n", "journal", "exec", pod, "-c", "redis", "--", "sh", "-c", script).decode()
    assert said.split() == ["OK", "OK"]
