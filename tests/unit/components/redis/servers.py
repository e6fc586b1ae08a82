"""Servers and Sentinels as processes of this machine, started by the scripts that the pods run."""

import contextlib
import itertools
import os
import re
import resource
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from components.redis.redis import FILES
from tools.packages import TEST_APT

PASSWORD = "correct-horse"
PORT, STATE_PORT, SENTINEL_PORT = 16379, 16380, 26379
DOWN_AFTER = 1.0
"""Seconds after which Sentinels hold a server to be down; 5 in a cluster."""
FAST = (
    "info-period",
    "300",
    "ping-period",
    "200",
    "publish-period",
    "300",
    "ask-period",
    "200",
    "election-timeout",
    "2000",
)
"""Makes a Sentinel ask and tell more often than it would, so that tests wait less."""
_networks = itertools.count(1)


def eventually(holds: Callable[[], Any], what: str, within: float = 15) -> Any:
    """The first true answer. Fails when there is none in time."""
    end = time.monotonic() + within
    while not (answer := holds()):
        if time.monotonic() > end:
            pytest.fail(f"not in {within:g} s: {what}")
        time.sleep(0.03)
    return answer


class Server:
    """A pod: a server with its volume, and the Sentinel beside it."""

    def __init__(self, folder: Path, host: str, hosts: list[str], configuration: str) -> None:
        self.host, self._folder = host, folder
        self.data, self.files, self.log = folder / "data", folder / "files", folder / "log"
        for path in (self.data, self.files, folder / "run", folder / "auth"):
            path.mkdir(parents=True)
        for path in FILES.iterdir():
            shutil.copy(path, self.files)
        with (self.files / "redis.conf").open("a") as file:
            file.write(configuration)
        self.password = PASSWORD
        self.accept(PASSWORD)
        self._environment = {
            "PATH": os.environ["PATH"],
            "NAME": "redis",
            "SERVERS": " ".join(hosts),
            "SELF": host,
            "QUORUM": "2",
            "PORT": str(PORT),
            "STATE_PORT": str(STATE_PORT),
            "SENTINEL_PORT": str(SENTINEL_PORT),
            "BIND": host,
            "LOCAL": host,
            "DATA": str(self.data),
            "RUN": str(folder / "run"),
            "FILES": str(self.files),
            "AUTH": str(folder / "auth"),
            "DOWN_AFTER": str(int(DOWN_AFTER * 1000)),
            "PATIENCE": "3",
        }
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._hurried = False

    def accept(self, *passwords: str) -> None:
        """Mounts a Secret anew, as the kubelet does: all at once. The first password is the one to use."""
        auth = self._folder / "auth"
        (auth / "next").write_text("\n".join(passwords))
        (auth / "next").replace(auth / "accepted")

    def accept_one(self, password: str) -> None:
        """Mounts a Secret from before there was a list of passwords."""
        auth = self._folder / "auth"
        (auth / "password").write_text(password)
        (auth / "accepted").unlink(missing_ok=True)

    def accepts(self, password: str, port: int = PORT) -> bool:
        """Whether a new connection may come with this password."""
        done = subprocess.run(
            ["timeout", "2", "redis-cli", "-h", self.host, "-p", str(port)],
            input=f"AUTH {password}\n",
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout.strip() == "OK"

    def start(self, *, sentinel: bool = True) -> None:
        self._run("server", "launch.sh")
        if sentinel:
            self._run("sentinel", "sentinel.sh")

    def _run(self, name: str, script: str) -> None:
        if name in self._processes:
            if self._processes[name].poll() is None:
                return
            self.kill(name)
        self._hurried = False
        with self.log.open("ab") as log:
            self._processes[name] = subprocess.Popen(
                ["sh", self.files / script],
                env=self._environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
                # Python ignores SIGXFSZ, and then the server does: a limit of a file's size is an error, as ENOSPC is.
                restore_signals=False,
            )

    def restart(self) -> None:
        """Starts a server, or Sentinel, that ended by itself, as the kubelet does."""
        for name, script in {"server": "launch.sh", "sentinel": "sentinel.sh"}.items():
            if name in self._processes and self._processes[name].poll() is not None:
                self._run(name, script)

    def script(self, script: str, *arguments: str) -> tuple[int, str]:
        """The exit code of a script that the kubelet or a person runs in the container, and what it says."""
        command = ["sh", self.files / script, *arguments]
        done = subprocess.run(command, env=self._environment, capture_output=True, text=True, check=False)
        return done.returncode, done.stderr.strip()

    def output(self, script: str, *arguments: str) -> str:
        command = ["sh", self.files / script, *arguments]
        return subprocess.run(command, env=self._environment, capture_output=True, text=True, check=False).stdout

    def kill(self, *names: str) -> None:
        """SIGKILL to all processes of the pod, or of one container of it."""
        for name in names or tuple(self._processes):
            if process := self._processes.pop(name, None):
                with contextlib.suppress(ProcessLookupError):  # the server may have ended, and all it started
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        (self._folder / "run" / "state.sock").unlink(missing_ok=True)

    def freeze(self) -> None:
        for process in self._processes.values():
            os.killpg(process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        for process in self._processes.values():
            os.killpg(process.pid, signal.SIGCONT)

    def limit_files(self, size: int) -> None:
        """Lets the server write no file beyond this size, as on a disk that is full."""
        resource.prlimit(self._processes["server"].pid, resource.RLIMIT_FSIZE, (size, size))

    def never_copies(self) -> None:
        """From its next start on, the primary refuses this server as a replica."""
        script = self.files / "launch.sh"
        script.write_text(re.sub("^masterauth .*", "masterauth wrong", script.read_text(), flags=re.MULTILINE))

    def wait_for_others(self, seconds: int) -> None:
        """From its next start on, it waits so long for servers that say nothing."""
        self._environment["PATIENCE"] = str(seconds)

    def empty(self) -> None:
        shutil.rmtree(self.data)
        self.data.mkdir()

    def ask(self, *command: str, port: int = PORT) -> str:
        """The answer; an error's text; nothing when nobody answers."""
        line = " ".join(f'"{word}"' for word in command)
        done = subprocess.run(
            ["timeout", "2", "redis-cli", "-h", self.host, "-p", str(port)],
            input=f"AUTH {self.password}\n{line}\n",
            capture_output=True,
            text=True,
            check=False,
        )
        return "\n".join(done.stdout.splitlines()[1:]).strip() if done.returncode == 0 else ""

    def hurry(self) -> None:
        if not self._hurried:
            self._hurried = self.ask("SENTINEL", "DEBUG", *FAST, port=SENTINEL_PORT) == "OK"

    def add(self, entries: str) -> bool:
        return self.ask("RPUSH", "entries", entries).isdecimal()

    def info(self, name: str) -> str:
        found = [line.partition(":")[2] for line in self.ask("INFO").splitlines() if line.startswith(f"{name}:")]
        return found[0] if found else ""

    @property
    def said(self) -> str:
        return self.log.read_text() if self.log.exists() else ""


class Cluster:
    """Servers on addresses of their own in 127.0.0.0/8."""

    def __init__(self, folder: Path, servers: int, configuration: str) -> None:
        network = f"127.{os.getpid() % 250 + 1}.{next(_networks) % 250}"
        hosts = [f"{network}.{number + 1}" for number in range(servers)]
        self.servers = [Server(folder / str(number), host, hosts, configuration) for number, host in enumerate(hosts)]

    def __getitem__(self, number: int) -> Server:
        return self.servers[number]

    def start(self) -> "Cluster":
        for server in self.servers:
            server.start()
        return self

    def kill(self) -> None:
        for server in self.servers:
            server.kill()

    def primary(self) -> Server:
        """The primary, once it is one that takes writes, and all that run follow it."""
        return eventually(self._primary, "a primary takes writes")

    def _primary(self) -> Server | None:
        for server in self.servers:
            server.hurry()
        found = [server for server in self.servers if server.info("role") == "master"]
        return found[0] if len(found) == 1 and found[0].ask("SET", "probe", "1") == "OK" else None

    def complete(self) -> Server:
        """The primary, once all others follow it and may take over, and all Sentinels agree."""

        def holds() -> Server | None:
            for server in self.servers:
                server.restart()
            primary = self._primary()
            others = [server for server in self.servers if server is not primary]
            ok = f"status=ok,address={'' if primary is None else primary.host}:{PORT},slaves={len(others)}"
            agreed = all(ok in server.ask("INFO", "sentinel", port=SENTINEL_PORT) for server in self.servers)
            linked = all(server.info("master_link_status") == "up" for server in others)
            ready = all(server.info("slave_priority") == "100" for server in others)
            return primary if agreed and linked and ready else None

        return eventually(holds, "all servers follow one primary, and all Sentinels know", 60)


def require() -> None:
    if shutil.which("redis-server") is None:
        pytest.fail(f"redis-server is missing: apt-get install {TEST_APT['redis-server']}", pytrace=False)
