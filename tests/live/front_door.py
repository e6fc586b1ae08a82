"""Bytes that no HTTP client would send, over TLS, and what comes back."""

import re
import socket
import ssl
import time
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Answer:
    """What came before the connection was closed. status: 0 where there was no answer. seconds: until it was closed."""

    status: int
    head: str
    body: bytes
    seconds: float

    def values(self, name: str) -> list[str]:
        """The values of every header of that name."""
        return re.findall(rf"^{name}: *(.*?)\r?$", self.head, re.IGNORECASE | re.MULTILINE)

    @property
    def apart(self) -> "list[Answer]":
        """The answers to each of several requests that were sent on one connection."""
        said = self.head.encode("latin-1") + b"\r\n\r\n" + self.body
        return [_parsed(one, self.seconds) for one in re.split(rb"(?=HTTP/1\.1 \d{3} )", said) if one]


def _parsed(said: bytes, seconds: float) -> Answer:
    head, _, body = said.partition(b"\r\n\r\n")
    found = re.match(rb"HTTP/1\.[01] (\d{3})", said)
    return Answer(int(found[1]) if found else 0, head.decode("latin-1"), body, seconds)


def unverified() -> ssl.SSLContext:
    """A TLS context for tests that are not about who answers."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


@dataclass(frozen=True)
class Door:
    """Where HTTPS is answered. source: the address that connections come from."""

    host: str
    address: str
    port: int = 443
    source: str = ""
    tls: ssl.SSLContext = field(default_factory=unverified)

    def connect(self) -> ssl.SSLSocket:
        """A connection. Raises OSError where TLS is refused."""
        plain = socket.create_connection((self.address, self.port), timeout=40, source_address=(self.source, 0))
        try:
            return self.tls.wrap_socket(plain, server_hostname=self.host)
        except OSError:
            plain.close()
            raise

    def ask(self, *parts: bytes) -> Answer:
        """The answer to these bytes, until the server closes the connection."""
        began = time.monotonic()
        with self.connect() as connection:
            said = _exchange(connection, parts)
        return _parsed(said, time.monotonic() - began)

    def get(self, path: str, *headers: str, host: str | None = None, method: str = "GET") -> Answer:
        """The answer to a request that asks for the connection's end."""
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self.host if host is None else host}", "Connection: close"]
        return self.ask("\r\n".join([*lines, *headers, "", ""]).encode())


def _exchange(connection: ssl.SSLSocket, parts: Iterable[bytes]) -> bytes:
    """A server that has refused may close before it has read all, and lose what it said: then there is no answer."""
    said = b""
    try:
        for part in parts:
            connection.sendall(part)
        while received := connection.recv(65536):
            said += received
    except (ConnectionError, ssl.SSLError):
        pass
    return said
