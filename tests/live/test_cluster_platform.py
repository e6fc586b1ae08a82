"""The Go programs of ours: their own tests, formatting and vet."""

import subprocess

import pytest

from local.cluster.programs import SOURCES
from tools import golang

pytestmark = pytest.mark.live
PACKAGES = ("./agent", "./pause", "./policy", "./policycni", "./registry")


def go(*arguments: str) -> str:
    """-trimpath as the build, so that its compiled packages are used again."""
    environment = golang.environment() | {"GOFLAGS": "-trimpath"}
    run = subprocess.run(["go", *arguments], cwd=SOURCES, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


def test_go_tests_pass() -> None:
    assert go("test", *PACKAGES).count("ok") == 2


def test_go_is_formatted() -> None:
    assert subprocess.check_output(["gofmt", "-l", "."], cwd=SOURCES, text=True) == ""
