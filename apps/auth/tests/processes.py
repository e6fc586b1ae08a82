"""The sign-in's process, as its image starts it, with keys and users in files."""

import base64
import contextlib
import json
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from journal_auth.passwords import HASHER

PATIENCE = 60.0
NAME, PASSWORD = "alice", "correct horse battery"
ISSUER, AUDIENCE, SESSION = "https://journal.test/auth", "https://journal.test/api", 600
_COMMAND = [sys.executable, "-m", "journal_auth"]
_ROOT = str(Path(__file__).parent.parent)


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


def _text(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


class Key:
    """An Ed25519 key."""

    def __init__(self, kid: str) -> None:
        self.kid, self.private = kid, Ed25519PrivateKey.generate()
        x = self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        d = self.private.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
        self.public_jwk = {"kty": "OKP", "crv": "Ed25519", "x": _text(x), "kid": kid, "use": "sig", "alg": "EdDSA"}
        self.private_jwk = {**self.public_jwk, "d": _text(d)}


def replace(path: Path, text: str) -> None:
    """As the kubelet does: readers see the old content or the new one, never a part."""
    new = path.with_name(f"..{path.name}")
    new.write_text(text)
    new.replace(path)


class Auth:
    """The process. `settings` are further environment variables."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.port, management_port = free_port(), free_port()
        self.url, self.management = f"http://127.0.0.1:{self.port}", f"http://127.0.0.1:{management_port}"
        self.users, self.signing_file, self.keys_file = folder / "users", folder / "key.json", folder / "keys.json"
        self._log = folder / "log"
        self.users.mkdir(parents=True)
        self.keys = [Key("one"), Key("two")]
        self.sign_with(self.keys[0])
        self.publish(self.keys)
        (self.users / NAME).write_text(HASHER.hash(PASSWORD) + "\n")
        self.environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": _ROOT,
            "ISSUER": ISSUER,
            "AUDIENCE": AUDIENCE,
            "SESSION_SECONDS": str(SESSION),
            "SIGNING_KEY_FILE": str(self.signing_file),
            "KEYS_FILE": str(self.keys_file),
            "USERS_FOLDER": str(self.users),
            "HTTP_PORT": str(self.port),
            "MANAGEMENT_PORT": str(management_port),
            "DRAIN_SECONDS": "0.2",
            **settings,
        }
        self.process: subprocess.Popen[bytes] | None = None
        self.client = httpx.Client(base_url=self.url, trust_env=False, verify=False, timeout=30)

    def sign_with(self, key: Key) -> None:
        replace(self.signing_file, json.dumps(key.private_jwk))

    def publish(self, keys: Sequence[Key]) -> None:
        replace(self.keys_file, json.dumps({"keys": [key.public_jwk for key in keys]}))

    def login(self, name: str = NAME, password: str = PASSWORD, **headers: str) -> httpx.Response:
        return self.client.post("/auth/login", json={"name": name, "password": password}, headers=headers)

    @contextlib.contextmanager
    def running(self) -> Generator["Auth"]:
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(_COMMAND, env=self.environment, stdout=log)
        try:
            eventually(self.is_ready, "the sign-in answers")
            yield self
        finally:
            self.process.kill()
            self.process.wait()
            self.client.close()

    def run(self) -> subprocess.CompletedProcess[str]:
        """A process that ends by itself."""
        return subprocess.run(_COMMAND, env=self.environment, capture_output=True, text=True, timeout=PATIENCE)

    def is_ready(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, "the sign-in ended"
        try:
            return self.client.get(f"{self.management}/readyz").status_code == 200
        except httpx.TransportError:
            return False

    def log(self) -> str:
        return self._log.read_text()
