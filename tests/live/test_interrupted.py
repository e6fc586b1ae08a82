"""`make up` killed at any point can be run again."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from local import acme
from local.lifecycle import ROOTS
from tools import stack

pytestmark = [pytest.mark.live, pytest.mark.lifecycle, pytest.mark.timeout(600)]


def local(*arguments: str) -> str:
    command = [sys.executable, "-m", "local", *arguments]
    done = subprocess.run(command, cwd=stack.ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def nothing() -> Iterator[None]:
    """A machine on which nothing of ours runs, before and after."""
    local("down")
    yield
    local("down")


def up_until(mark: str) -> None:
    """Start `up`, and kill it when it prints a line with `mark`."""
    command = [sys.executable, "-u", "-m", "local", "up"]
    with subprocess.Popen(command, cwd=stack.ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        seen = [line for line in iter(process.stdout.readline, "") if _killed(process, mark in line)]
    assert any(mark in line for line in seen), "up ended before it printed the mark: " + "".join(seen)


def _killed(process: subprocess.Popen[str], now: bool) -> bool:
    if now:
        process.send_signal(signal.SIGKILL)
    return True


@pytest.mark.parametrize("mark", ["start the cluster", "Service traefik", "Release cert-manager"])
def test_up_after_a_killed_up_serves_the_journal(nothing: None, mark: str) -> None:
    up_until(mark)
    local("up")
    with acme.client("https://journal.test", "10.123.0.2", Path(stack.STATE / ROOTS)) as http:
        answer: httpx.Response = http.get("/api")
    assert (answer.status_code, answer.json()) == (200, [])
    assert "nothing to change" in local("up")
