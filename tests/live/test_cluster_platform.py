"""The Go programs of ours are formatted. Their own tests and vet are a stage of `make test`."""

import subprocess

import pytest

from local.cluster.programs import SOURCES

pytestmark = pytest.mark.live


def test_go_is_formatted() -> None:
    assert subprocess.check_output(["gofmt", "-l", "."], cwd=SOURCES, text=True) == ""
