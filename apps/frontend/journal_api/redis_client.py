"""A client of one Redis host, which connects again whenever its connection is lost."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import hiredis

from .connection import Connection, Unavailable
from .settings import read_password

CONNECT_TIMEOUT = 1.0
RETRY_DELAY = 0.25

# A server that hangs is found by a question once a second, so no command waits longer than the sum of both.
WATCH_INTERVAL = 1.0
ANSWER_TIMEOUT = 1.5
TRACKED_PREFIX = "journal:entries"

# Answers to a command that was not executed and that another connection, or a later moment, may answer better.
_ELSEWHERE = ("READONLY", "NOAUTH")
_LATER = ("LOADING", "MASTERDOWN", "BUSY", "OOM", "MISCONF", "NOREPLICAS", "TRYAGAIN", "CLUSTERDOWN", "NOPERM")

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Host:
    """The address of a Redis and its password. The role `write` needs a primary; `read` takes any server."""

    role: Literal["read", "write"]
    name: str
    port: int
    password_file: Path


class RedisClient:
    """Calls `on_change` whenever what was read through this client may be out of date.

    The server tracks the entries for this connection (RESP3 client tracking in broadcast mode), so that is: when an
    entry changes, and when the connection is lost. Tracking belongs to the connection that reads, because behind a
    Kubernetes service each connection may end at another server.
    """

    def __init__(self, host: Host, on_change: Callable[["RedisClient"], None]) -> None:
        self.host = host
        self.behind = False
        self._on_change = on_change
        self._connection: Connection | None = None
        self._tried = asyncio.Event()
        self._lost = asyncio.Event()
        self._problem = "not connected yet"
        self._task: asyncio.Task[None] | None = None

    @property
    def up(self) -> bool:
        return self._connection is not None

    def start(self) -> None:
        self._task = asyncio.create_task(self._maintain(), name=f"redis-{self.host.role}")

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.abort()

    async def execute(self, *command: str | int | bytes) -> Any:
        """The answer. Raises Unavailable when there is none to be had now, hiredis.ReplyError for any other error."""
        answer = await self._once(*command)
        if _is_error(answer, _ELSEWHERE):
            log.warning("redis %s at %s refused a command: %s", self.host.role, self.host.name, answer)
            self._drop()
            answer = await self._once(*command)
        if _is_error(answer, _ELSEWHERE + _LATER):
            raise Unavailable(str(answer))
        if isinstance(answer, hiredis.ReplyError):
            raise answer
        return answer

    async def _once(self, *command: str | int | bytes) -> Any:
        if self._connection is None:
            await self._tried.wait()
        if self._connection is None:
            raise Unavailable(self._problem)
        return await self._connection.execute(*command)

    async def _maintain(self) -> None:
        while True:
            try:
                async with asyncio.timeout(CONNECT_TIMEOUT):
                    self._connection = await self._connect()
            except (OSError, TimeoutError, ValueError, Unavailable) as error:
                self._fail(error)
                await asyncio.sleep(RETRY_DELAY)
            else:
                log.info("redis %s at %s is connected", self.host.role, self.host.name)
                self._tried.set()
                await self._watch()

    async def _connect(self) -> Connection:
        """A connection that is logged in and tracks the entries. The password is read anew for each one."""
        password = read_password(self.host.password_file)
        self._lost.clear()
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(
            lambda: Connection(self._changed, self._connection_lost), self.host.name, self.host.port
        )
        try:
            hello = await connection.execute("HELLO", 3, "AUTH", "default", password, "SETNAME", "journal-api")
            if isinstance(hello, hiredis.ReplyError):
                raise Unavailable(str(hello))
            if self.host.role == "write" and hello[b"role"] != b"master":
                raise Unavailable("the server is a replica")
            tracking = await connection.execute("CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", TRACKED_PREFIX)
            if isinstance(tracking, hiredis.ReplyError):
                raise Unavailable(str(tracking))
        except BaseException:
            connection.abort()
            raise
        return connection

    async def _watch(self) -> None:
        """Until the connection is lost: ask for the server's role, and leave a primary that became a replica."""
        while self._connection is not None:
            try:
                async with asyncio.timeout(ANSWER_TIMEOUT):
                    replication = await self._connection.execute("INFO", "replication")
            except TimeoutError:
                log.warning("redis %s at %s did not answer in %g s", self.host.role, self.host.name, ANSWER_TIMEOUT)
                self._drop()
                continue
            except Unavailable:
                continue
            if isinstance(replication, bytes):
                self._set_behind(b"master_link_status:down" in replication)
                if self.host.role == "write" and b"role:master" not in replication:
                    self._drop()
            try:
                async with asyncio.timeout(WATCH_INTERVAL):
                    await self._lost.wait()
            except TimeoutError:
                continue

    def _set_behind(self, behind: bool) -> None:
        if behind != self.behind:
            self.behind = behind
            self._changed()

    def _fail(self, error: BaseException) -> None:
        problem = str(error) or f"no connection in {CONNECT_TIMEOUT:g} s"
        if problem != self._problem:
            log.warning("redis %s at %s is not available: %s", self.host.role, self.host.name, problem)
        self._problem = problem
        self._tried.set()

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.abort()

    def _changed(self) -> None:
        self._on_change(self)

    def _connection_lost(self, connection: Connection) -> None:
        if connection is self._connection:
            log.warning("redis %s at %s: the connection was lost", self.host.role, self.host.name)
            self._connection, self._problem = None, "the connection was lost"
            self._tried.clear()
        self._lost.set()
        self._on_change(self)


def _is_error(answer: object, words: tuple[str, ...]) -> bool:
    return isinstance(answer, hiredis.ReplyError) and str(answer).split(" ", 1)[0] in words
