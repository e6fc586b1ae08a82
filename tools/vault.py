"""Empties a backup vault, so that it can be deleted: `python3 -m tools.vault empty journal-dev`.

Pulumi's `force_destroy` deletes recovery points in the order in which AWS lists them and fails at a composite one whose
parts are still there; a backup of an EKS cluster is one (AWS Backup guide, Deleting backups; terraform-provider-aws
#37774). Needs Python's standard library and the AWS CLI alone.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

SECONDS, WAIT = 1800, 10
"""How long the points of one wave may take to go, and how often they are looked at."""
DELETING = "DELETING"
GONE = "ResourceNotFoundException"
LIST = "list-recovery-points-by-backup-vault"
NO_VAULT = (GONE, "Insufficient privileges to perform this action")
"""What AWS says of a vault that is not there. The second is AWS Backup's, to administrators too (boto3 #2269); where a
permission is missing, IAM says what a caller is not authorized to do."""

RecoveryPoint = Mapping[str, Any]
Aws = Callable[..., Mapping[str, Any]]
"""Runs a command of `aws backup`, such as ("list-backup-jobs", "--by-state", "RUNNING"), and gives its answer."""


class AwsError(Exception):
    """What the AWS CLI wrote on stderr, or what is wrong with its answer."""


def waves(points: Sequence[RecoveryPoint]) -> list[list[str]]:
    """The ARNs of recovery points in the order in which AWS deletes them: parts first, then what they are parts of."""
    parents = {point["RecoveryPointArn"]: point.get("ParentRecoveryPointArn") for point in points}
    found: list[list[str]] = []
    while parents:
        wave = sorted(arn for arn in parents if arn not in parents.values()) or sorted(parents)
        found.append(wave)
        parents = {arn: parent for arn, parent in parents.items() if arn not in wave}
    return found


def empty(vault: str, aws: Aws, sleep: Callable[[float], None] = time.sleep) -> int:
    """Delete every recovery point of a vault. Returns how many there were; 0 for a vault that is not there.

    Raises AwsError for what AWS refuses, TimeoutError for points that do not go.
    """
    points = {point["RecoveryPointArn"]: point for point in _listed(vault, aws)}
    for wave in waves(list(points.values())):
        for arn in wave:
            if points[arn].get("Status") != DELETING:
                _delete(vault, arn, aws)
        _wait_until_gone(vault, wave, aws, sleep)
    return len(points)


def _delete(vault: str, arn: str, aws: Aws) -> None:
    try:
        aws("delete-recovery-point", "--backup-vault-name", vault, "--recovery-point-arn", arn)
    except AwsError as error:
        if GONE not in str(error):  # a point whose days are over goes by itself
            raise AwsError(f"{arn}: {error}") from None


def _listed(vault: str, aws: Aws) -> list[RecoveryPoint]:
    try:
        answer = aws(LIST, "--backup-vault-name", vault)
    except AwsError as error:
        if any(reason in str(error) for reason in NO_VAULT):
            return []
        raise
    points = answer.get("RecoveryPoints") if isinstance(answer, dict) else None
    if not isinstance(points, list) or not all("RecoveryPointArn" in point for point in points):
        raise _unexpected(LIST, json.dumps(answer))
    return points


def _unexpected(command: str, answer: str) -> AwsError:
    said = " ".join(answer.split())[:200] or "nothing"
    return AwsError(f"the answer of `aws backup {command}` is not what AWS documents: {said}")


def _wait_until_gone(vault: str, wave: Sequence[str], aws: Aws, sleep: Callable[[float], None]) -> None:
    for _ in range(SECONDS // WAIT):
        left = [point for point in _listed(vault, aws) if point["RecoveryPointArn"] in wave]
        if not left:
            return
        sleep(WAIT)
    why = {point["RecoveryPointArn"]: point.get("StatusMessage", point.get("Status")) for point in left}
    raise TimeoutError(f"still in vault {vault} after {SECONDS // 60} minutes: {why}")


def _cli(region: str | None) -> Aws:
    where = ["--region", region] if region else []

    def run(*words: str) -> Mapping[str, Any]:
        command = ["aws", *where, "--output", "json", "backup", *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            said = f"`aws backup {words[0]}` ended with status {done.returncode} and said nothing"
            raise AwsError(done.stderr.strip() or said)
        try:
            return json.loads(done.stdout or "{}")
        except json.JSONDecodeError:
            raise _unexpected(words[0], done.stdout) from None

    return run


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python3 -m tools.vault", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    emptied = commands.add_parser("empty", help="delete every recovery point of a vault")
    emptied.add_argument("vault", help="its name, such as journal-dev")
    emptied.add_argument("--region", help="the AWS region; by default the AWS CLI's")
    given = parser.parse_args(arguments)
    try:
        count = empty(given.vault, _cli(given.region))
    except (AwsError, TimeoutError) as error:
        sys.exit(f"tools.vault: {error}")
    except FileNotFoundError:
        sys.exit("tools.vault: the AWS CLI is not installed, or PATH does not lead to it")
    except KeyboardInterrupt:
        sys.exit(130)
    print(f"Vault {given.vault} is empty: {count} recovery points deleted.")


if __name__ == "__main__":
    main()
