"""Processes that the tests start: redis-server, and the API as its image starts it."""

import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import hiredis
import httpx
import pytest

PATIENCE = 20.0
PASSWORD = "correct horse"
_COMMAND = [sys.executable, "-m", "journal_api"]


def eventually(holds: Callable[[], Any], what: str, within: float = PATIENCE) -> Any:
    """The first true value of `holds`. Fails the test when there is none in time."""
    deadline = time.monotonic() + within
    while not (value := holds()):
        if time.monotonic() > deadline:
            pytest.fail(f"not in {within:g} s: {what}")
        time.sleep(0.01)
    return value


def free_port() -> int:
    """Below the ports that Linux gives to outgoing connections: one of them may take it before a server listens."""
    while True:
        port = 20_000 + secrets.randbelow(10_000)
        with socket.socket() as sock, contextlib.suppress(OSError):
            sock.bind(("", port))
            return port


class Redis:
    """A redis-server with a password, in a folder of its own.

    A replica has its primary's port on an address of its own: the API has one port for both.
    """

    def __init__(self, folder: Path, primary: "Redis | None" = None) -> None:
        self.host, self.port = ("127.0.0.1", free_port()) if primary is None else ("127.0.0.2", primary.port)
        self.password = PASSWORD
        self._folder, self._primary = folder, primary
        self._process: subprocess.Popen[bytes] | None = None

    @contextlib.contextmanager
    def running(self) -> Generator["Redis"]:
        self._folder.mkdir(exist_ok=True)
        self.start()
        try:
            yield self
        finally:
            self.kill()

    def start(self) -> None:
        program = shutil.which("redis-server")
        if program is None:
            pytest.fail("redis-server is missing: apt-get install redis-server", pytrace=False)
        options = ["--port", str(self.port), "--bind", self.host, "--dir", str(self._folder), "--save", ""]
        options += ["--requirepass", self.password, "--masterauth", self.password, "--appendonly", "yes"]
        options += ["--repl-diskless-sync-delay", "0", "--logfile", "log"]
        if self._primary is not None:
            options += ["--replicaof", f"{self._primary.host} {self._primary.port}"]
            options += ["--replica-announce-ip", self.host]
        self._process = subprocess.Popen([program, *options])
        eventually(self._ready, "redis-server answers, and follows its primary")

    def kill(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.kill()
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """Stops the process as a machine that hangs would: its connections stay open, nothing answers."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def command(self, *command: str | int | bytes) -> Any:
        """The answer. Raises hiredis.ReplyError, or OSError when there is no server."""
        return self.commands(command)[-1]

    def commands(self, *commands: tuple[str | int | bytes, ...]) -> list[Any]:
        """The answers, all over one connection."""
        with socket.create_connection((self.host, self.port), timeout=5) as sock:
            answers = [_exchange(sock, *command) for command in (("AUTH", self.password), *commands)]
        for answer in answers:
            if isinstance(answer, hiredis.ReplyError):
                raise answer
        return answers[1:]

    def calls(self, command: str) -> int:
        """How often the server was given this command."""
        lines = self.command("INFO", "commandstats").decode().splitlines()
        found = [line for line in lines if line.startswith(f"cmdstat_{command.lower()}:")]
        return int(found[0].split("calls=")[1].split(",")[0]) if found else 0

    def _ready(self) -> bool:
        try:
            replication = self.command("INFO", "replication")
        except (OSError, hiredis.ReplyError):
            return False
        return self._primary is None or b"master_link_status:up" in replication


def _exchange(sock: socket.socket, *command: str | int | bytes) -> Any:
    reader = hiredis.Reader()
    sock.sendall(hiredis.pack_command(command))  # ty: ignore[invalid-argument-type] -- its stub is wrong
    while (answer := reader.gets()) is False:
        data = sock.recv(65536)
        if not data:
            raise ConnectionError("redis-server closed the connection")
        reader.feed(data)
    return answer


class Api:
    """The API's process. `settings` are further environment variables."""

    def __init__(self, folder: Path, *, read: Redis, write: Redis, **settings: str) -> None:
        self.port, management_port = free_port(), free_port()
        self.url, self.management = f"http://127.0.0.1:{self.port}", f"http://127.0.0.1:{management_port}"
        folder.mkdir(exist_ok=True)
        self.password_file, self._log = folder / "password", folder / "log"
        self.password_file.write_text(PASSWORD + "\n")
        self.environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(Path(__file__).parent.parent),
            "REDIS_READ_HOST": read.host,
            "REDIS_WRITE_HOST": write.host,
            "REDIS_PORT": str(write.port),
            "REDIS_PASSWORD_FILE": str(self.password_file),
            "HTTP_PORT": str(self.port),
            "MANAGEMENT_PORT": str(management_port),
            "DRAIN_SECONDS": "0.5",
            "READ_PATIENCE": "0",
            "READ_STALE": "0",
            "START_PATIENCE": "0",
            **settings,
        }
        self.process: subprocess.Popen[bytes] | None = None
        self.client = httpx.Client(base_url=self.url, trust_env=False, verify=False, timeout=10)

    @contextlib.contextmanager
    def running(self, *, ready: bool = True) -> Generator["Api"]:
        self.start(ready=ready)
        try:
            yield self
        finally:
            assert self.process is not None
            self.process.kill()
            self.process.wait()
            self.client.close()

    def run(self) -> int:
        """The status of a process that ends by itself."""
        return subprocess.run(_COMMAND, env=self.environment, stdout=subprocess.DEVNULL, timeout=PATIENCE).returncode

    def start(self, *, ready: bool = True) -> None:
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(_COMMAND, env=self.environment, stdout=log)
        eventually(self.is_ready if ready else self.is_alive, "the API answers")

    def connection(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)

    def exchange(self, request: bytes) -> bytes:
        """The start of the answer to these bytes, b"" when the server hangs up."""
        with self.connection() as sock:
            sock.sendall(request)
            return sock.recv(4096)

    def is_ready(self) -> bool:
        return self._probe("/readyz")

    def is_alive(self) -> bool:
        return self._probe("/livez")

    def log(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._log.read_text().splitlines()]

    def metric(self, line: str) -> float:
        """The value of the metric whose name and labels are given as Prometheus writes them."""
        text = self.client.get(f"{self.management}/metrics").text
        (found,) = [known for known in text.splitlines() if known.startswith(f"{line} ")]
        return float(found.rsplit(" ", 1)[1])

    def _probe(self, path: str) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, "the API ended"
        try:
            return self.client.get(self.management + path).status_code == 200
        except httpx.TransportError:
            return False
