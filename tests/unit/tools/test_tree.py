"""A stack as a tree, without a cluster."""

import pytest
from typer.testing import CliRunner

from tools import cli, tree


@pytest.mark.usefixtures("recordings_once")
def test_leaves_of_one_type_share_a_line_unless_each_is_wanted() -> None:
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
