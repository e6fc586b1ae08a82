"""A name server for tests: every name has the same IPv4 addresses, which the test may change."""

import socket
import threading
from dataclasses import dataclass, field

HEADER, FOOTER = 12, 4
"""Bytes before a question's name (ids, flags, counts), and after it (type and class). Source: RFC 1035, 4.1."""


def answer(query: bytes, addresses: list[str]) -> bytes:
    """The answer to a query with one question: an A record for each address, good for a second."""
    question = query[HEADER : query.index(b"\0", HEADER) + 1 + FOOTER]
    counts = b"".join(number.to_bytes(2, "big") for number in (1, len(addresses), 0, 0))
    record = b"\xc0\x0c" + b"\0\1" + b"\0\1" + (1).to_bytes(4, "big") + b"\0\4"
    records = b"".join(record + socket.inet_aton(address) for address in addresses)
    return query[:2] + b"\x81\x80" + counts + question + records


@dataclass
class Names:
    """A name server on a free UDP port of 127.0.0.1. addresses: what every name leads to. asked: how often."""

    addresses: list[str]
    asked: int = 0
    _socket: socket.socket = field(default_factory=lambda: socket.socket(type=socket.SOCK_DGRAM))

    def __post_init__(self) -> None:
        self._socket.bind(("127.0.0.1", 0))
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def port(self) -> int:
        return self._socket.getsockname()[1]

    def _serve(self) -> None:
        while True:
            query, client = self._socket.recvfrom(512)
            self.asked += 1
            self._socket.sendto(answer(query, self.addresses), client)
