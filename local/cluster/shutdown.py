"""Stopping a node in order, from within: nothing that was acknowledged is lost, and containers may finish."""

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

CONTAINER_SECONDS = 8.0
# What is stopped together, and how long it may take. Kubelet first, or it would start containers again.
PHASES: tuple[tuple[tuple[str, ...], float], ...] = (
    (("agent", "kube-proxy", "kube-scheduler", "kube-controller-manager"), 1.0),
    (("kube-apiserver",), 2.0),
    (("etcd",), 5.0),
    (("containerd",), 2.0),
)


def reap() -> Iterator[tuple[int, int]]:
    """Every child that ended: process id and wait status. Orphans of the whole node are our children."""
    with contextlib.suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            yield ended


def stop(pids: dict[str, int]) -> None:
    """Stop the components (name to process id), containers after kubelet."""
    _end([pids.get("kubelet", 0)], 2.0)
    _end(containers(Path("/proc")), CONTAINER_SECONDS)
    for names, seconds in PHASES:
        _end([pids.get(name, 0) for name in names], seconds)


def containers(proc: Path) -> list[int]:
    """The first process of every container, but for those that only hold a pod's namespaces."""
    stats = dict(_stats(proc))
    shims = {pid for pid, (name, _) in stats.items() if name.startswith("containerd-shim")}
    return [pid for pid, (name, parent) in stats.items() if parent in shims and name != "pause"]


def _stats(proc: Path) -> Iterator[tuple[int, tuple[str, int]]]:
    for entry in proc.iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                text = (entry / "stat").read_text()
                name, rest = text[text.index("(") + 1 : text.rindex(")")], text[text.rindex(")") + 2 :]
                yield int(entry.name), (name, int(rest.split()[1]))


def _end(pids: list[int], seconds: float) -> None:
    """SIGTERM, and SIGKILL for who is still there after `seconds`."""
    living = [pid for pid in pids if pid]
    for chosen, limit in ((signal.SIGTERM, seconds), (signal.SIGKILL, 2.0)):
        for pid in living:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, chosen)
        deadline = time.monotonic() + limit
        while (living := [pid for pid in living if _lives(pid)]) and time.monotonic() < deadline:
            time.sleep(0.01)


def _lives(pid: int) -> bool:
    for _ in reap():
        pass
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
