"""What is read of an interrupted run's lock and of its state."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from pulumi import automation

from local.pulumi import interrupted
from local.pulumi.interrupted import Lock, locks
from local.pulumi.workspace import StateFolder, resource_count

GONE = 2**22 - 1
"""A process id that no process has: above Linux's default limit."""


def test_the_locks_of_a_stack_are_read(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path)
    assert locks(folder) == []
    folder.locks.mkdir(parents=True)
    path = folder.locks / "a.json"
    path.write_text(json.dumps({"pid": 7, "username": "u", "hostname": "h", "timestamp": "2026-11-27T08:00:00Z"}))
    assert locks(folder) == [Lock(7, "2026-11-27T08:00:00Z", path)]


@pytest.mark.parametrize("pid", [GONE, os.getpid()])
def test_a_process_that_is_gone_or_another_program_holds_nothing(pid: int) -> None:
    assert Lock(pid, "", Path()).holder is None


class Exported:
    """A stack whose state is this."""

    def __init__(self, *operations: dict[str, Any]) -> None:
        self.operations = list(operations)

    def export_stack(self) -> automation.Deployment:
        return automation.Deployment(version=3, deployment={"pending_operations": self.operations})


def operation(type_: str, inputs: dict[str, Any], what: str = "creating") -> dict[str, Any]:
    return {"type": what, "resource": {"urn": f"urn:{type_}", "type": type_, "inputs": inputs}}


def pending(*operations: dict[str, Any]) -> list[tuple[str, str]]:
    return [(urn, id_) for urn, id_, _ in interrupted._pending(Exported(*operations))]  # ty: ignore[invalid-argument-type]


def test_pending_creations_have_the_ids_that_kubernetes_gives() -> None:
    service = {"kind": "Service", "metadata": {"name": "redis", "namespace": "journal"}}
    role = {"kind": "ClusterRole", "metadata": {"name": "traefik"}}
    release = {"name": "cert-manager", "namespace": "cert-manager"}
    assert pending(
        operation("kubernetes:core/v1:Service", service),
        operation("kubernetes:rbac.authorization.k8s.io/v1:ClusterRole", role),
        operation("kubernetes:helm.sh/v3:Release", release),
        operation("random:index/randomPassword:RandomPassword", {"length": 8}),
    ) == [
        ("urn:kubernetes:core/v1:Service", "journal/redis"),
        ("urn:kubernetes:rbac.authorization.k8s.io/v1:ClusterRole", "traefik"),
        ("urn:kubernetes:helm.sh/v3:Release", "cert-manager/cert-manager"),
        ("urn:random:index/randomPassword:RandomPassword", ""),
    ]


def test_other_pending_operations_are_pulumis_own_matter() -> None:
    assert pending(operation("kubernetes:core/v1:Service", {"metadata": {"name": "x"}}, "updating")) == []


def test_a_state_counts_objects_of_their_own(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path)
    assert resource_count(folder) is None
    folder.stack_file.parent.mkdir(parents=True)
    types = {"pulumi:pulumi:Stack": False, "pulumi:providers:kubernetes": True, "kubernetes:core/v1:Secret": True}
    resources = [{"type": type_, "custom": custom} for type_, custom in types.items()]
    folder.stack_file.write_text(json.dumps({"checkpoint": {"latest": {"resources": resources}}}))
    assert resource_count(folder) == 1
