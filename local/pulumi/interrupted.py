"""What a run that was killed leaves behind: its lock, its plugins, and objects that it was about to create.

Pulumi's file backend keeps a lock file that names the process which wrote it, and the state names each operation that
was under way (Pulumi docs, "Interrupted updates"). Whoever calls these functions holds the state folder
(`workspace.hold`), so a CLI that has a lock and no living parent is left over from a terminal program that was killed.
"""

import contextlib
import json
import os
import signal
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from pulumi import automation

from local.access import Access
from local.pulumi.workspace import StackHeld, StateFolder
from tools.failures import Failure
from tools.files import write_atomically
from tools.terminal import console

CREATING = "creating"
RELEASE = "kubernetes:helm.sh/v3:Release"
DEPLOYED = "deployed"
INIT = ("init", "systemd")
"""Programs that become the parent of processes whose own parent is gone, besides process 1."""
ORPHAN_SECONDS = 60.0
"""How long a CLI may take to end in order after the program that started it was killed."""
PLUGIN_SECONDS = 5.0
"""How long a plugin may take to end when it is told to."""


@dataclass(frozen=True)
class Lock:
    """A lock file. pid: of the process that holds it, on the machine `host`. since: with its time zone."""

    pid: int
    host: str
    since: str
    path: Path

    @property
    def holder(self) -> psutil.Process | None:
        """Its process while that lives on this machine. Another program that got the process id later is not it."""
        if not self.pid:
            return None
        try:
            process = psutil.Process(self.pid)
            lives = "pulumi" in process.name() and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return None
        return process if lives else None


def locks(folder: StateFolder) -> list[Lock]:
    """Every lock on the stack; one that a power failure cut short has the process id 0."""
    found = []
    for path in sorted(folder.locks.glob("*.json")):
        try:
            content = json.loads(path.read_text())
        except ValueError:
            content = None
        known = isinstance(content, dict) and isinstance(content.get("pid"), int) and content["pid"] > 0
        pid, host, since = (content[k] for k in ("pid", "hostname", "timestamp")) if known else (0, "", "")
        found.append(Lock(pid, host, since, path))
    return found


def release(folder: StateFolder) -> None:
    """Remove the locks of runs that were killed, and end what is left of them. Raises StackHeld."""
    found = locks(folder)
    for lock in found:
        if lock.pid and lock.host != socket.gethostname():
            raise StackHeld(
                f"A run on the machine {lock.host} holds the stack, since {lock.since}.",
                f"Wait until it ends. If that machine is gone, remove {lock.path}.",
            )
        if (holder := lock.holder) is not None:
            _end_orphan(lock, holder)
    if found:
        _end_plugins(folder)
        for lock in found:
            lock.path.unlink(missing_ok=True)
        console.print("  released the lock of a run that was killed")


def recover(stack: automation.Stack, access: Access) -> None:
    """Take what a killed run was creating into the state where the cluster has it, and forget it where it does not.

    Only a state with ids lets Pulumi go on: `up` refreshes it, and finds in the cluster how far each object is.
    Raises Failure when the cluster does not answer, and CommandError.
    """
    workspace = stack.workspace
    command, folder, environment = workspace.pulumi_command, workspace.work_dir, workspace.env_vars
    state = json.loads(command.run(["stack", "export", "--stack", stack.name], folder, environment).stdout)
    deployment = state.get("deployment") or {}
    pending = deployment.get("pending_operations") or []
    if not pending:
        return
    created = [operation["resource"] for operation in pending if operation["type"] == CREATING]
    there = [{**resource, "id": id_} for resource in created if (id_ := _id_in(access, resource)) is not None]
    deployment["resources"] = [*(deployment.get("resources") or []), *there]
    deployment["pending_operations"] = []
    file = Path(folder) / "recovered.json"
    write_atomically(file, json.dumps(state), mode=0o600)
    try:
        command.run(["stack", "import", "--stack", stack.name, "--file", str(file)], folder, environment)
    finally:
        file.unlink()
    console.print(f"  took over {len(there)} of {len(created)} objects that a run was creating when it was killed")


def settle_releases(access: Access, releases: Iterable[tuple[str, str]]) -> None:
    """Drop the revisions of Helm releases, given by namespace and name, whose upgrade was killed: they bar others.

    Helm refuses while the newest revision is pending ("another operation is in progress"). The last one that was
    deployed counts again, as after `helm rollback`. Raises Failure.
    """
    for namespace, name in releases:
        revisions = _revisions(access, namespace, name)
        if not any(status == DEPLOYED for _, status in revisions):
            continue  # one that was never installed is a pending creation
        for secret, status in revisions:
            if status.startswith("pending-"):
                access.run("-n", namespace, "delete", "secret", secret)
                console.print(f"  dropped a revision of Helm release {name} whose upgrade was killed")


def _end_orphan(lock: Lock, holder: psutil.Process) -> None:
    """Let a CLI end in order whose terminal program was killed. Raises StackHeld when it has a parent that lives."""
    parent = holder.parent()
    if parent is not None and parent.pid != 1 and parent.name() not in INIT:
        raise StackHeld(
            f"Another run holds the stack: process {lock.pid}, since {lock.since}.",
            "Wait until it ends. If it hangs, interrupt it: it ends in order.",
        )
    console.print(f"  waits for process {lock.pid}, which is left of a run that was killed, to end in order")
    with contextlib.suppress(psutil.NoSuchProcess):
        holder.send_signal(signal.SIGINT)
    for process in psutil.wait_procs([holder], timeout=ORPHAN_SECONDS)[1]:
        process.kill()
        psutil.wait_procs([process], timeout=PLUGIN_SECONDS)


def _end_plugins(folder: StateFolder) -> None:
    """Plugins of a killed CLI live on, and would go on with what it asked of them."""
    left = [process for process in psutil.process_iter() if _is_orphaned_plugin(process, str(folder.home))]
    for process in left:
        process.terminate()
    for process in psutil.wait_procs(left, timeout=PLUGIN_SECONDS)[1]:
        process.kill()


def _is_orphaned_plugin(process: psutil.Process, home: str) -> bool:
    """Whether a process was started by a CLI of this state folder that is gone."""
    try:
        ours = process.pid != os.getpid() and process.environ().get("PULUMI_HOME") == home
        return ours and ((parent := process.parent()) is None or parent.pid == 1 or parent.name() in INIT)
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False


def _id_in(access: Access, resource: Mapping[str, Any]) -> str | None:
    """The id of a resource that the cluster has; None where it has none. Only the state knows what is in no cluster."""
    inputs = resource.get("inputs", {})
    if not resource["type"].startswith("kubernetes:"):
        return None
    if resource["type"] == RELEASE:
        return _release_id(access, inputs.get("namespace", "default"), inputs["name"])
    metadata, group = inputs["metadata"], inputs["apiVersion"].rpartition("/")[0]
    kind = ".".join(part for part in (inputs["kind"].lower(), group) if part)
    namespace = ["-n", metadata["namespace"]] if "namespace" in metadata else []
    try:
        found = access.run("get", kind, metadata["name"], *namespace, "--ignore-not-found", "-o", "name")
    except Failure as failure:
        if "the server doesn't have a resource type" in str(failure):
            return None
        raise
    own = "/".join(part for part in (metadata.get("namespace"), metadata["name"]) if part)
    return own if found.strip() else None


def _release_id(access: Access, namespace: str, name: str) -> str | None:
    """The id of a Helm release that was installed. What is left of one that was not is removed: it bars a new one."""
    revisions = _revisions(access, namespace, name)
    if any(status == DEPLOYED for _, status in revisions):
        return f"{namespace}/{name}"
    for secret, _ in revisions:
        access.run("-n", namespace, "delete", "secret", secret)
    return None


def _revisions(access: Access, namespace: str, name: str) -> list[tuple[str, str]]:
    """The Secret and the status of each revision that Helm keeps of a release."""
    found = access.json("-n", namespace, "get", "secrets", "-l", f"owner=helm,name={name}")["items"]
    return [(item["metadata"]["name"], item["metadata"]["labels"].get("status", "")) for item in found]
