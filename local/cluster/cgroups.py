"""The machine's cgroup hierarchies: one folder of ours in each, made before the node starts, removed after it."""

import contextlib
import os
import time
from pathlib import Path

from local.cluster.errors import ClusterError
from local.cluster.layout import CGROUP

ROOT = Path("/sys/fs/cgroup")
CPU_HIERARCHIES = ("cpu", "cpuacct", "cpu,cpuacct", "cpuset")
NEEDED = ("cpu", "memory", "pids")
SHARES_PER_CPU = 1024  # cgroup v1's weight of a process: pods together weigh as much as one busy process on each CPU


def hierarchies(mountinfo: str) -> list[Path]:
    """Where cgroup v1 controllers are mounted, or v2's one root. Empty when neither is usable below /sys/fs/cgroup."""
    mounts = [(line.split()[4], line.split(" - ")[1].split()[0]) for line in mountinfo.splitlines() if " - " in line]
    if (str(ROOT), "cgroup2") in mounts:
        return [ROOT]
    return [Path(where) for where, kind in mounts if kind == "cgroup" and Path(where).parent == ROOT]


def missing(found: list[Path]) -> list[str]:
    """The controllers that kubelet needs and the machine lacks."""
    if found == [ROOT]:
        have = (ROOT / "cgroup.controllers").read_text().split()
    else:
        have = [path.name for path in found] + [name for path in found for name in path.name.split(",")]
    return [name for name in NEEDED if name not in have]


def folders() -> list[Path]:
    """Our folder in each hierarchy, made or not."""
    return [path / CGROUP for path in hierarchies(Path("/proc/self/mountinfo").read_text())]


def busy(ours: list[Path]) -> list[str]:
    """The process ids in the folders and below."""
    return sorted({pid for folder in ours for path in folder.rglob("cgroup.procs") for pid in path.read_text().split()})


def check() -> None:
    """Raises ClusterError when a controller is missing, or processes of another node are in our folders."""
    ours = folders()
    if pids := busy(ours):
        raise ClusterError(
            f"The cgroup {CGROUP} has processes: {' '.join(pids[:8])}.",
            "They belong to another node of this kind (another JOURNAL_STATE?): stop that, or end them.",
        )
    if lacking := missing([path.parent for path in ours]):
        raise ClusterError(
            f"The machine has no cgroup controller {', '.join(lacking)} below {ROOT}.",
            "Mount the cgroup hierarchies (v1 or v2); in a container, run it privileged.",
        )


def create() -> None:
    """Make the folders."""
    ours = folders()
    if ours[0].parent == ROOT:
        enabled = " ".join(f"+{name}" for name in (ROOT / "cgroup.controllers").read_text().split())
        (ROOT / "cgroup.subtree_control").write_text(enabled)
    for folder in ours:
        folder.mkdir(exist_ok=True)
        for name in ("cpuset.cpus", "cpuset.mems"):  # v1: empty until told
            if folder.parent != ROOT and (folder / name).exists():
                (folder / name).write_text((folder.parent / name).read_text())
        if (folder / "cpu.shares").exists():
            (folder / "cpu.shares").write_text(str(SHARES_PER_CPU * (os.cpu_count() or 1)))


def enter() -> None:
    """Move this process into a folder below ours, so that the limits of the shell that starts the node do not apply.

    Its children follow. With cgroup v1 the CPU hierarchies are left out: there each component keeps a weight of its
    own. With v2 every controller moves, because kubelet needs our folder to be empty.
    """
    for folder in folders():
        if folder.parent.name in CPU_HIERARCHIES:
            continue
        components = folder / "components"
        components.mkdir(exist_ok=True)
        (components / "cgroup.procs").write_text("0")
        if folder.parent == ROOT:
            enabled = " ".join(f"+{name}" for name in (folder / "cgroup.controllers").read_text().split())
            (folder / "cgroup.subtree_control").write_text(enabled)


def remove(seconds: float = 5.0) -> None:
    """Remove the folders; the kernel lets go of one soon after its last process ended."""
    deadline = time.monotonic() + seconds
    for folder in folders():
        while folder.exists():
            for path in sorted(folder.rglob("*/"), reverse=True):
                with contextlib.suppress(OSError):
                    path.rmdir()
            with contextlib.suppress(OSError):
                folder.rmdir()
            if time.monotonic() > deadline:
                break
            time.sleep(0.01)
