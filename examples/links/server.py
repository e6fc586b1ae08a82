"""A link shortener: PUT /NAME with an address as the body, GET /NAME to be redirected there. Standard library alone.

It runs on port 8080 and keeps the addresses in Redis. `REDIS_READ_HOST` and `REDIS_WRITE_HOST` name the servers,
/etc/redis-auth/password holds the password.
"""

import os
import re
import signal
import socket
import sys
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

PORT, REDIS_PORT = 8080, 6379
PASSWORD_FILE = Path("/etc/redis-auth/password")
NAME = re.compile(r"/([A-Za-z0-9_-]{1,64})")
TARGET = re.compile(rb"https?://[A-Za-z0-9][!-~]*")
LONGEST = 2048
"""Bytes of an address."""


class RedisError(OSError):
    """Redis refused a command."""


def encode(*words: bytes) -> bytes:
    """A command in RESP, Redis' protocol."""
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in words)


def ask(host: str, *command: bytes) -> bytes | None:
    """Redis' answer to one command; None where there is no such key. Raises OSError."""
    with socket.create_connection((host, REDIS_PORT), timeout=2) as connection, closing(connection.makefile("rb")) as f:
        connection.sendall(encode(b"AUTH", PASSWORD_FILE.read_bytes().strip()) + encode(*command))
        for line in (f.readline(), f.readline()):
            if not line.startswith((b"+", b"$")):
                raise RedisError(line.decode(errors="replace").strip())
        length = int(line[1:]) if line.startswith(b"$") else -1
        return None if length < 0 else f.read(length)


class Handler(BaseHTTPRequestHandler):
    """One request."""

    timeout = 10

    def do_GET(self) -> None:
        if self.path == "/healthz":
            self._answer(200, "ok")
        elif found := NAME.fullmatch(self.path):
            self._redirect(found[1])
        else:
            self._answer(404, "There is no such page.")

    def do_PUT(self) -> None:
        found, length = NAME.fullmatch(self.path), self.headers.get("Content-Length", "")
        if found is None or not length.isdecimal() or int(length) > LONGEST:
            self._answer(400, f"PUT /NAME (letters, digits, _ and -) with an address of up to {LONGEST} bytes.")
            return
        target = self.rfile.read(int(length))
        if TARGET.fullmatch(target) is None:
            self._answer(400, "The body must be an address: https://…")
            return
        try:
            ask(os.environ["REDIS_WRITE_HOST"], b"SET", found[1].encode(), target)
        except OSError as error:
            self._answer(503, f"Redis: {error}")
            return
        self._answer(201, "Made.")

    def _redirect(self, name: str) -> None:
        try:
            target = ask(os.environ["REDIS_READ_HOST"], b"GET", name.encode())
        except OSError as error:
            self._answer(503, f"Redis: {error}")
            return
        if target is None:
            self._answer(404, "There is no such link.")
        else:
            self._answer(302, "", {"Location": target.decode()})

    def _answer(self, status: int, text: str, headers: dict[str, str] | None = None) -> None:
        body = f"{text}\n".encode()
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    ThreadingHTTPServer(("", PORT), Handler).serve_forever()
