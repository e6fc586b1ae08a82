"""`make status` and the metrics tell of a replica that is away, and of a disk that is full (fault 6)."""

import contextlib
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import httpx
import pytest

from local.access import Access
from local.cluster.layout import Layout
from tests.live.cluster_pods import until
from tests.live.load import primary
from tools import stack

pytestmark = [pytest.mark.live, pytest.mark.timeout(400)]
NAMESPACE = "journal"
SMALL = "64m"


def status() -> tuple[int, str]:
    command = [sys.executable, "-m", "local", "status"]
    done = subprocess.run(command, cwd=stack.ROOT, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


def tells(line: str) -> bool:
    code, said = status()
    return code == 1 and line in said


def metric(here: Access, name: str) -> list[float]:
    """Its values, as a pod of the API tells them."""
    pod = here.json("-n", NAMESPACE, "get", "pods", "-l", "app.kubernetes.io/name=frontend")["items"][0]
    url = "http://127.0.0.1:8081/metrics"
    ask = ("python3", "-c", f"import urllib.request as r; print(r.urlopen({url!r}).read().decode())")
    said = here.run("-n", NAMESPACE, "exec", pod["metadata"]["name"], "--", *ask).decode()
    return [float(line.rsplit(" ", 1)[1]) for line in said.splitlines() if line.startswith(name)]


def folder(here: Access, claim: str) -> Path:
    """Where a claim's volume is on this machine."""
    volume = here.json("-n", NAMESPACE, "get", "pvc", claim)["spec"]["volumeName"]
    found = Layout.current().volumes / volume
    assert found.is_dir()
    return found


@contextlib.contextmanager
def small_disk(here: Access, pod: str) -> Generator[Path]:
    """A server whose volume is a file system of its own; its data is that of the primary."""
    path = folder(here, f"data-{pod}")
    options = f"size={SMALL},mode=2775,gid={path.stat().st_gid}"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", path], check=True)
    try:
        restart(here, pod)
        yield path
    finally:
        subprocess.run(["umount", "--lazy", path], check=True)
        restart(here, pod)


def restart(here: Access, pod: str) -> None:
    here.run("-n", NAMESPACE, "delete", "pod", pod)
    primary(here)


def test_a_replica_that_is_away_is_told(here: Access) -> None:
    """By hand: the StatefulSet has two servers, and its program three."""
    primary(here)
    until(lambda: status()[0] == 0, 60)
    assert metric(here, "journal_redis_replicas ") == [2]
    assert len(metric(here, "journal_redis_replica_lag_bytes{")) == 2
    assert metric(here, "journal_redis_files_ok{") == [1, 1]
    scale = ["-n", NAMESPACE, "scale", "statefulset/redis"]
    here.run(*scale, "--replicas=2")
    try:
        until(lambda: tells("redis-2 does not answer.") and metric(here, "journal_redis_replicas ") == [1], 90)
    finally:
        here.run(*scale, "--replicas=3")
    primary(here)
    until(lambda: metric(here, "journal_redis_replicas ") == [2] and status()[0] == 0, 60)


def test_a_full_disk_is_told(here: Access, http: httpx.Client) -> None:
    """Of a replica; requests go on."""
    first = primary(here)
    pod = next(f"redis-{number}" for number in range(3) if f"redis-{number}" != first)
    with small_disk(here, pod) as path:
        filler = path / "filler"
        with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(1 << 16))
        http.post("/api/entries", json={"text": "x" * 4000}).raise_for_status()
        until(lambda: tells(f"{pod} can't write its data to disk"), 60)
        assert tells(f"{pod} has ")
        assert http.get("/api").status_code == 200
        filler.unlink()
        until(lambda: status()[0] == 0, 60)
