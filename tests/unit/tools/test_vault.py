"""A backup vault is emptied: the parts of a composite recovery point go before it, and errors are told."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tools import vault

ROOT = Path(vault.__file__).resolve().parents[1]


def point(arn: str, parent: str | None = None, status: str = "COMPLETED") -> dict[str, Any]:
    own = {"RecoveryPointArn": arn, "Status": status}
    return own if parent is None else {**own, "ParentRecoveryPointArn": parent}


class Backup:
    """AWS Backup with one vault. looks: how often a deleted recovery point is still listed."""

    def __init__(self, points: Sequence[Mapping[str, Any]], looks: int = 1) -> None:
        self.points = {p["RecoveryPointArn"]: dict(p) for p in points}
        self.looks = dict.fromkeys(self.points, looks)
        self.deleted: list[str] = []

    def __call__(self, command: str, *words: str) -> Mapping[str, Any]:
        assert words[:2] == ("--backup-vault-name", "journal-dev")
        if command == "list-recovery-points-by-backup-vault":
            for arn in [arn for arn, p in self.points.items() if p["Status"] == "DELETING"]:
                self.looks[arn] -= 1
                if self.looks[arn] < 0:
                    del self.points[arn]
            return {"RecoveryPoints": list(self.points.values())}
        assert command == "delete-recovery-point"
        arn = words[3]
        if any(p.get("ParentRecoveryPointArn") == arn for p in self.points.values()):
            raise vault.AwsError("InvalidRequestException: it contains nested recovery points")
        self.points[arn]["Status"] = "DELETING"
        self.deleted.append(arn)
        return {}


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ([], []),
        ([point("volume")], [["volume"]]),
        ([point("cluster"), point("state", "cluster"), point("disk", "cluster")], [["disk", "state"], ["cluster"]]),
        ([point("state", "cluster"), point("volume")], [["state", "volume"]]),
        ([point("a"), point("a1", "a"), point("b"), point("b1", "b")], [["a1", "b1"], ["a", "b"]]),
        ([point("a", "b"), point("b", "a")], [["a", "b"]]),
    ],
    ids=["none", "one", "composite", "parent elsewhere", "two composites", "a ring, which AWS has none of"],
)
def test_parts_go_before_what_they_are_parts_of(points: list[dict[str, Any]], expected: list[list[str]]) -> None:
    assert vault.waves(points) == expected


def test_a_vault_with_backups_of_a_cluster_is_emptied() -> None:
    backup = Backup([point("cluster"), point("state", "cluster"), point("disk", "cluster"), point("volume")], looks=3)
    slept: list[float] = []
    assert vault.empty("journal-dev", backup, slept.append) == 4
    assert backup.points == {}
    assert backup.deleted[-1] == "cluster"
    assert slept


def test_what_is_being_deleted_is_waited_for_alone() -> None:
    backup = Backup([point("old", status="DELETING")])
    assert vault.empty("journal-dev", backup, lambda _: None) == 1
    assert backup.deleted == []


def test_a_point_that_does_not_go_is_named() -> None:
    with pytest.raises(TimeoutError, match=r"after 30 minutes: \{'stuck': 'DELETING'\}"):
        vault.empty("journal-dev", Backup([point("stuck")], looks=10_000), lambda _: None)


def command(tmp_path: Path, answer: str) -> subprocess.CompletedProcess[str]:
    """The command as the workflow calls it, where the AWS CLI is a script that answers so."""
    aws = tmp_path / "aws"
    aws.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/calls\n{answer}\n')
    aws.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    run = [sys.executable, "-S", "-m", "tools.vault", "empty", "journal-dev", "--region", "eu-west-1"]
    return subprocess.run(run, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def test_the_command_asks_the_region_that_it_is_told(tmp_path: Path) -> None:
    run = command(tmp_path, """echo '{"RecoveryPoints": []}'""")
    assert (run.returncode, run.stdout) == (0, "Vault journal-dev is empty: 0 recovery points deleted.\n")
    assert (tmp_path / "calls").read_text().startswith("--region eu-west-1 --output json backup list-recovery-points")


@pytest.mark.parametrize(
    ("error", "status"),
    [
        ("ResourceNotFoundException", 0),
        ("AccessDeniedException: Insufficient privileges to perform this action.", 0),
        ("AccessDeniedException: not authorized", 1),
    ],
)
def test_a_vault_that_is_not_there_is_empty_and_one_that_is_closed_is_an_error(
    tmp_path: Path, error: str, status: int
) -> None:
    run = command(tmp_path, f"echo '{error}' >&2; exit 254")
    assert run.returncode == status
    assert "Traceback" not in run.stderr
    assert status == 0 or error in run.stderr


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (
            "echo none",
            "the answer of `aws backup list-recovery-points-by-backup-vault` is not what AWS documents: none",
        ),
        ("echo '[]'", "is not what AWS documents: []"),
        ("echo '{}'", "is not what AWS documents: {}"),
        ("true", "is not what AWS documents: {}"),
        ("""echo '{"RecoveryPoints": null}'""", "is not what AWS documents"),
        ("""echo '{"RecoveryPoints": [{"Status": "COMPLETED"}]}'""", "is not what AWS documents"),
        ("exit 255", "`aws backup list-recovery-points-by-backup-vault` ended with status 255 and said nothing"),
    ],
)
def test_an_answer_that_is_none_is_told(tmp_path: Path, answer: str, says: str) -> None:
    run = command(tmp_path, answer)
    assert run.returncode == 1
    (line,) = run.stderr.splitlines()
    assert line.startswith("tools.vault: ")
    assert says in line


def test_without_the_aws_cli_it_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SystemExit, match=r"tools\.vault: the AWS CLI is not installed"):
        vault.main(["empty", "journal-dev"])


def test_an_interrupted_command_ends_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(subprocess, "run", interrupt)
    with pytest.raises(SystemExit) as caught:
        vault.main(["empty", "journal-dev"])
    assert caught.value.code == 130


def test_a_point_that_goes_by_itself_meanwhile_is_no_error() -> None:
    backup = Backup([point("old"), point("new")])

    def aws(command: str, *words: str) -> Mapping[str, Any]:
        if command == "delete-recovery-point" and words[3] == "old":
            del backup.points["old"]
            raise vault.AwsError("An error occurred (ResourceNotFoundException) when calling DeleteRecoveryPoint")
        return backup(command, *words)

    assert vault.empty("journal-dev", aws, lambda _: None) == 2
    assert backup.deleted == ["new"]


def test_the_point_that_aws_does_not_delete_is_named() -> None:
    backup = Backup([point("a"), point("held")])

    def aws(command: str, *words: str) -> Mapping[str, Any]:
        if command == "delete-recovery-point" and words[3] == "held":
            raise vault.AwsError("InvalidRequestException: no")
        return backup(command, *words)

    with pytest.raises(vault.AwsError, match="held: InvalidRequestException: no"):
        vault.empty("journal-dev", aws, lambda _: None)
