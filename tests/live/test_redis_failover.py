"""Redis under load through the front door: its primary dies in every way, and what was acknowledged is kept.

Stack `local` acknowledges a write when the primary has it (`durability: fast`): what a frozen primary took last may be
lost with it, and is counted. Everything else is kept. `make drills` runs them for longer, with figures in a table.
"""

import itertools
import json
import os
import signal
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.access import Access
from tests.live.cluster_pods import until
from tools import stack
from tools.failures import Failure

pytestmark = pytest.mark.live
SELECTOR = "app.kubernetes.io/name=redis"
ASK = ("redis-cli", "--user", "health", "--pass", "any", "--no-auth-warning")
RATE = int(os.environ.get("DRILL_RATE", "100"))
"""Requests a second: a write for every four reads."""
LEAST = int(os.environ.get("DRILL_REQUESTS", "500"))
"""How many requests each drill makes at least."""
TABLE = stack.STATE / "drills.md"


def info(here: Access, pod: str) -> dict[str, str]:
    """What a server says of itself; nothing when it does not answer."""
    try:
        said = here.run("-n", "journal", "exec", pod, "-c", "redis", "--", "timeout", "2", *ASK, "info").decode()
    except Failure:
        return {}
    return dict(line.split(":", 1) for line in said.splitlines() if ":" in line)


def primary(here: Access) -> str:
    """The primary's pod, once the two other servers follow it."""
    pods = [f"redis-{number}" for number in range(3)]

    def complete() -> str | None:
        said = {pod: info(here, pod) for pod in pods}
        found = [pod for pod in pods if said[pod].get("role") == "master"]
        links = [said[pod].get("master_link_status") for pod in pods if pod not in found]
        return found[0] if len(found) == 1 and links == ["up", "up"] else None

    return until(complete, 120)


def process(pod: str) -> int:
    """The server's process, on this machine."""
    for folder in Path("/proc").iterdir():
        if not folder.name.isdecimal():
            continue
        try:
            named = (folder / "root/etc/hostname").read_text().strip() == pod
            if named and b"redis-server *:6379" in (folder / "cmdline").read_bytes():
                return int(folder.name)
        except OSError:
            continue
    pytest.fail(f"no process of {pod}")


@dataclass
class Load:
    """Requests at a steady rate, and what became of them."""

    client: httpx.Client
    mark: str = field(default_factory=lambda: uuid.uuid4().hex[:8])
    sent: int = 0
    acknowledged: dict[str, float] = field(default_factory=dict)
    refused: list[tuple[float, str]] = field(default_factory=list)
    failed_reads: list[tuple[float, str]] = field(default_factory=list)
    reads: int = 0
    seconds: float = 0
    _stop: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> "Load":
        self._began = time.monotonic()
        self._threads = [threading.Thread(target=self._ask, args=(number,)) for number in range(20)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self.seconds = time.monotonic() - self._began

    def _ask(self, number: int) -> None:
        due, count = time.monotonic() + number / RATE, 0
        while not self._stop.wait(max(0.0, due - time.monotonic())):
            due += 20 / RATE
            count += 1
            if (count + number) % 5 == 0:
                self._write(f"{self.mark} {number} {count}")
            else:
                self._read()

    def _write(self, text: str) -> None:
        self.sent += 1
        try:
            answer = self.client.post("/api/entries", json={"text": text}, timeout=10)
        except httpx.HTTPError as error:
            self.refused.append((time.monotonic(), type(error).__name__))
            return
        if answer.status_code == 201:
            self.acknowledged[text] = time.monotonic()
        else:
            self.refused.append((time.monotonic(), str(answer.status_code)))

    def _read(self) -> None:
        self.reads += 1
        try:
            answer = self.client.get("/api", timeout=10)
        except httpx.HTTPError as error:
            self.failed_reads.append((time.monotonic(), type(error).__name__))
            return
        if answer.status_code != 200:
            self.failed_reads.append((time.monotonic(), str(answer.status_code)))

    def without_writes(self) -> float:
        """The longest time, in seconds, from one acknowledged write to the next."""
        times = sorted(self.acknowledged.values())
        return max(after - before for before, after in itertools.pairwise(times))

    def rate(self) -> float:
        """Requests a second, over the whole drill."""
        return (self.sent + self.reads) / self.seconds

    def lost(self) -> int:
        """How many acknowledged writes the journal does not have."""
        found: set[str] = set()
        query: dict[str, Any] = {"limit": 100}
        while True:
            page = self.client.get("/api/entries", params=query, timeout=30).raise_for_status().json()
            found |= {entry["text"] for entry in page["entries"] if isinstance(entry["text"], str)}
            mine = [entry for entry in page["entries"] if str(entry["text"]).startswith(self.mark)]
            if page["next"] is None or not mine:
                return len(set(self.acknowledged) - found)
            query["cursor"] = page["next"]


def pod_deleted(here: Access, pod: str) -> None:
    here.run("-n", "journal", "delete", "pod", pod)


def process_killed(here: Access, pod: str) -> None:
    os.kill(process(pod), signal.SIGKILL)


def process_frozen(here: Access, pod: str) -> None:
    pid = process(pod)
    os.kill(pid, signal.SIGSTOP)
    time.sleep(20)
    os.kill(pid, signal.SIGCONT)


def all_deleted(here: Access, pod: str) -> None:
    here.run("-n", "journal", "delete", "pods", "-l", SELECTOR)


def all_killed(here: Access, pod: str) -> None:
    for pid in [process(f"redis-{number}") for number in range(3)]:
        os.kill(pid, signal.SIGKILL)


def all_deleted_and_the_primarys_volume_is_empty(here: Access, pod: str) -> None:
    here.run("-n", "journal", "delete", "pvc", "--wait=false", f"data-{pod}")
    here.run("-n", "journal", "delete", "pods", "-l", SELECTOR)


def rolling_restart(here: Access, pod: str) -> None:
    here.run("-n", "journal", "rollout", "restart", "statefulset/redis")
    here.run("-n", "journal", "rollout", "status", "statefulset/redis", "--timeout=300s")


DRILLS: dict[str, tuple[Callable[[Access, str], None], float, bool]] = {
    "pod deleted": (pod_deleted, 10, True),
    "process killed": (process_killed, 10, True),
    "process frozen": (process_frozen, 15, False),
    "rolling restart": (rolling_restart, 10, True),
    "all killed": (all_killed, 30, True),
    "all deleted": (all_deleted, 60, False),
    "all deleted, one volume emptied": (all_deleted_and_the_primarys_volume_is_empty, 60, False),
}
"""The drill, seconds without writes at most, and whether every acknowledged write must be there.

Where all pods are deleted, one that is made primary may be stopping too: its last moment may be lost (`fast`).
"""


def tell(figures: dict[str, Any]) -> None:
    """Prints a drill's figures, and adds them to the table."""
    print(json.dumps(figures, ensure_ascii=False))
    rows = [*([] if TABLE.exists() else [figures, ["---"] * len(figures)]), figures.values()]
    with TABLE.open("a") as file:
        file.writelines(f"| {' | '.join(map(str, row))} |\n" for row in rows)


@pytest.mark.parametrize("name", DRILLS)
def test_what_was_acknowledged_is_there(name: str, here: Access, http: httpx.Client) -> None:
    drill, allowed, kept = DRILLS[name]
    first = primary(here)
    with Load(http) as load:
        until(lambda: len(load.acknowledged) > 40)
        drill(here, first)
        second = primary(here)
        before = len(load.acknowledged)
        until(lambda: len(load.acknowledged) > before + 60, 60)
        until(lambda: load.sent + load.reads >= LEAST, 2 * LEAST / RATE)
    lost = load.lost()
    figures = {
        "drill": name,
        "primary": f"{first} → {second}",
        "requests": load.sent + load.reads,
        "acknowledged": len(load.acknowledged),
        "lost": lost,
        "seconds without writes": round(load.without_writes(), 1),
        "requests a second": round(load.rate()),
        "refused writes": sorted({what for _, what in load.refused}),
        "refused": len(load.refused),
        "failed reads": len(load.failed_reads),
    }
    tell(figures)
    assert len(load.acknowledged) > 100
    assert load.sent + load.reads >= LEAST
    assert {what for _, what in load.refused} <= {"503"}
    assert load.without_writes() < allowed
    assert not kept or lost == 0


def test_an_empty_server_alone_waits_for_the_others(here: Access, http: httpx.Client) -> None:
    """Silence is no answer: redis-0 starts first, with an empty volume (fault 1)."""
    primary(here)
    mark = uuid.uuid4().hex
    texts = {f"{mark} {number}" for number in range(20)}
    for text in texts:
        http.post("/api/entries", json={"text": text}).raise_for_status()
    scale = ["-n", "journal", "scale", "statefulset/redis"]
    here.run(*scale, "--replicas=0")
    here.run("-n", "journal", "wait", "--for=delete", "pod", "-l", SELECTOR, "--timeout=60s")
    here.run("-n", "journal", "delete", "pvc", "data-redis-0")
    try:
        here.run(*scale, "--replicas=1")
        until(lambda: "without an answer nobody knows" in log_of(here, "redis-0"), 60)
        time.sleep(10)
        assert info(here, "redis-0") == {}
        assert http.post("/api/entries", json={"text": "not now"}).status_code == 503
    finally:
        here.run(*scale, "--replicas=3")
    assert primary(here) != "redis-0"
    newest = http.get("/api/entries", params={"limit": 100}).raise_for_status().json()["entries"]
    assert texts <= {entry["text"] for entry in newest}


def log_of(here: Access, pod: str) -> str:
    """What a server has logged; nothing while there is none."""
    try:
        return here.run("-n", "journal", "logs", pod, "-c", "redis").decode()
    except Failure:
        return ""


INFO = """
import socket
with socket.create_connection(("redis-write", 6379), timeout=5) as server:
    server.sendall(b"AUTH health any\\r\\nINFO server\\r\\nQUIT\\r\\n")
    print(b"".join(iter(lambda: server.recv(65536), b"")).decode())
"""


def test_the_write_service_leads_to_the_primary_alone(here: Access) -> None:
    run_id = info(here, primary(here))["run_id"]
    pods = here.json("-n", "journal", "get", "pods", "-l", "app.kubernetes.io/name=frontend")["items"]
    ask = ["-n", "journal", "exec", pods[0]["metadata"]["name"], "--", "python3", "-c", INFO]
    assert [f"run_id:{run_id}" in here.run(*ask).decode() for _ in range(6)] == [True] * 6
