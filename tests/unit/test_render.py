"""A stack without a cluster: its manifests, and the tree of all that it declares."""

import json

import pytest
import yaml
from typer.testing import CliRunner

from local import cli, render, stack


@pytest.mark.parametrize("name", stack.names())
def test_every_stack_is_rendered_the_same_each_time_and_without_secrets(name: str) -> None:
    folder = render.render(name)
    before = {path: path.read_bytes() for path in folder.rglob("*.*") if path.is_file()}
    render.render(name)
    assert {path: path.read_bytes() for path in folder.rglob("*.*") if path.is_file()} == before

    listed = json.loads((folder / "resources.json").read_text())
    assert len(listed) > 10
    assert all({"type", "name", "inputs", "parent", "dependencies"} <= entry.keys() for entry in listed)
    if name == "shared":
        return
    assert len(before) > 40
    secret = yaml.safe_load((folder / "manifests" / "journal-secret-redis-auth.yaml").read_text())
    assert set(secret["data"].values()) == {"[secret]"}


def test_another_stack_is_shown_without_a_cluster() -> None:
    result = CliRunner().invoke(cli.app, ["preview", "--stack", "prod"])
    assert result.exit_code == 0
    assert "letsencrypt" in result.output
    assert "in all" in result.output


def test_a_stack_that_is_not_there_is_told() -> None:
    result = CliRunner().invoke(cli.app, ["render", "--stack", "qa"])
    assert result.exit_code == 1
    assert "no stack 'qa'" in result.output
