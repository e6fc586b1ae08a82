"""The launch script: a primary whose volume is empty starts only when nothing can be lost."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT

LAUNCH = ROOT / "components" / "redis" / "launch.sh"
EMPTY, LOADING, DATA = (
    "loading:0\r\nasync_loading:0\r\n",
    "loading:1\r\nasync_loading:0\r\n",
    "loading:0\r\ndb0:keys=9\r\n",
)
SILENT = ""
PROGRAMS = {
    "getent": 'for name in "$HOME"/answers/*; do echo "${name##*/} STREAM"; echo "${name##*/} DGRAM"; done',
    "redis-cli": 'cat "$HOME/answers/$2"',
    "redis-server": "echo started",
    "sleep": "exit 1",
}


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A folder in the place of `/`, with programs that stand in for the image's; `sleep` ends the wait."""
    for folder in ("bin", "answers", "data", "run", "auth"):
        (tmp_path / folder).mkdir()
    (tmp_path / "auth" / "password").write_text("secret")
    for name, script in PROGRAMS.items():
        path = tmp_path / "bin" / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
    return tmp_path


def launch(machine: Path, server: int, answers: list[str], servers: int = 3) -> tuple[bool, str]:
    """Whether the server was started, and what the script said instead."""
    for number, answer in enumerate(answers):
        (machine / "answers" / f"10.0.0.{number}").write_text(answer)
    script = LAUNCH.read_text()
    for there, here in (("/data/", "data/"), ("/run/redis/", "run/"), ("/etc/redis-auth/", "auth/")):
        script = script.replace(there, f"{machine}/{here}")
    environment = {
        "PATH": f"{machine / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(machine),
        "HOSTNAME": f"redis-{server}",
        "PRIMARY_HOST": "primary",
        "SERVERS_HOST": "servers",
        "SERVERS": str(servers),
    }
    done = subprocess.run(["sh", "-c", script], env=environment, capture_output=True, text=True, check=False)
    return done.stdout == "started\n", done.stderr


@pytest.mark.parametrize(
    ("answers", "servers", "starts", "said"),
    [
        ([SILENT, EMPTY, EMPTY], 3, True, ""),
        ([SILENT, EMPTY, DATA], 3, False, "a server at 10.0.0.2 holds data"),
        ([SILENT, DATA, SILENT], 3, False, "a server at 10.0.0.1 holds data"),
        ([SILENT, EMPTY, SILENT], 3, False, "not all of the other 2 servers"),
        ([SILENT, EMPTY], 3, False, "not all of the other 2 servers"),
        ([SILENT, SILENT, SILENT], 3, False, "not all of the other 2 servers"),
        ([], 3, False, "not all of the other 2 servers"),
        ([SILENT, EMPTY, LOADING], 3, False, "not all of the other 2 servers"),
        ([SILENT], 1, True, ""),
        ([], 1, True, ""),
    ],
)
def test_an_empty_primary_starts_only_when_every_other_server_says_that_it_is_empty(
    machine: Path, answers: list[str], servers: int, starts: bool, said: str
) -> None:
    started, log = launch(machine, 0, answers, servers)
    assert (started, said in log) == (starts, True)
    assert (machine / "run" / "waits").exists() == (not starts)


def test_a_primary_that_has_its_volume_asks_nobody(machine: Path) -> None:
    (machine / "data" / "appendonlydir").mkdir()
    (machine / "data" / "appendonlydir" / "appendonly.aof.manifest").touch()
    assert launch(machine, 0, [SILENT, DATA, SILENT]) == (True, "")


def test_a_folder_without_a_manifest_is_an_empty_volume(machine: Path) -> None:
    (machine / "data" / "appendonlydir").mkdir()
    assert not launch(machine, 0, [SILENT, DATA, DATA])[0]


def test_a_person_may_begin_with_nothing_once(machine: Path) -> None:
    (machine / "data" / "begin-empty").touch()
    assert launch(machine, 0, [SILENT, DATA, SILENT]) == (True, "")
    assert not launch(machine, 0, [SILENT, DATA, SILENT])[0]


def test_a_replica_follows_the_primary_and_asks_nobody(machine: Path) -> None:
    assert launch(machine, 1, [SILENT, DATA]) == (True, "")
    assert "replicaof primary 6379" in (machine / "run" / "role.conf").read_text()
