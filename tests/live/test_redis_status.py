"""`make status` and the metrics tell of a replica that is away."""

import subprocess
import sys

import pytest

from local.access import Access
from tests.live.cluster_pods import until
from tests.live.load import primary
from tools import stack

pytestmark = [pytest.mark.live, pytest.mark.timeout(400)]
NAMESPACE = "journal"


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
