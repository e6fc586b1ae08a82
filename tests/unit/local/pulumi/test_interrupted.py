"""What is read of an interrupted run's lock and of its state."""

import json
import os
import socket
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from local.pulumi.interrupted import Lock, locks, recover, release, settle_releases
from local.pulumi.workspace import StackHeld, StateFolder, held, releases, resource_count
from tools.failures import Failure

GONE = 2**22
"""A process id that no process has: Linux counts to one less at most."""
HOST = socket.gethostname()


def write_lock(folder: StateFolder, pid: int, host: str = HOST) -> Path:
    folder.locks.mkdir(parents=True, exist_ok=True)
    path = folder.locks / f"{pid}.json"
    path.write_text(json.dumps({"pid": pid, "username": "u", "hostname": host, "timestamp": "2026-11-27T08:00:00Z"}))
    return path


def test_the_locks_of_a_stack_are_read(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path)
    assert locks(folder) == []
    path = write_lock(folder, 7)
    assert locks(folder) == [Lock(7, HOST, "2026-11-27T08:00:00Z", path)]


@pytest.mark.parametrize("pid", [GONE, os.getpid()], ids=["gone", "another"])
def test_a_process_that_is_gone_or_another_program_holds_nothing(pid: int) -> None:
    assert Lock(pid, HOST, "", Path()).holder is None


def test_locks_of_dead_processes_and_broken_ones_are_removed(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path)
    paths = [write_lock(folder, GONE)]
    for number, text in enumerate(("", "[]", '"x"', '{"pid": "abc"}', '{"pid": -5}')):
        paths.append(folder.locks / f"broken-{number}.json")
        paths[-1].write_text(text)
    release(folder)
    assert [path for path in paths if path.exists()] == []


def test_a_lock_of_another_machine_is_respected(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path)
    path = write_lock(folder, GONE, "elsewhere")
    with pytest.raises(StackHeld, match="the machine elsewhere holds the stack"):
        release(folder)
    assert path.exists()


def test_a_command_that_has_the_stack_is_named(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path)
    with held(folder), pytest.raises(StackHeld, match=f"process {os.getpid()}"), held(folder):
        pytest.fail("two commands hold one stack")
    with held(folder):
        assert folder.hold.read_text() == f"{os.getpid()}\n"


class Command:
    """A CLI whose stack has this state; `imported` is what was put in its place."""

    def __init__(self, *pending: dict[str, Any]) -> None:
        resources = [{"urn": "urn:kept", "type": "kubernetes:core/v1:Namespace"}]
        self.state = {"version": 3, "deployment": {"resources": resources, "pending_operations": list(pending)}}
        self.imported: dict[str, Any] | None = None

    def run(self, arguments: list[str], _folder: str, _environment: object) -> SimpleNamespace:
        if arguments[:2] == ["stack", "import"]:
            path = Path(arguments[arguments.index("--file") + 1])
            assert path.stat().st_mode & 0o777 == 0o600
            self.imported = json.loads(path.read_text())
        return SimpleNamespace(stdout=json.dumps(self.state))


class Cluster:
    """Has the objects of these names, and these revisions of Helm releases by status."""

    def __init__(self, *names: str, revisions: dict[str, str] | None = None) -> None:
        self.names, self.revisions, self.deleted = names, revisions or {}, list[str]()

    def run(self, *arguments: str) -> bytes:
        if "delete" in arguments:
            self.deleted.append(arguments[-1])
        elif arguments[1] == "widget.test":
            raise Failure('error: the server doesn\'t have a resource type "widget"')
        elif arguments[1] == "secret.down":
            raise Failure("the connection was refused")
        return b"found" if arguments[2] in self.names else b""

    def json(self, *_: str) -> dict[str, Any]:
        items = [{"metadata": {"name": name, "labels": {"status": s}}} for name, s in self.revisions.items()]
        return {"items": items}


def operation(type_: str, inputs: dict[str, Any], what: str = "creating") -> dict[str, Any]:
    return {"type": what, "resource": {"urn": f"urn:{type_}", "type": type_, "inputs": inputs}}


def body(kind: str, name: str, namespace: str | None = None, api_version: str = "v1") -> dict[str, Any]:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata}


def recovered(cluster: Cluster, folder: Path, *pending: dict[str, Any]) -> dict[str, str | None] | None:
    """The ids of the resources that were taken over, by URN; None when the state was left as it is."""
    command = Command(*pending)
    workspace = SimpleNamespace(pulumi_command=command, work_dir=str(folder), env_vars={})
    stack: Any = SimpleNamespace(name="local", workspace=workspace)
    access: Any = cluster
    recover(stack, access)
    if command.imported is None:
        return None
    assert command.imported["deployment"]["pending_operations"] == []
    assert list(folder.iterdir()) == []
    return {resource["urn"]: resource.get("id") for resource in command.imported["deployment"]["resources"]}


def test_what_the_cluster_has_is_taken_over_with_its_id_and_the_rest_forgotten(tmp_path: Path) -> None:
    assert recovered(
        Cluster("redis", "traefik"),
        tmp_path,
        operation("kubernetes:core/v1:Service", body("Service", "redis", "journal")),
        operation("kubernetes:rbac.authorization.k8s.io/v1:ClusterRole", body("ClusterRole", "traefik")),
        operation("kubernetes:core/v1:Secret", body("Secret", "not-made", "journal")),
        operation("kubernetes:test/v1:Widget", body("Widget", "kind-unknown", "journal", "test/v1")),
        operation("random:index/randomPassword:RandomPassword", {"length": 8}),
        operation("kubernetes:core/v1:ConfigMap", body("ConfigMap", "redis", "journal"), "updating"),
    ) == {
        "urn:kept": None,
        "urn:kubernetes:core/v1:Service": "journal/redis",
        "urn:kubernetes:rbac.authorization.k8s.io/v1:ClusterRole": "traefik",
    }


def test_a_state_without_pending_operations_is_left_alone(tmp_path: Path) -> None:
    assert recovered(Cluster(), tmp_path) is None


def test_a_cluster_that_does_not_answer_makes_nothing_forgotten(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="connection was refused"):
        recovered(Cluster(), tmp_path, operation("kubernetes:down/v1:Secret", body("Secret", "x", "n", "down/v1")))


def test_a_release_that_was_installed_is_taken_over(tmp_path: Path) -> None:
    inputs, cluster = {"name": "cert-manager", "namespace": "c"}, Cluster(revisions={"v1": "deployed"})
    found = recovered(cluster, tmp_path, operation("kubernetes:helm.sh/v3:Release", inputs))
    assert found == {"urn:kept": None, "urn:kubernetes:helm.sh/v3:Release": "c/cert-manager"}
    assert cluster.deleted == []


def test_what_is_left_of_a_release_that_was_not_installed_is_removed(tmp_path: Path) -> None:
    inputs, cluster = {"name": "cert-manager", "namespace": "c"}, Cluster(revisions={"v1": "pending-install"})
    assert recovered(cluster, tmp_path, operation("kubernetes:helm.sh/v3:Release", inputs)) == {"urn:kept": None}
    assert cluster.deleted == ["v1"]


@pytest.mark.parametrize(
    ("revisions", "dropped"),
    [
        ({"v1": "superseded", "v2": "deployed", "v3": "pending-upgrade"}, ["v3"]),
        ({"v1": "deployed", "v2": "pending-rollback", "v3": "pending-upgrade"}, ["v2", "v3"]),
        ({"v1": "superseded", "v2": "deployed"}, []),
        ({"v1": "deployed", "v2": "failed"}, []),
        ({"v1": "pending-install"}, []),
        ({}, []),
    ],
)
def test_a_revision_whose_upgrade_was_killed_is_dropped(revisions: dict[str, str], dropped: list[str]) -> None:
    access: Any = (cluster := Cluster(revisions=revisions))
    settle_releases(access, [("c", "cert-manager")])
    assert cluster.deleted == dropped


def test_the_releases_of_a_state_are_known_by_namespace_and_name(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path)
    assert releases(folder) == []
    folder.stack_file.parent.mkdir(parents=True)
    inputs = {"name": "cert-manager", "namespace": "c"}
    resources = [
        {"type": "kubernetes:helm.sh/v3:Release", "inputs": inputs},
        {"type": "kubernetes:core/v1:Secret", "inputs": {"metadata": {}}},
        {"type": "pulumi:pulumi:Stack"},
    ]
    folder.stack_file.write_text(json.dumps({"checkpoint": {"latest": {"resources": resources}}}))
    assert releases(folder) == [("c", "cert-manager")]


def test_a_state_counts_objects_of_their_own(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path)
    assert resource_count(folder) is None
    folder.stack_file.parent.mkdir(parents=True)
    types = {"pulumi:pulumi:Stack": False, "pulumi:providers:kubernetes": True, "kubernetes:core/v1:Secret": True}
    resources = [{"type": type_, "custom": custom} for type_, custom in types.items()]
    folder.stack_file.write_text(json.dumps({"checkpoint": {"latest": {"resources": resources}}}))
    assert resource_count(folder) == 1
