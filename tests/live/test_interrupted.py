"""`make up` killed at any point can be run again."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from local import acme, cluster
from local.lifecycle import ROOTS
from local.pulumi.workspace import StateFolder
from tests.live.load import LONG, ONLY_DRILLS
from tools import stack

pytestmark = [pytest.mark.live, pytest.mark.lifecycle, pytest.mark.timeout(600)]


def local(*arguments: str) -> str:
    command = [sys.executable, "-m", "local", *arguments]
    done = subprocess.run(command, cwd=stack.ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def nothing() -> Iterator[None]:
    """A machine on which nothing of ours runs, before and after; without the half minute of a destroy."""
    forget()
    yield
    forget()


def forget() -> None:
    cluster.stop(wipe=True)
    StateFolder.of(None).remove()
    shutil.rmtree(stack.STATE, ignore_errors=True)


def up_until(mark: str, kill: Callable[[int], None]) -> None:
    """Start `up`, and kill it when it prints a line with `mark`."""
    command = [sys.executable, "-u", "-m", "local", "up"]
    seen = []
    with subprocess.Popen(command, cwd=stack.ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in iter(process.stdout.readline, ""):
            seen.append(line)
            if mark in line:
                kill(process.pid)
    assert any(mark in line for line in seen), "up ended before it printed the mark: " + "".join(seen)


def terminal_program_alone(pid: int) -> None:
    """Pulumi's CLI is left behind."""
    psutil.Process(pid).kill()


def everything(pid: int) -> None:
    """The terminal program, Pulumi's CLI and its plugins."""
    killed = psutil.Process(pid)
    for child in [c for c in killed.children(recursive=True) if c.name().startswith("pulumi")]:
        child.kill()
    killed.kill()


def the_cli_and_the_terminal_program(pid: int) -> None:
    """The plugins are left behind."""
    killed = psutil.Process(pid)
    for child in [c for c in killed.children(recursive=True) if c.name() == "pulumi"]:
        child.kill()
    killed.kill()


KILLS = [
    ("StatefulSet redis", the_cli_and_the_terminal_program, "released the lock of a run that was killed"),
    ("start the cluster", everything, ""),
    ("Deployment traefik", terminal_program_alone, ""),
    ("Service traefik", everything, "objects that a run was creating when it was killed"),
]


@pytest.mark.parametrize(("mark", "kill", "said"), KILLS if LONG else KILLS[:1])
def test_up_after_a_killed_up_serves_the_journal(
    nothing: None, mark: str, kill: Callable[[int], None], said: str
) -> None:
    up_until(mark, kill)
    assert said in local("up")
    with acme.client("https://journal.test", "10.123.0.2", Path(stack.STATE / ROOTS)) as http:
        answer: httpx.Response = http.get("/api")
    assert (answer.status_code, answer.json()) == (200, [])
    assert "nothing to change" in local("up")


@ONLY_DRILLS
def test_down_ends_cleanly_when_the_cluster_is_gone_and_the_state_remains(nothing: None) -> None:
    local("up")
    cluster.stop(wipe=False)
    folder = StateFolder.of(None)
    assert folder.exists()
    local("down")
    assert not folder.root.exists()


@ONLY_DRILLS
def test_up_on_a_new_cluster_makes_what_the_state_says_is_there(nothing: None) -> None:
    local("up")
    cluster.stop(wipe=True)
    assert StateFolder.of(None).exists()
    local("up")
    with acme.client("https://journal.test", "10.123.0.2", Path(stack.STATE / ROOTS)) as http:
        assert http.get("/api").json() == []
