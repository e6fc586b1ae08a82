"""The API as its image starts it, on a Redis of its own."""

import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tools import environments, packages, stack
from tools.failures import Failure, tail
from tools.ports import free_port

FOLDER = stack.ROOT / "apps" / "frontend"
START_SECONDS = 20


@contextmanager
def running() -> Generator[str]:
    """Its URL. Raises Failure when it does not start."""
    if missing := packages.missing_packages({"redis-server": "redis-server"}):
        packages.install(missing)
    python = environments.prepare(FOLDER.name, FOLDER / "requirements-dev.lock")
    redis_port, port, management = free_port(), free_port(), free_port()
    with tempfile.TemporaryDirectory() as temporary:
        folder, password = Path(temporary), secrets.token_urlsafe()
        (folder / "password").write_text(password)
        (folder / "redis.conf").write_text(f"port {redis_port}\nbind 127.0.0.1\nrequirepass {password}\nsave ''\n")
        environment = {
            "REDIS_READ_HOST": "127.0.0.1",
            "REDIS_WRITE_HOST": "127.0.0.1",
            "REDIS_PORT": str(redis_port),
            "REDIS_PASSWORD_FILE": str(folder / "password"),
            "HTTP_PORT": str(port),
            "MANAGEMENT_PORT": str(management),
            "DRAIN_SECONDS": "0",
        }
        with (
            (folder / "log").open("wb") as log,
            _process([str(shutil.which("redis-server")), str(folder / "redis.conf")], folder, {}, log),
            _process([str(python), "-m", "journal_api"], FOLDER, environment, log) as api,
        ):
            _await(api, f"http://127.0.0.1:{management}/readyz", folder / "log")
            yield f"http://127.0.0.1:{port}"


@contextmanager
def _process(command: list[str], folder: Path, environment: dict[str, str], log) -> Generator[subprocess.Popen]:  # noqa: ANN001
    process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _await(process: subprocess.Popen, url: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(url, trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise Failure("The API does not start.", "What it said stands above.", tail(log.read_text()))
