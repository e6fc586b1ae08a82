"""The journal's services as their images start them: the API, on a Redis of its own, and the sign-in."""

import json
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import IO

import httpx

from components.journal.auth import private_jwk, public_set
from tools import environments, packages, stack
from tools.failures import Failure, tail
from tools.ports import free_port

START_SECONDS = 60


@contextmanager
def api() -> Generator[str]:
    """The URL of its description. Raises Failure when it does not start."""
    if missing := packages.missing_packages({"redis-server": "redis-server"}):
        packages.install(missing)
    port, password = free_port(), secrets.token_urlsafe()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "password").write_text(password)
        (folder / "redis.conf").write_text(f"port {port}\nbind 127.0.0.1\nrequirepass {password}\nsave ''\n")
        environment = {
            "REDIS_READ_HOST": "127.0.0.1",
            "REDIS_WRITE_HOST": "127.0.0.1",
            "REDIS_PORT": str(port),
            "REDIS_PASSWORD_FILE": str(folder / "password"),
        }
        redis = [str(shutil.which("redis-server")), str(folder / "redis.conf")]
        with (
            (folder / "log").open("wb") as log,
            _process(redis, folder, {}, log),
            _application("frontend", "journal_api", environment, folder / "log") as url,
        ):
            yield f"{url}/api/openapi.json"


@contextmanager
def auth() -> Generator[str]:
    """The URL of its description; nobody can sign in. Raises Failure when it does not start."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        key = private_jwk(secrets.token_urlsafe(), 1)
        (folder / "key.json").write_text(json.dumps(key))
        (folder / "keys.json").write_text(public_set([key]))
        (folder / "users").mkdir()
        environment = {
            "ISSUER": "https://journal.test/auth",
            "AUDIENCE": "https://journal.test/api",
            "SIGNING_KEY_FILE": str(folder / "key.json"),
            "KEYS_FILE": str(folder / "keys.json"),
            "USERS_FOLDER": str(folder / "users"),
        }
        with _application("auth", "journal_auth", environment, folder / "log") as url:
            yield f"{url}/auth/openapi.json"


SERVICES: dict[str, Callable[[], AbstractContextManager[str]]] = {"the API": api, "the sign-in": auth}


@contextmanager
def _application(folder: str, module: str, environment: dict[str, str], log: Path) -> Generator[str]:
    """Its URL, once it is ready."""
    root, port, management = stack.ROOT / "apps" / folder, free_port(), free_port()
    python = environments.prepare(folder, root / "requirements-dev.lock")
    ports = {"HTTP_PORT": str(port), "MANAGEMENT_PORT": str(management), "DRAIN_SECONDS": "0"}
    with log.open("ab") as file, _process([str(python), "-m", module], root, environment | ports, file) as process:
        _await(process, f"http://127.0.0.1:{management}/readyz", log)
        yield f"http://127.0.0.1:{port}"


@contextmanager
def _process(
    command: list[str], folder: Path, environment: dict[str, str], log: IO[bytes]
) -> Generator[subprocess.Popen]:
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
    raise Failure("The service does not start.", "What it said stands above.", tail(log.read_text()))
