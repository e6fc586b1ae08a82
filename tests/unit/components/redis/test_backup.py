"""The jobs that back up and restore: what they run, where files go, and whom they may reach."""

from collections.abc import Callable
from typing import Any

import pytest

from components.redis.backup import POD_IDENTITY_AGENT
from tests.conftest import Recording

STACKS = ("local", "dev", "staging", "prod")
IN_AWS = STACKS[1:]


def pod(recording: Recording, name: str) -> dict[str, Any]:
    return recording.one("CronJob", name)["spec"]["jobTemplate"]["spec"]["template"]["spec"]


def environment(recording: Recording, name: str) -> dict[str, Any]:
    return {entry["name"]: entry["value"] for entry in pod(recording, name)["containers"][0]["env"]}


def commands(recording: Recording, name: str) -> list[list[str]]:
    spec = pod(recording, name)
    return [c["command"] for c in [*spec["initContainers"], *spec["containers"]]]


@pytest.mark.parametrize("stack", STACKS)
def test_every_stack_is_backed_up_and_can_be_restored(recorded: Callable[[str], Recording], stack: str) -> None:
    recording = recorded(stack)
    backup, restore = (
        recording.one("CronJob", "redis-backup")["spec"],
        recording.one("CronJob", "redis-restore")["spec"],
    )
    assert (backup["suspend"], restore["suspend"]) == (False, True)
    assert backup["concurrencyPolicy"] == "Forbid"
    for name in ("redis-backup", "redis-restore"):
        assert pod(recording, name)["automountServiceAccountToken"] is False
        assert environment(recording, name)["STACK"] == stack
        assert environment(recording, name)["KEYS"] == "journal:index journal:entries"


def test_locally_files_go_to_a_volume(recorded: Callable[[str], Recording]) -> None:
    local = recorded("local")
    assert commands(local, "redis-backup") == [["sh", "/etc/backup/take.sh"], ["sh", "/etc/backup/store.sh", "put"]]
    assert commands(local, "redis-restore") == [
        ["sh", "/etc/backup/fetch.sh", "get"],
        ["sh", "/etc/backup/take.sh"],
        ["sh", "/etc/backup/store.sh", "put"],
        ["sh", "/etc/backup/restore.sh"],
    ]
    assert local.one("PersistentVolumeClaim", "redis-backup")["spec"]["resources"]["requests"] == {"storage": "1Gi"}


@pytest.mark.parametrize("name", ["redis", "redis-write"])
def test_the_servers_and_the_proxy_let_the_jobs_in(recorded: Callable[[str], Recording], name: str) -> None:
    rules = recorded("local").one("NetworkPolicy", name)["spec"]["ingress"]
    peers = [peer["podSelector"]["matchLabels"]["app.kubernetes.io/name"] for rule in rules for peer in rule["from"]]
    assert "redis-backup" in peers


@pytest.mark.parametrize("stack", IN_AWS)
def test_in_aws_files_go_to_the_bucket(recorded: Callable[[str], Recording], stack: str) -> None:
    recording = recorded(stack)
    assert commands(recording, "redis-backup")[1] == ["sh", "/etc/backup/s3.sh", "put"]
    assert commands(recording, "redis-restore")[0] == ["sh", "/etc/backup/s3.sh", "get"]
    assert environment(recording, "redis-backup")["BUCKET"] == f"journal-{stack}-backups-111122223333"
    egress = recording.one("NetworkPolicy", "redis-backup")["spec"]["egress"]
    blocks = [peer["ipBlock"]["cidr"] for rule in egress for peer in rule["to"] if peer.get("ipBlock")]
    assert POD_IDENTITY_AGENT in blocks
    assert "redis-backup" not in [r.name for r in recording.of_type("PersistentVolumeClaim")]
