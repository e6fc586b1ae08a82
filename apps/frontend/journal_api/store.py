"""The journal in Redis: each entry is kept on its own, and every change is one atomic script on the server.

`journal:index`            sorted set of the ids, all with score 0, so in lexical order; that is order of creation
`journal:entries`          hash: id → "<updated, µs since 1970> <the JSON as it was sent>"
`journal:idempotency:<key>` "<id> <fingerprint of the request>", for a day

An id is 13 hex digits of the server's time in µs and 8 random ones: after a failover that lost a write, its id never
comes to mean another entry.
"""

import asyncio
import hashlib
import random
import re
import time
from collections.abc import Awaitable, Callable
from importlib.resources import files
from typing import Any, NamedTuple

from coredis.exceptions import NoScriptError

from .redis_client import ANSWER_TIMEOUT, TRACKED_PREFIX, Full, Host, RedisClient, Unavailable

INDEX, ENTRIES, IDEMPOTENCY = "journal:index", TRACKED_PREFIX, "journal:idempotency:"
ID = re.compile(r"[0-9a-f]{21}")
REMEMBER_SECONDS = 24 * 3600

# Replicas lag by tens of ms. For this long after a change is heard of, reads ask the primary.
PRIMARY_SECONDS = 1.0
RETRY_SECONDS = 0.1

Question = Callable[[RedisClient], Awaitable[Any]]


class KeyReused(Exception):
    """The idempotency key came with another request before."""


class NoEntry(Exception):
    """There is no entry with this id."""

    def __init__(self, id: str) -> None:
        super().__init__(id)
        self.id = id


class Record(NamedTuple):
    """An entry as it is kept. Times in µs since 1970; `item` is the JSON as it was sent."""

    id: str
    updated: int
    item: bytes

    @property
    def created(self) -> int:
        return int(self.id[:13], 16)


class Script:
    """A Lua script, sent by its hash and in full when the server does not know it."""

    def __init__(self, name: str, *, reads: bool = False) -> None:
        folder = files("journal_api") / "scripts"
        self._text = f"{(folder / 'page.lua').read_text()}\n{(folder / name).read_text()}"
        self._sha = hashlib.sha1(self._text.encode(), usedforsecurity=False).hexdigest()
        self._by_hash, self._in_full = (b"EVALSHA_RO", b"EVAL_RO") if reads else (b"EVALSHA", b"EVAL")

    async def run(
        self, client: RedisClient, keys: tuple[str, ...], *arguments: str | int | bytes, copies: int = 0
    ) -> Any:
        try:
            return await client.execute(self._by_hash, self._sha, len(keys), *keys, *arguments, copies=copies)
        except NoScriptError:
            return await client.execute(self._in_full, self._text, len(keys), *keys, *arguments, copies=copies)


_LIST = Script("list.lua", reads=True)
_APPEND, _REPLACE, _DELETE = Script("append.lua"), Script("replace.lua"), Script("delete.lua")


class Store:
    """The journal. `on_change` is called whenever what was read before is out of date, and `on_loss` when changes may
    not have been heard of: what was read before was right until then. `on_answer` is called when a server answers.

    Every reading and writing method raises Unavailable when Redis cannot answer, those that need room raise Full.
    `limit` is the largest number of entries, 0 for as many as Redis has room for. A change is answered when `copies`
    servers beside the primary have it. A read that no server answers is tried again for `patience` seconds.
    """

    def __init__(
        self,
        read: Host,
        write: Host,
        on_change: Callable[[], None],
        on_loss: Callable[[], None],
        on_answer: Callable[[], None],
        *,
        limit: int = 0,
        copies: int = 0,
        patience: float = 0,
    ) -> None:
        self._read = RedisClient(read, self._changed, self._lost)
        self._write = RedisClient(write, self._changed, self._lost)
        self._on_change, self._on_loss, self._on_answer = on_change, on_loss, on_answer
        self._limit, self._copies, self._patience = limit, copies, patience
        self._ask_primary_until = 0.0

    async def run(self) -> None:
        """Keeps the connections until it is cancelled."""
        await asyncio.gather(self._read.run(), self._write.run())

    def connected(self, role: str) -> bool:
        """Whether there is a connection to the host of this role."""
        return (self._write if role == "write" else self._read).up

    def primary_said(self) -> bytes:
        """The primary's INFO, as of the last seconds; nothing while there is no connection to one."""
        return self._write.said

    async def append(
        self, item: bytes, *, newest: int = 0, key: str | None = None, fingerprint: str = ""
    ) -> tuple[Record, list[Record]]:
        """The new entry, and the `newest` entries after it was added.

        `key` is a client's idempotency key, `fingerprint` is another one when its request is another one. Raises
        KeyReused.
        """
        keys, memory = (INDEX, ENTRIES), ()
        if key is not None:
            keys, memory = (*keys, IDEMPOTENCY + key), (fingerprint, REMEMBER_SECONDS)
        arguments = (f"{random.getrandbits(32):08x}", item, newest, self._limit, *memory)
        entry_id, found = await self._change(_APPEND, keys, *arguments)
        if entry_id is None:
            raise KeyReused
        if not entry_id:
            raise Full(f"it holds {self._limit:,} entries, which is its limit.")
        return Record(entry_id.decode(), int(entry_id[:13], 16), item), _records(found)

    async def replace(self, entry_id: str, item: bytes) -> Record:
        """The entry with its new item. Raises NoEntry."""
        return _record(entry_id, await self._change(_REPLACE, (ENTRIES,), entry_id, item))

    async def delete(self, entry_id: str) -> None:
        """Raises NoEntry."""
        if not await self._change(_DELETE, (INDEX, ENTRIES), entry_id):
            raise NoEntry(entry_id)

    async def newest(self, count: int, *, before: str | None = None) -> list[Record]:
        """At most `count` entries, newest first; only those older than the id `before` when it is given."""
        bound = "+" if before is None else f"({before}"
        return _records(await self._patiently(lambda client: _LIST.run(client, (INDEX, ENTRIES), bound, count)))

    async def get(self, entry_id: str) -> Record:
        """The entry. One that a replica does not know is looked for on the primary: the replica may lag.

        Raises NoEntry.
        """
        return _record(entry_id, await self._patiently(lambda client: client.execute(b"HGET", ENTRIES, entry_id)))

    async def ping(self) -> None:
        """One read, by the way that entries are read, without patience."""
        await self._ask(lambda client: _LIST.run(client, (INDEX, ENTRIES), "+", 1))

    async def _patiently(self, question: Question) -> Any:
        """While another server becomes primary, a read waits for it: it can't do harm twice, as a write could."""
        deadline = time.monotonic() + self._patience
        while True:
            try:
                return await self._ask(question)
            except Unavailable:
                if time.monotonic() >= deadline:
                    raise
                await asyncio.sleep(RETRY_SECONDS)

    async def _ask(self, question: Question) -> Any:
        """What the first of both servers answers that knows an answer; None when the primary, or the only one that
        answers, knows none.
        """
        errors: list[Unavailable] = []
        for client in self._readers():
            try:
                async with asyncio.timeout(ANSWER_TIMEOUT):
                    answer = await question(client)
            except TimeoutError:
                errors.append(Unavailable("no answer in time"))
            except Unavailable as error:
                errors.append(error)
            else:
                self._on_answer()
                if answer is not None or client is self._write:
                    return answer
        if len(errors) == 2:
            raise errors[-1]
        return None

    async def _change(self, script: Script, keys: tuple[str, ...], *arguments: str | int | bytes) -> Any:
        try:
            answer = await script.run(self._write, keys, *arguments, copies=self._copies)
        except BaseException:  # of a client that left too: nobody was told that the change was made
            self._lost(self._write)
            raise
        self._changed(self._write)
        return answer

    def _changed(self, client: RedisClient) -> None:
        self._prefer_primary(client)
        self._on_change()

    def _lost(self, client: RedisClient) -> None:
        self._prefer_primary(client)
        self._on_loss()

    def _prefer_primary(self, client: RedisClient) -> None:
        if client is self._write:
            self._ask_primary_until = time.monotonic() + PRIMARY_SECONDS

    def _readers(self) -> tuple[RedisClient, RedisClient]:
        """Both clients, the one to ask first at the front: a read never fails while one of them can answer."""
        fresh = time.monotonic() >= self._ask_primary_until
        if self._read.up and fresh and not self._read.behind:
            return self._read, self._write
        return self._write, self._read


def _record(entry_id: str, value: bytes | None) -> Record:
    if value is None:
        raise NoEntry(entry_id)
    updated, _, item = value.partition(b" ")
    return Record(entry_id, int(updated), item)


def _records(pairs: list[bytes]) -> list[Record]:
    """Of a flat list id, value, id, value, …"""
    return [_record(entry_id.decode(), value) for entry_id, value in zip(pairs[::2], pairs[1::2], strict=True)]
