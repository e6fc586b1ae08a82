"""Commands that pass on what they are given: kubectl's arguments, a tier's name."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from local import access, cli
from local.access import Access

PODS = [
    {"metadata": {"name": f"{tier}-1", "namespace": space, "labels": {"app.kubernetes.io/name": tier}}}
    for tier, space in (("frontend", "journal"), ("traefik", "traefik"))
] + [{"metadata": {"name": "bare", "namespace": "default"}}]


class Cluster(Access):
    """A cluster that holds the pods, and knows no selector."""

    def json(self, *arguments: str) -> Any:
        assert arguments == ("get", "pods", "-A")
        return {"items": PODS}


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What would have been run."""
    commands: list[list[str]] = []

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[bytes]:
        commands.append(command)
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(access, "access", lambda: Cluster(Path("kubectl"), None, None, None))
    monkeypatch.setattr(cli.subprocess, "run", run)
    return commands


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(cli.app, list(arguments))


@pytest.mark.parametrize(
    "given",
    [
        ["exec", "POD", "--", "cmd", "-x"],
        ["-n", "journal", "exec", "POD", "--", "sh", "-c", "echo -- a"],
        ["exec", "POD", "--", "cmd", "--", "b"],
        ["get", "pods", "--help"],
        ["--help"],
        [],
    ],
)
@pytest.mark.parametrize("before", [[], ["--"]])
def test_kubectl_gets_every_argument_as_it_was_given(given: list[str], before: list[str], ran: list[list[str]]) -> None:
    """Before them the Makefile writes `--`."""
    assert invoke("kubectl", *before, *given).exit_code == 0
    assert ran == [["kubectl", *given]]


def test_pulumi_gets_every_argument_as_it_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[str]] = []
    monkeypatch.setattr("local.lifecycle.command", seen.append)
    assert invoke("pulumi", "stack", "--help", "--", "x").exit_code == 0
    assert seen == [["stack", "--help", "--", "x"]]


def test_a_tiers_logs_are_of_all_its_pods(ran: list[list[str]]) -> None:
    assert invoke("logs", "frontend").exit_code == 0
    ((command, *flags),) = ran
    assert (command, flags[:5]) == ("kubectl", ["-n", "journal", "logs", "-l", "app.kubernetes.io/name=frontend"])


@pytest.mark.parametrize("tier", ["frontend;id", "", "fronted", "a,b in (c)", "frontend ", "-x", "Ω", "a=b", "x" * 300])
def test_a_tier_that_is_not_there_is_told_with_those_that_are(tier: str, ran: list[list[str]]) -> None:
    result = invoke("logs", "--", tier)
    assert result.exit_code == 1
    said = " ".join(result.output.replace("│", " ").split())
    assert "There is no tier" in said
    assert "Tiers: frontend, traefik." in said
    assert ran == []
