"""What stands before the framework: an account of every request, and the pages that are kept in memory."""

import asyncio
import contextlib
import itertools
import json
import os
import re
import time
from collections.abc import Awaitable, Callable, Hashable
from functools import partial
from typing import Any, NamedTuple, cast

from litestar.types import ASGIApp, HTTPResponseBodyEvent, HTTPResponseStartEvent, Message, Receive, Scope, Send

from . import metrics
from .cache import Cache, Stale
from .logs import RequestLog

_SANE_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_ALWAYS = [(b"cache-control", b"no-store")]
_CLIENT_LEFT, _UNAVAILABLE = 499, 503

STALE_AFTER = 0.5
"""Seconds for which a reading is waited for where there is an older answer."""


def header(scope: Scope, name: bytes) -> bytes:
    """The first header of that name (lower case), b"" when there is none."""
    return next((value for known, value in scope["headers"] if known == name), b"")


class Account:
    """Gives each request an id, logs it and counts it, and says with each answer which version answers.

    `draining` set to True asks clients, with each answer, to connect anew: elsewhere.
    """

    def __init__(self, app: ASGIApp, version: str) -> None:
        self.draining = False
        self._always = [*_ALWAYS, (b"journal-version", version.encode("ascii", "replace"))]
        self._app, self._log = app, RequestLog()
        self._process, self._counter = os.urandom(4).hex(), itertools.count(1)

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        started, status = time.perf_counter(), 0
        given = header(scope, b"x-request-id").strip()
        request_id = given.decode() if _SANE_ID.fullmatch(given) else f"{self._process}-{next(self._counter):x}"
        scope["state"] = {"request_id": request_id}
        path, client = scope["path"], scope["client"]

        async def heard() -> Any:
            nonlocal status
            message = await receive()
            if message["type"] == "http.disconnect" and not status:
                status = _CLIENT_LEFT
            return message

        async def answer(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = status or message["status"]
                headers = [*message["headers"], (b"x-request-id", request_id.encode()), *self._always]
                if self.draining:
                    headers.append((b"connection", b"close"))
                await send({**message, "headers": headers})
            else:
                await send(message)

        await self._app(scope, heard, answer)
        seconds = time.perf_counter() - started
        route = scope.get("path_template", "unknown").replace(":str}", "}")
        metrics.observe(scope["method"], route, status, seconds)
        self._log.add(
            request_id=request_id,
            client=client[0].removeprefix("::ffff:")[:64] if client else "",
            method=scope["method"],
            path=path[:256],
            status=status,
            **({"user": scope["state"]["user"]} if "user" in scope["state"] else {}),
            milliseconds=round(seconds * 1000, 3),
        )


class Page(NamedTuple):
    """What the framework sent for a request."""

    messages: tuple[Message, ...]
    route: str
    request_id: str

    @property
    def status(self) -> int:
        return cast(HTTPResponseStartEvent, self.messages[0])["status"]

    @property
    def kept(self) -> bool:
        return self.status == 200

    def aged(self, seconds: float) -> "Page":
        """The same, with the header Age (RFC 9111, 5.1)."""
        start = cast(HTTPResponseStartEvent, self.messages[0])
        headers = [*start["headers"], (b"age", b"%d" % max(1, round(seconds)))]
        return self._replace(messages=({**start, "headers": headers}, *self.messages[1:]))

    def renamed(self, request_id: str) -> "Page":
        """The same problem, for a request that waited for the same reading: a problem names its own request."""
        if request_id == self.request_id:
            return self
        start, body = cast(HTTPResponseStartEvent, self.messages[0]), cast(HTTPResponseBodyEvent, self.messages[1])
        content = json.dumps(json.loads(body["body"]) | {"request_id": request_id}, separators=(",", ":")).encode()
        headers = [
            (name, str(len(content)).encode() if name == b"content-length" else value)
            for name, value in start["headers"]
        ]
        messages: tuple[Message, ...] = ({**start, "headers": headers}, {**body, "body": content})
        return self._replace(messages=messages, request_id=request_id)


class Pages:
    """Answers GET, and HEAD as GET, from memory; a browser's origin is part of the key because the answer names it.

    may_read: whether a request may have what is in memory; the application itself answers those that may not.
    stale: for how many seconds after Redis was found away its last answers are given in the place of an error.
    """

    def __init__(
        self, app: ASGIApp, cache: Cache[Page], may_read: Callable[[Any], bool] | None = None, *, stale: float = 0
    ) -> None:
        self._app, self._cache, self._may_read, self._stale = app, cache, may_read, stale

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        if scope["method"] not in ("GET", "HEAD"):
            await self._app(scope, receive, send)
            return
        if self._may_read is not None and not self._may_read(scope):
            asked: Any = {**scope, "method": "GET"}
            await self._app(asked, receive, send)
            scope["path_template"] = asked.get("path_template", "unknown")
            return
        key = (scope["path"], scope["query_string"], header(scope, b"origin"))
        page = self._cache.get(key)
        if page is None:
            page = await self._load(key, partial(self._read, {**scope, "method": "GET"}, receive))
            if not page.kept:
                page = page.renamed(scope["state"]["request_id"])
        scope["path_template"] = page.route
        for message in page.messages:
            await send(message)

    async def _load(self, key: Hashable, read: Callable[[], Awaitable[Page]]) -> Page:
        """What Redis says, or else what it said last, where nothing that changed it was heard of (RFC 5861, 4)."""
        if self._last(key) is None:
            return await self._cache.load(key, read)
        page = None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STALE_AFTER):
                page = await self._cache.load(key, read)
        if page is not None and page.status != _UNAVAILABLE:
            return page
        last = self._last(key)
        if last is not None:
            return last.answer.aged(last.age)
        return await self._cache.load(key, read) if page is None else page

    def _last(self, key: Hashable) -> Stale[Page] | None:
        last = self._cache.stale(key)
        return last if last is not None and last.age < self._stale else None

    async def _read(self, scope: Any, receive: Receive) -> Page:
        messages: list[Message] = []

        async def keep(message: Message) -> None:
            messages.append(message)

        await self._app(scope, receive, keep)
        return Page(tuple(messages), scope.get("path_template", "unknown"), scope["state"]["request_id"])
