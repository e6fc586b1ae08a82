"""When the supervisor starts and stops components, and what it costs to start it."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from local.supervisor import supervisor
from local.supervisor.spec import Component
from local.supervisor.supervisor import Process


def test_the_first_process_imports_nothing_large() -> None:
    program = "import sys, local.supervisor.supervisor, local.supervisor.sandbox; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    ours = {name for name in loaded if name.split(".")[0] in ("components", "local", "tools")}
    assert ours == {
        *("local", "local.supervisor", "local.supervisor.probes", "local.supervisor.sandbox", "local.supervisor.spec"),
        *("local.supervisor.supervisor", "tools", "tools.files"),
    }
    assert {"pulumi", "typer", "rich", "cryptography"}.isdisjoint(loaded)


@pytest.mark.parametrize(("failures", "seconds"), [(0, 0), (1, 0), (2, 0.2), (3, 0.4), (30, 10)])
def test_the_delay_grows_to_ten_seconds(failures: int, seconds: float) -> None:
    assert supervisor.delay(failures) == pytest.approx(seconds)


def processes(*changes: dict[str, Any]) -> dict[str, Process]:
    """A server and a client that follows it."""
    server = Process(Component("server", []))
    client = Process(Component("client", [], requires=("server",), follows=True))
    for process, values in zip((server, client), changes, strict=True):
        for name, value in values.items():
            setattr(process, name, value)
    return {"server": server, "client": client}


@pytest.mark.parametrize(
    ("server", "client", "expected"),
    [
        ({"ready": True}, {}, True),
        ({"ready": False}, {}, False),
        ({"ready": True}, {"pid": 7}, False),
        ({"ready": True}, {"not_before": 11}, False),
        ({"ready": True}, {"not_before": 10}, True),
    ],
)
def test_when_to_start(server: dict, client: dict, expected: bool) -> None:
    both = processes(server, client)
    assert supervisor.startable(both["client"], both, 10) is expected


def test_what_ran_once_is_not_started_again() -> None:
    done = Process(Component("clean", [], once=True), ready=True)
    assert not supervisor.startable(done, {"clean": done}, 0)


def test_followers_are_stopped_when_what_they_need_dies() -> None:
    both = processes({}, {"pid": 7})
    assert supervisor.followers("server", both) == [both["client"]]
    assert supervisor.followers("client", both) == []


def stat(proc: Path, pid: int, name: str, parent: int) -> None:
    (proc / str(pid)).mkdir()
    (proc / str(pid) / "stat").write_text(f"{pid} ({name}) S {parent} 1 1 0")


def test_containers_are_the_children_of_shims_but_pause(tmp_path: Path) -> None:
    stat(tmp_path, 10, "containerd-shim", 1)
    stat(tmp_path, 11, "pause", 10)
    stat(tmp_path, 12, "redis (main) x", 10)
    stat(tmp_path, 13, "sh", 12)
    (tmp_path / "self").mkdir()
    assert supervisor.containers(tmp_path) == [12]
