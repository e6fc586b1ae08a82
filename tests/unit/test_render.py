"""A stack without a cluster: its manifests, and the tree of all that it declares."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from tests.conftest import Recording
from tools import cli, render, stack, tree


def files(folder: Path) -> dict[Path, bytes]:
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.*") if path.is_file()}


@pytest.mark.parametrize("name", stack.names())
def test_every_stack_is_rendered_the_same_each_time_and_without_secrets(
    name: str, recorded: Callable[[str], Recording], tmp_path: Path
) -> None:
    folder = render.render(name)
    recorded(name).write(tmp_path)
    assert files(tmp_path) == files(folder)

    listed = json.loads((folder / "resources.json").read_text())
    assert len(listed) > 10
    assert all({"type", "name", "inputs", "parent", "dependencies"} <= entry.keys() for entry in listed)
    sources = {urn for entry in listed for urns in entry.get("propertyDependencies", {}).values() for urn in urns}
    assert sources
    assert {urn for urn in sources if "$pulumi:pulumi:StackReference::" not in urn} <= {e["urn"] for e in listed}
    if name == "shared":
        return
    assert len(files(folder)) > 40
    secret = yaml.safe_load((folder / "manifests" / "journal-secret-redis-auth.yaml").read_text())
    assert set(secret["data"].values()) == {"[secret]"}


def test_another_stack_is_shown_without_a_cluster() -> None:
    """Leaves of one type share a line, unless each is wanted."""
    results = [CliRunner().invoke(cli.app, ["preview", "--stack", "prod", *flags]) for flags in ([], ["--all"])]
    assert [result.exit_code for result in results] == [0, 0]
    short, whole = (result.output for result in results)
    assert "letsencrypt" in short
    assert "in all" in short
    assert "ec2:NatGateway (3)  nat-eu-central-1a, nat-eu-central-1b, nat-eu-central-1c" in short
    assert "ec2:NatGateway  nat-eu-central-1b\n" in whole
    assert "3 ec2:NatGateway" in short
    assert "3 ec2:NatGateway" in whole


@pytest.mark.parametrize(
    ("type_", "short"),
    [
        ("aws:ec2/subnet:Subnet", "aws:ec2:Subnet"),
        ("aws:ec2/vpcEndpoint:VpcEndpoint", "aws:ec2:VpcEndpoint"),
        ("kubernetes:apps/v1:Deployment", "kubernetes:apps/v1:Deployment"),
        ("journal:data:Redis", "journal:data:Redis"),
    ],
)
def test_types_are_shown_as_pulumi_shows_them(type_: str, short: str) -> None:
    assert tree.short(type_) == short


def test_a_stack_that_is_not_there_is_told() -> None:
    result = CliRunner().invoke(cli.app, ["render", "--stack", "qa"])
    assert result.exit_code == 1
    assert "no stack 'qa'" in result.output
