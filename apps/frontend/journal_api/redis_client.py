"""A client of one Redis host on one connection of coredis, made anew whenever it is lost.

One connection, because its server tracks what was read through it (RESP3 client tracking): a pool, and coredis's own
TrackingCache, would read and be told of changes on different connections, which behind a Kubernetes Service end at
different servers. Any number of callers share it: commands are pipelined.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import coredis
from anyio import create_task_group, fail_after
from coredis.connection import TCPConnection, TCPLocation
from coredis.credentials import AbstractCredentialProvider, UserPass
from coredis.exceptions import (
    AuthenticationRequiredError,
    AuthorizationError,
    ClusterDownError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TryAgainError,
)
from coredis.exceptions import ConnectionError as Lost

from .primary import SECTIONS
from .settings import Address, read_password

CONNECT_TIMEOUT = 1.0
RETRY_DELAY = 0.25

# A server that hangs is found by a question once a second, so no command waits longer than the sum of both.
WATCH_INTERVAL = 1.0
ANSWER_TIMEOUT = 1.5
# How long the primary waits for another server to have a change.
COPY_TIMEOUT = 1.0
TRACKED_PREFIX = "journal:entries"

# Answers to a command that was not executed and that another connection, or a later moment, may answer better.
_ELSEWHERE = (ReadOnlyError, AuthenticationRequiredError)
_LATER = (Lost, TimeoutError, AuthorizationError, ClusterDownError, TryAgainError, *_ELSEWHERE)
_LATER_WORDS = ("MASTERDOWN", "BUSY", "MISCONF", "NOREPLICAS")

log = logging.getLogger(__name__)
logging.getLogger("coredis").setLevel(logging.CRITICAL)  # what it logs of lost connections is told here


class Unavailable(Exception):
    """Redis cannot answer now. Whether a command that was under way took effect is not known."""


class Full(Exception):
    """There is no room. The command was not executed."""


@dataclass(frozen=True, kw_only=True)
class Host(AbstractCredentialProvider):
    """A Redis server and its password. The role `write` needs a primary; `read` takes any server.

    sentinels: who to ask for the address of the primary named `primary`; with none, it is `address`.
    """

    role: Literal["read", "write"]
    address: Address
    password_file: Path
    sentinels: tuple[Address, ...] = ()
    primary: str = ""

    async def get_credentials(self) -> UserPass:
        """The password is read anew for each connection."""
        return UserPass("default", read_password(self.password_file))

    async def locate(self) -> TCPLocation:
        """Where to connect now. Raises RedisError when no sentinel knows a primary."""
        if not self.sentinels:
            return TCPLocation(self.address.host, self.address.port)
        options = {
            "credential_provider": self,
            "connect_timeout": CONNECT_TIMEOUT / 2,
            "stream_timeout": ANSWER_TIMEOUT,
        }
        known = [TCPLocation(sentinel.host, sentinel.port) for sentinel in self.sentinels]
        async with coredis.Sentinel(known, sentinel_kwargs=options) as sentinel:
            return TCPLocation(*await sentinel.discover_primary(self.primary))


class RedisClient:
    """Calls `on_change` when the server says that an entry changed (tracking in broadcast mode), and `on_loss` when it
    may not have said so: the connection is lost, or the server itself does not hear of changes.
    """

    def __init__(
        self, host: Host, on_change: Callable[["RedisClient"], None], on_loss: Callable[["RedisClient"], None]
    ) -> None:
        self.host, self.behind = host, False
        self._said = b""
        self._on_change, self._on_loss = on_change, on_loss
        self._connection: TCPConnection | None = None
        self._tried = asyncio.Event()
        self._problem = "not connected yet"

    @property
    def up(self) -> bool:
        return self._connection is not None and self._connection.usable

    @property
    def said(self) -> bytes:
        """INFO as the server answered within the last seconds; nothing while there is no connection."""
        return self._said if self.up else b""

    async def execute(self, command: bytes, *arguments: str | int | bytes, copies: int = 0) -> Any:
        """The answer, once `copies` other servers have the change that the command made.

        Raises Unavailable when there is none to be had now, Full, or RedisError for any other error.
        """
        try:
            try:
                return await self._once(command, *arguments, copies=copies)
            except _ELSEWHERE as error:
                log.warning("redis %s refused a command: %s", self.host.role, error)
                self._drop()
                return await self._once(command, *arguments, copies=copies)
        except _LATER as error:
            raise Unavailable(str(error) or "no answer") from None
        except ResponseError as error:
            if str(error).startswith("OOM"):
                raise Full("its storage has no room.") from None
            if str(error).startswith(_LATER_WORDS):
                raise Unavailable(str(error)) from None
            raise

    async def _once(self, command: bytes, *arguments: str | int | bytes, copies: int = 0) -> Any:
        if self._connection is not None and not self._connection.usable:
            self._drop()
        if self._connection is None:
            await self._tried.wait()
        if self._connection is None:
            raise Unavailable(self._problem)
        connection = self._connection
        answer = await connection.create_request(command, *arguments)
        # WAIT counts what came by the same connection: on another one it would be content at once.
        if copies:
            have: Any = await connection.create_request(b"WAIT", copies, round(COPY_TIMEOUT * 1000))
            if have < copies:
                raise Unavailable("no other server has the change yet")
        return answer

    async def run(self) -> None:
        """Keeps a connection until it is cancelled."""
        while True:
            problem: BaseException = Lost("the connection was lost")
            at, connected = "an address that no Sentinel tells", False
            try:
                async with create_task_group() as group:
                    with fail_after(CONNECT_TIMEOUT):
                        location = await self.host.locate()
                        at = f"{location.host}:{location.port}"
                        connection = TCPConnection(location, credential_provider=self.host, client_name="journal-api")
                        connection.register_connect_callback(self._prepare)
                        await group.start(connection.run)
                    self._connection, connected = connection, True
                    log.info("redis %s at %s is connected", self.host.role, at)
                    self._tried.set()
                    group.start_soon(self._listen, connection)
                    await self._watch(connection)
            except* (OSError, TimeoutError, ValueError, RedisError, Unavailable) as errors:
                problem = _first(errors)
            self._lost(at, problem, connected)
            await asyncio.sleep(0 if connected else RETRY_DELAY)

    async def _prepare(self, connection: TCPConnection) -> None:
        """Raises Unavailable when the server is not what the role needs."""
        self._look(await connection.create_request(b"INFO", *SECTIONS))
        await connection.create_request(b"CLIENT TRACKING", b"ON", b"BCAST", b"PREFIX", TRACKED_PREFIX)

    def _look(self, said: Any) -> None:
        if self.host.role == "write" and b"role:master" not in said:
            raise Unavailable("the server is a replica")
        self._said = said
        behind = b"master_link_status:down" in said
        if behind != self.behind:
            self.behind = behind
            self._on_loss(self)

    async def _listen(self, connection: TCPConnection) -> None:
        """Raises coredis's ConnectionError when the connection is lost."""
        async for _ in connection.push_messages:
            self._on_change(self)

    async def _watch(self, connection: TCPConnection) -> None:
        """Asks for the server's role. Raises TimeoutError when it hangs, Unavailable when the role is wrong."""
        while True:
            with fail_after(ANSWER_TIMEOUT):
                try:
                    self._look(await connection.create_request(b"INFO", *SECTIONS))
                except ResponseError as error:
                    log.debug("redis %s does not tell its role: %s", self.host.role, error)
            await asyncio.sleep(WATCH_INTERVAL)

    def _drop(self) -> None:
        """Ends the connection, so that the next command waits for a new one."""
        if self._connection is not None:
            self._tried.clear()
            self._connection.invalidate()
            self._connection = None

    def _lost(self, at: str, error: BaseException, connected: bool) -> None:
        """Commands wait for the attempt to connect that follows a lost connection, and for no other."""
        problem = str(error) or "it did not answer in time"
        if connected or problem != self._problem:
            log.warning("redis %s at %s is not available: %s", self.host.role, at, problem)
        if connected:
            self._tried.clear()
        else:
            self._tried.set()
        self._connection, self._problem = None, problem
        self._on_loss(self)


def _first(errors: BaseExceptionGroup) -> BaseException:
    error: BaseException = errors
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
