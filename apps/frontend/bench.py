"""How fast a journal answers, and whether it loses writes: `python bench.py https://journal.test --ca ca.pem`.

Clients keep their connections and send the next request when the answer is there. Prints JSON. Deletes the entries it
added. The load comes from one process of this machine, so it shares the processors with what it measures.
"""

import argparse
import asyncio
import itertools
import json
import re
import ssl
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from functools import partial
from urllib.parse import urlsplit

PAGE = 100
TEXT = "x" * 100
ANSWER_TIMEOUT = 30.0
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_ID = re.compile(rb'"id":"([^"]+)"')
_NEXT = re.compile(rb'"next":"([^"]+)"')


@dataclass(frozen=True)
class Server:
    """Where requests go. `address` is connected to in place of the URL's host."""

    url: str
    verify: ssl.SSLContext | None
    address: str | None = None

    def request(self, method: str, path: str, body: bytes = b"") -> bytes:
        head = f"{method} {path} HTTP/1.1\r\nhost: {urlsplit(self.url).netloc}\r\n"
        if body:
            head += f"content-type: application/json\r\ncontent-length: {len(body)}\r\n"
        return f"{head}\r\n".encode() + body

    async def connect(self, make: Callable[[], asyncio.Protocol]) -> None:
        """Raises OSError (ssl.SSLError is one) when it is not to be reached."""
        parts = urlsplit(self.url)
        tls = parts.scheme == "https"
        trust, name = (self.verify or ssl.create_default_context(), parts.hostname) if tls else (None, None)
        host, port = self.address or parts.hostname or "", parts.port or (443 if tls else 80)
        await asyncio.get_running_loop().create_connection(make, host, port, ssl=trust, server_hostname=name)


@dataclass
class Answers:
    """What came back. `bodies` of the good ones when they are kept."""

    keep: bool = False
    seconds: float = 0
    bodies: list[bytes] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    broken: int = 0

    @property
    def good(self) -> int:
        return sum(count for status, count in self.statuses.items() if 200 <= status < 300)

    @property
    def rate(self) -> float:
        return round(self.good / self.seconds, 1)

    @property
    def p99(self) -> float:
        """In ms."""
        ordered = sorted(self.latencies)
        return round(ordered[int(0.99 * (len(ordered) - 1))] * 1000, 2) if ordered else 0.0


class Client(asyncio.Protocol):
    """One connection: sends the next request when the answer to the last one is complete."""

    def __init__(self, requests: Iterator[bytes], answers: Answers, ended: asyncio.Future[None]) -> None:
        self._requests, self._answers, self._ended = requests, answers, ended
        self._received, self._sent, self._waiting = b"", 0.0, False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._next()

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, body = self._received.partition(b"\r\n\r\n")
        if not found:
            return
        length = _LENGTH.search(head)
        if len(body) < (int(length[1]) if length else 0):
            return
        status = int(head[9:12])
        self._answers.statuses[status] += 1
        self._answers.latencies.append(time.perf_counter() - self._sent)
        if self._answers.keep and 200 <= status < 300:
            self._answers.bodies.append(body)
        self._received, self._waiting = b"", False
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        self._answers.broken += self._waiting
        if not self._ended.done():
            self._ended.set_result(None)

    def _next(self) -> None:
        request = next(self._requests, None)
        if request is None:
            self._transport.close()
            return
        self._sent, self._waiting = time.perf_counter(), True
        self._transport.write(request)  # ty: ignore[missing-attribute] -- create_connection makes a Transport


async def send(server: Server, requests: Iterator[bytes], clients: int, *, keep: bool = False) -> Answers:
    """Sends all requests over `clients` connections, anew where one ends. Raises OSError when it cannot connect."""
    answers, done = Answers(keep=keep), False

    def until_done() -> Iterator[bytes]:
        nonlocal done
        yield from requests
        done = True

    async def client(shared: Iterator[bytes]) -> None:
        while not done:
            ended = asyncio.get_running_loop().create_future()
            await server.connect(partial(Client, shared, answers, ended))
            await ended

    shared, started = until_done(), time.perf_counter()
    await asyncio.gather(*(client(shared) for _ in range(clients)))
    answers.seconds = time.perf_counter() - started
    return answers


def during(seconds: float, make: Callable[[int], bytes]) -> Iterator[bytes]:
    end = time.perf_counter() + seconds
    return itertools.takewhile(lambda _: time.perf_counter() < end, map(make, itertools.count()))


async def ids(server: Server) -> list[bytes]:
    """Of all entries, newest first."""
    found, path = [], f"/api/entries?limit={PAGE}"
    while True:
        answers = await send(server, iter([server.request("GET", path)]), 1, keep=True)
        if not answers.bodies:
            raise OSError(f"GET {path} at {server.url} was answered {dict(answers.statuses)}")
        found += _ID.findall(answers.bodies[0])
        following = _NEXT.search(answers.bodies[0])
        if following is None:
            return found
        path = f"/api/entries?limit={PAGE}&cursor={following[1].decode()}"


@dataclass(frozen=True)
class Round:
    """Figures with a number of entries in the journal. Latencies in ms. `lost`: answered with 201, and not there."""

    entries: int
    reads_per_second: float
    read_p99: float
    writes_per_second: float
    write_p99: float
    written: int
    lost: int
    failed: int


@dataclass(frozen=True)
class Figures:
    clients: int
    seconds: float
    rounds: tuple[Round, ...]


async def measure(
    base_url: str,
    verify: ssl.SSLContext | None,
    clients: int = 50,
    seconds: float = 5,
    *,
    entries: tuple[int, ...] = (10, 1_000),
    address: str | None = None,
) -> Figures:
    """Reads (`GET /api`) and writes (`POST /api/entries`) for `seconds` each, with at least so many entries there.

    verify: what to trust for https, None for the machine's own. Raises OSError when the journal cannot be reached.
    """
    server = Server(base_url.rstrip("/"), verify, address)
    before = await ids(server)
    try:
        rounds = [await _round(server, clients, seconds, count) for count in entries]
    finally:
        await _delete(server, clients, set(await ids(server)) - set(before))
    return Figures(clients, seconds, tuple(rounds))


async def _round(server: Server, clients: int, seconds: float, count: int) -> Round:
    def write(number: int) -> bytes:
        return server.request("POST", "/api/entries", json.dumps({"text": f"{number} {TEXT}"}).encode())

    there = await ids(server)
    await send(server, map(write, range(count - len(there))), clients)
    there = await ids(server)
    reads = await send(server, during(seconds, lambda _: server.request("GET", "/api")), clients)
    writes = await send(server, during(seconds, write), clients, keep=True)
    written = {found for body in writes.bodies for found in _ID.findall(body)}
    after = set(await ids(server))
    await _delete(server, clients, after - set(there))
    return Round(
        entries=len(there),
        reads_per_second=reads.rate,
        read_p99=reads.p99,
        writes_per_second=writes.rate,
        write_p99=writes.p99,
        written=len(written),
        lost=len(written - after),
        failed=sum(sum(a.statuses.values()) - a.good + a.broken for a in (reads, writes)),
    )


async def _delete(server: Server, clients: int, gone: set[bytes]) -> None:
    await send(server, (server.request("DELETE", f"/api/entries/{entry.decode()}") for entry in gone), clients)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("url", help="of the journal, such as https://journal.test")
    parser.add_argument("--ca", help="file with the certificates to trust")
    parser.add_argument("--address", help="connect there in place of the URL's host")
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=5)
    given = parser.parse_args()
    verify = ssl.create_default_context(cafile=given.ca) if given.ca else None
    try:
        figures = asyncio.run(measure(given.url, verify, given.clients, given.seconds, address=given.address))
    except OSError as error:
        print(f"bench: {given.url}: {error}", file=sys.stderr)
        return 1
    print(json.dumps(asdict(figures), indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
