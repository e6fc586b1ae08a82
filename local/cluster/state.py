"""What is known of the running node."""

import contextlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.cluster.layout import NODE_ADDRESS, Layout

SUPERVISOR = "local.supervisor"


@dataclass(frozen=True)
class Node:
    """A running cluster: the node's address, and the administrator's kubeconfig (mode 0600)."""

    address: str
    kubeconfig: Path


@dataclass(frozen=True)
class ComponentStatus:
    """One component.

    pid: as the host sees it. since: its last start, seconds since the epoch. restarts: how often it was started after
    the first time. last_end: how it last ended (`signal 9`), or nothing.
    """

    name: str
    pid: int
    since: float
    restarts: int
    ready: bool
    last_end: str


@dataclass(frozen=True)
class Status:
    """node is None when no node runs. components: in the order they are started."""

    node: Node | None
    components: list[ComponentStatus]


def node_pid(layout: Layout) -> int:
    """The node's first process as the host sees it; 0 when it does not run."""
    try:
        pid = int((layout.run / "node.pid").read_text())
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError):
        return 0
    return pid if str(layout.spec).encode() in command else 0


def processes(layout: Layout) -> list[int]:
    """The process ids of every supervisor of this layout and its parent.

    A start that was killed before the supervisor wrote its process id leaves such processes.
    """
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                command = (entry / "cmdline").read_bytes().split(b"\0")
                if SUPERVISOR.encode() in command and str(layout.spec).encode() in command:
                    found.append(int(entry.name))
    return found


def read_report(layout: Layout) -> dict[str, Any]:
    """The supervisor's report: `digest` and `components`. Empty before its first report."""
    try:
        return json.loads(layout.status.read_text())
    except (OSError, ValueError):
        return {}


def settled(layout: Layout, *names: str) -> bool:
    """Whether the components, all of them when none is named, are ready."""
    components = read_report(layout).get("components", [])
    chosen = [c for c in components if not names or c["name"] in names]
    return bool(chosen) and all(c["ready"] for c in chosen)


def status(layout: Layout | None = None) -> Status:
    """The node and its components; components of a node that does not run are left out."""
    layout = layout or Layout.current()
    first = node_pid(layout)
    if not first:
        return Status(None, [])
    pids = _host_pids(first)
    components = [
        ComponentStatus(c["name"], pids.get(c["pid"], 0), c["since"], c["restarts"], c["ready"], c["last_end"])
        for c in read_report(layout).get("components", [])
        if c["pid"]
    ]
    return Status(Node(NODE_ADDRESS, layout.kubeconfig), components)


def _host_pids(parent: int) -> dict[int, int]:
    """Process id on the node to process id on the host, of a process's children."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            lines = dict(line.split(":", 1) for line in (entry / "status").read_text().splitlines())
        except (OSError, ValueError):
            continue
        if int(lines["PPid"]) == parent:
            found[int(lines["NSpid"].split()[-1])] = int(entry.name)
    return found
