"""Starts the components in order, starts again what dies, and stops them in order on SIGTERM."""

import contextlib
import json
import os
import select
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from local.supervisor.probes import Prober
from local.supervisor.spec import Component, NodeSpec
from tools.files import write_atomically

LOG_BYTES = 8 * 2**20  # a log that grows beyond is moved to NAME.log.1
STABLE_SECONDS = 30.0  # who lived so long is started again at once
LONGEST_DELAY = 10.0
TICK = 0.05
CONTAINER_SECONDS = 8.0
# What is stopped together, and how long it may take. Kubelet first, or it would start containers again.
PHASES: tuple[tuple[tuple[str, ...], float], ...] = (
    (("agent", "kube-proxy", "kube-scheduler", "kube-controller-manager"), 1.0),
    (("kube-apiserver",), 2.0),
    (("etcd",), 5.0),
    (("containerd",), 2.0),
)


def delay(failures: int) -> float:
    """Seconds until a component is started again: 0, 0.2, 0.4, … after it died `failures` times in a row."""
    return 0.0 if failures <= 1 else min(0.1 * 2 ** (failures - 1), LONGEST_DELAY)


@dataclass
class Process:
    """What is known of a component. pid 0: it does not run. Times are monotonic seconds, `since` wall clock."""

    component: Component
    pid: int = 0
    ready: bool = False
    started: float = 0.0
    since: float = 0.0
    not_before: float = 0.0
    failures: int = 0
    restarts: int = -1
    last_end: str = ""


def startable(process: Process, others: dict[str, Process], now: float) -> bool:
    """Whether to start a component now: it does not run, what it requires is ready, its delay is over."""
    if process.pid or now < process.not_before or (process.component.once and process.ready):
        return False
    return all(others[name].ready for name in process.component.requires)


def followers(dead: str, others: dict[str, Process]) -> list[Process]:
    """The running components to stop because `dead` died."""
    return [p for p in others.values() if p.pid and p.component.follows and dead in p.component.requires]


class Supervisor:
    """Runs a node until SIGTERM or SIGINT."""

    def __init__(self, spec: NodeSpec) -> None:
        self._spec, self._logs = spec, spec.folder("logs")
        self._processes = {c.name: Process(c) for c in spec.components}
        self._prober = Prober(spec.folder("pki"))
        self._stopping = False
        self._written = ""

    def run(self) -> None:
        """Returns when everything is stopped."""
        reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)
        checked = 0.0
        while not self._stopping:
            now = time.monotonic()
            self._reap(now)
            self._probe()
            self._start_due(now)
            self._write_status()
            if now - checked > 5:
                checked = now
                self._limit_logs()
            if select.select([reader], [], [], TICK if self._waiting() else 1.0)[0]:
                os.read(reader, 4096)
        stop_in_order({name: p.pid for name, p in self._processes.items() if p.pid})

    def _stop(self, *_: object) -> None:
        self._stopping = True

    def _waiting(self) -> bool:
        return any(not p.ready for p in self._processes.values())

    def _reap(self, now: float) -> None:
        for pid, status in reap():
            for process in self._processes.values():
                if process.pid == pid:
                    self._ended(process, os.waitstatus_to_exitcode(status), now)

    def _ended(self, process: Process, code: int, now: float) -> None:
        process.pid, process.last_end = 0, f"signal {-code}" if code < 0 else f"status {code}"
        if process.component.once and code == 0:
            process.ready = True
            return
        followed = process.component.follows and not all(self._processes[n].ready for n in process.component.requires)
        if not followed:
            process.failures = 1 if now - process.started > STABLE_SECONDS else process.failures + 1
            process.not_before = now + delay(process.failures)
            print(f"{time.strftime('%FT%TZ', time.gmtime())} {process.component.name}: {process.last_end}", flush=True)
        process.ready = False
        for follower in followers(process.component.name, self._processes):
            os.kill(follower.pid, signal.SIGKILL)
            follower.ready = False

    def _probe(self) -> None:
        for process in self._processes.values():
            if process.pid and not process.ready and not process.component.once:
                process.ready = self._prober.ready(process.component.probe)

    def _start_due(self, now: float) -> None:
        for process in self._processes.values():
            if startable(process, self._processes, now):
                self._start(process, now)

    def _start(self, process: Process, now: float) -> None:
        command = process.component.command
        log = self._logs / f"{process.component.name}.log"
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        actions = [
            (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(log), flags, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ]
        process.pid = os.posix_spawnp(
            command[0], command, os.environ, file_actions=actions, setsid=True, setsigdef=[signal.SIGPIPE]
        )
        process.started, process.since, process.restarts = now, time.time(), process.restarts + 1

    def _write_status(self) -> None:
        """Write what `status` shows, when it changed."""
        components = [
            {
                "name": name,
                "pid": process.pid,
                "since": process.since,
                "restarts": process.restarts,
                "ready": process.ready,
                "last_end": process.last_end,
            }
            for name, process in self._processes.items()
        ]
        text = json.dumps({"digest": self._spec.digest, "components": components})
        if text != self._written:
            self._written = text
            write_atomically(self._spec.folder("run") / "status.json", text)

    def _limit_logs(self) -> None:
        """The components append, so a log can be emptied under them."""
        for log in self._logs.glob("*.log"):
            if log.stat().st_size > LOG_BYTES:
                log.with_suffix(".log.1").write_bytes(log.read_bytes())
                os.truncate(log, 0)


def reap() -> Iterator[tuple[int, int]]:
    """Every child that ended: process id and wait status. Orphans of the whole node are our children."""
    with contextlib.suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            yield ended


def stop_in_order(pids: dict[str, int]) -> None:
    """Stop the components (name to process id), containers after kubelet."""
    _terminate([pids.get("kubelet", 0)], 2.0)
    _terminate(containers(Path("/proc")), CONTAINER_SECONDS)
    for names, seconds in PHASES:
        _terminate([pids.get(name, 0) for name in names], seconds)


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


def _terminate(pids: list[int], seconds: float) -> None:
    """Send SIGTERM, and SIGKILL to those that still run after `seconds`."""
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
