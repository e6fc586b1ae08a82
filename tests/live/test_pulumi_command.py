"""`make pulumi ARGS=…`, `make preview` and `make refresh`: what a person types, on the running local stack."""

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from local.pulumi.workspace import StateFolder
from tools import stack

pytestmark = [pytest.mark.live, pytest.mark.timeout(120)]


def local(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "local", *arguments]
    return subprocess.run(command, cwd=stack.ROOT, capture_output=True, text=True, check=False)


def test_the_cli_lists_the_resources_of_the_stack() -> None:
    said = local("pulumi", "--", "stack", "--show-urns")
    assert said.returncode == 0, said.stderr
    assert "Current stack is local" in said.stdout
    assert "::kubernetes:apps/v1:StatefulSet::redis" in said.stdout.replace("$kubernetes:", "::kubernetes:")
    assert "random:index/randomPassword:RandomPassword::redis-auth" in said.stdout


def test_the_clis_own_failure_is_the_commands() -> None:
    assert local("pulumi", "--", "stack", "output", "nothing").returncode != 0


def test_commands_that_need_a_language_host_say_what_to_run_instead() -> None:
    said = local("pulumi", "--", "up")
    assert said.returncode == 1
    assert "Run `make up`" in said.stderr


def test_kubectl_gets_what_follows_two_dashes() -> None:
    command = ["make", "-s", "kubectl", "ARGS=exec -n journal redis-0 -- ls -d /data"]
    said = subprocess.run(command, cwd=stack.ROOT, capture_output=True, text=True, check=False)
    assert (said.returncode, said.stdout.strip()) == (0, "/data"), said.stderr


def plaintexts(state: Any) -> Iterator[str]:
    """Every secret of a state that is shown with its secrets, as JSON."""
    if isinstance(state, dict):
        yield from [state["plaintext"]] if "plaintext" in state else []
    for part in state.values() if isinstance(state, dict) else state if isinstance(state, list) else ():
        yield from plaintexts(part)


def test_no_secret_is_in_the_state() -> None:
    """The password is there, encrypted with the passphrase."""
    shown = local("pulumi", "--", "stack", "export", "--show-secrets")
    assert shown.returncode == 0, shown.stderr
    values = {value for secret in plaintexts(json.loads(shown.stdout)) if isinstance(value := json.loads(secret), str)}
    assert values
    state = StateFolder.of(None).stack_file.read_text()
    assert [value for value in values if len(value) > 3 and value in state] == []


def test_a_preview_and_a_refresh_of_what_is_deployed_change_nothing() -> None:
    for command in (["preview"], ["preview", "--refresh"], ["refresh"]):
        said = local(*command)
        assert said.returncode == 0, said.stderr
        assert "nothing to change" in said.stdout
