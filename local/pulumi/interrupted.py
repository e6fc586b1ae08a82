"""What a run that was killed leaves behind: its lock, its plugins, and objects that it was about to create.

Pulumi's file backend keeps a lock file that names the process which wrote it, and the state names each operation that
was under way (Pulumi docs, "Interrupted updates").
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from pulumi import automation

from local.access import Access
from local.pulumi.workspace import StateFolder
from tools.failures import Failure

CREATING = "creating"
RELEASE = "kubernetes:helm.sh/v3:Release"
ORPHAN_SECONDS = 60.0
"""How long a CLI may take to end in order after the program that started it was killed."""
PLUGIN_SECONDS = 5.0
"""How long a plugin may take to end when it is told to."""


class StackHeld(Failure):
    """A living process holds the stack."""


@dataclass(frozen=True)
class Lock:
    """A lock file. pid: of the process that holds it. since: as Pulumi wrote it, with its time zone."""

    pid: int
    since: str
    path: Path

    @property
    def holder(self) -> psutil.Process | None:
        """Its process while that lives. Another program that got the process id later is not it."""
        try:
            process = psutil.Process(self.pid)
            return process if "pulumi" in process.name() else None
        except psutil.NoSuchProcess:
            return None


def locks(folder: StateFolder) -> list[Lock]:
    """Every lock on the stack."""
    found = []
    for path in sorted(folder.locks.glob("*.json")):
        content = json.loads(path.read_text())
        found.append(Lock(int(content["pid"]), str(content["timestamp"]), path))
    return found


def recover(folder: StateFolder, stack: automation.Stack, access: Access) -> list[str]:
    """Put in order what an interrupted run left, and say what that was.

    An object that was about to be created is taken into the state where the cluster has it, and forgotten where it
    does not: `up` then goes on. Raises StackHeld when a living process holds the stack, and CommandError.
    """
    said = []
    for lock in locks(folder):
        if lock.holder is not None:
            _await(lock, lock.holder)
    if locks(folder):
        _end_plugins(folder)
        stack.cancel()
        said.append("released the lock of a run that was killed")
    pending = list(_pending(stack))
    if pending:
        there = [(urn, id_) for urn, id_, object_ in pending if _exists(access, object_)]
        _refresh(stack, there)
        said.append(f"took over {len(there)} of {len(pending)} resources that an interrupted run was creating")
    return said


def _await(lock: Lock, holder: psutil.Process) -> None:
    """Wait for a CLI whose terminal program was killed: it was interrupted and ends in order. Raises StackHeld."""
    parent = holder.parent()
    if parent is None or parent.pid == 1:
        try:
            holder.wait(ORPHAN_SECONDS)
        except psutil.TimeoutExpired:
            holder.kill()
            holder.wait()
        return
    raise StackHeld(
        f"Another run holds the stack: process {lock.pid}, since {lock.since}.",
        "Wait until it ends. If it hangs, interrupt it: it ends in order.",
    )


def _end_plugins(folder: StateFolder) -> None:
    """Plugins of a killed CLI live on, and would go on with what it asked of them."""
    left = [process for process in psutil.process_iter() if _is_orphan(process, str(folder.home))]
    for process in left:
        process.terminate()
    for process in psutil.wait_procs(left, timeout=PLUGIN_SECONDS)[1]:
        process.kill()


def _is_orphan(process: psutil.Process, home: str) -> bool:
    try:
        command, parent = process.cmdline(), process.parent()
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return False
    return any(part.startswith(home) for part in command) and (parent is None or "pulumi" not in parent.name())


def _pending(stack: automation.Stack) -> Iterator[tuple[str, str, dict[str, Any] | None]]:
    """URN, id and inputs of each resource that a run was creating when it ended. The id is Kubernetes' own."""
    deployment = stack.export_stack().deployment or {}
    for operation in deployment.get("pending_operations", ()):
        if operation["type"] != CREATING:
            continue
        resource = operation["resource"]
        inputs = resource.get("inputs", {})
        if not resource["type"].startswith("kubernetes:"):
            yield resource["urn"], "", None
        elif resource["type"] == RELEASE:
            namespace, name = inputs.get("namespace", "default"), inputs["name"]
            yield resource["urn"], f"{namespace}/{name}", _helm_secret(namespace, name)
        else:
            metadata = inputs["metadata"]
            parts = (metadata.get("namespace"), metadata["name"])
            yield resource["urn"], "/".join(part for part in parts if part), inputs


def _helm_secret(namespace: str, name: str) -> dict[str, Any]:
    """Helm keeps each revision of a release in a Secret; the first one says that there is a release."""
    return {"kind": "Secret", "metadata": {"namespace": namespace, "name": f"sh.helm.release.v1.{name}.v1"}}


def _exists(access: Access, object_: dict[str, Any] | None) -> bool:
    """Whether the cluster has an object."""
    if object_ is None:
        return False
    metadata = object_["metadata"]
    group = object_.get("apiVersion", "v1").rpartition("/")[0]
    kind = ".".join(part for part in (object_["kind"].lower(), group) if part)
    namespace = ["-n", metadata["namespace"]] if "namespace" in metadata else []
    try:
        return bool(access.run("get", kind, metadata["name"], *namespace, "--ignore-not-found", "-o", "name").strip())
    except Failure:  # a kind that the cluster does not know yet
        return False


def _refresh(stack: automation.Stack, there: Iterable[tuple[str, str]]) -> None:
    """Import what is there, forget the rest; the Automation API has no word for the first."""
    imports = [part for urn, id_ in there for name in (urn, id_) for part in ("--import-pending-creates", name)]
    target = [part for urn, _ in there for part in ("--target", urn)]
    for arguments in ([*imports, *target], ["--clear-pending-creates"]):
        if arguments:
            stack.workspace.pulumi_command.run(
                ["refresh", "--yes", "--skip-preview", "--stack", stack.name, *arguments],
                stack.workspace.work_dir,
                {**stack.workspace.env_vars},
            )
