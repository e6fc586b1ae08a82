"""Redis under load through the front door: its primary dies in every way, and what was acknowledged is kept.

In mode `safe` everything is. Stack `local` acknowledges a write when the primary has it (`fast`): what a primary that
is frozen or cut off took last may be lost with it, and is counted. `make drills` runs all in both modes, for longer.
"""

import os
import signal
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from local.access import Access
from tests.live.cluster_pods import until
from tests.live.load import LEAST, LONG, ONLY_DRILLS, RATE, Load, info, primary, tell
from tools.failures import Failure

pytestmark = pytest.mark.live
SELECTOR = "app.kubernetes.io/name=redis"
CUT = """
table inet cut {
  chain in { type filter hook input priority -10; iifname != "lo" drop; }
  chain out { type filter hook output priority -10; oifname != "lo" drop; }
}
"""


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


def pod_deleted(here: Access, pod: str) -> None:
    here.run("-n", "journal", "delete", "pod", pod)


def process_killed(here: Access, pod: str) -> None:
    os.kill(process(pod), signal.SIGKILL)


def process_frozen(here: Access, pod: str) -> None:
    pid = process(pod)
    os.kill(pid, signal.SIGSTOP)
    time.sleep(20)
    os.kill(pid, signal.SIGCONT)


def cut_off(here: Access, pod: str) -> None:
    """No packet comes in or out for 20 s. A network policy would let open connections live."""
    within = ["nsenter", "-t", str(process(pod)), "-n", "nft"]
    subprocess.run([*within, "-f", "-"], input=CUT, text=True, check=True)
    time.sleep(20)
    subprocess.run([*within, "delete", "table", "inet", "cut"], check=True)


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
    "cut off": (cut_off, 15, False),
    "rolling restart": (rolling_restart, 10, True),
    "all killed": (all_killed, 30, True),
    "all deleted": (all_deleted, 60, True),
    "all deleted, one volume emptied": (all_deleted_and_the_primarys_volume_is_empty, 60, False),
}
"""The drill, seconds without writes at most, and whether every acknowledged write must be there in mode `fast` too."""
FAST = DRILLS if LONG else ["process killed", "all deleted"]
SAFE = DRILLS if LONG else ["cut off", "all deleted, one volume emptied"]
"""`make test` runs four, each in the mode in which nothing may be lost; `make drills` runs all in both."""


@pytest.mark.parametrize("name", FAST)
def test_what_was_acknowledged_is_there(name: str, here: Access, local_stack: dict[str, str]) -> None:
    kept = DRILLS[name][2]
    lost = run(name, "fast", here, local_stack)
    assert not kept or lost == 0


@pytest.fixture(scope="module")
def safe(here: Access) -> Iterator[None]:
    """The API acknowledges what a replica has too."""
    frontend = ["-n", "journal", "set", "env", "deployment/frontend"]
    status = ["-n", "journal", "rollout", "status", "deployment/frontend", "--timeout=120s"]
    here.run(*frontend, "REDIS_DURABILITY=safe")
    here.run(*status)
    yield
    here.run(*frontend, "REDIS_DURABILITY=fast")
    here.run(*status)


@pytest.mark.usefixtures("safe")
@pytest.mark.parametrize("name", SAFE)
def test_in_mode_safe_nothing_is_lost(name: str, here: Access, local_stack: dict[str, str]) -> None:
    assert run(name, "safe", here, local_stack) == 0


def run(name: str, mode: str, here: Access, local_stack: dict[str, str]) -> int:
    """Runs a drill under load. Returns how many acknowledged writes are lost."""
    drill, allowed, _ = DRILLS[name]
    first = primary(here)
    with Load(local_stack) as load:
        until(lambda: len(load.acknowledged) > 40)
        drill(here, first)
        second = primary(here)
        before = len(load.acknowledged)
        until(lambda: len(load.acknowledged) > before + 60, 60)
        until(lambda: load.sent + load.reads >= LEAST, 2 * LEAST / RATE)
    figures = load.figures(f"{name} ({mode})", primary=f"{first} → {second}")
    tell(figures)
    assert len(load.acknowledged) > 100
    assert load.sent + load.reads >= LEAST
    assert {what for _, what in load.refused} <= {"503"}
    assert load.without_writes() < allowed
    return figures["lost"]


@ONLY_DRILLS
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
