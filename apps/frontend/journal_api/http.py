"""A request and an answer, as plain as ASGI allows."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

import orjson

from .problem import Header, Problem

MAX_BODY = 64 * 1024
BODY_TIMEOUT = 10.0

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_JSON = {"application/json", ""}
# What curl -d and HTML forms say. The book's clients post JSON under it.
_ANY_TEXT = _JSON | {"text/plain", "application/x-www-form-urlencoded"}


class Disconnected(Exception):
    """The client left before its request was complete."""


class Answer(NamedTuple):
    status: int
    body: bytes
    headers: tuple[Header, ...] = ()


def json_answer(value: object, status: int = 200, *headers: Header) -> Answer:
    return Answer(status, orjson.dumps(value), headers)


class Request:
    """One request. `values` are the values of the route's placeholders."""

    __slots__ = ("_receive", "_scope", "id", "method", "path", "values")

    def __init__(self, scope: Scope, receive: Receive, request_id: str) -> None:
        self._scope, self._receive = scope, receive
        self.id, self.method, self.path = request_id, scope["method"], scope["path"]
        self.values: tuple[str, ...] = ()

    def header(self, name: bytes) -> str:
        """The first header of that name (lower case), "" when there is none."""
        for known, value in self._scope["headers"]:
            if known == name:
                return value.decode("latin-1").strip()
        return ""

    def parameters(self, *allowed: str) -> dict[str, str]:
        """The query's parameters. Raises Problem 400 for any other, or one given twice."""
        given = parse_qsl(self._scope["query_string"].decode("latin-1"), keep_blank_values=True)
        errors = [
            {"parameter": name, "detail": f"unknown: {' and '.join(allowed) or 'none'} can be given"}
            for name, _ in given
            if name not in allowed
        ]
        if len(dict(given)) < len(given):
            errors.append({"parameter": "", "detail": "each parameter can be given once"})
        if errors:
            raise Problem(400, "The query has wrong parameters.", errors=errors)
        return dict(given)

    async def body(self, *, any_text: bool = False) -> bytes:
        """The whole body, which claims to be JSON. Raises Problem 408, 413 or 415, or Disconnected."""
        self._check_type(_ANY_TEXT if any_text else _JSON)
        length = self.header(b"content-length")
        if length.isdecimal() and int(length) > MAX_BODY:
            raise _too_large()
        try:
            async with asyncio.timeout(BODY_TIMEOUT):
                return await self._read()
        except TimeoutError:
            raise Problem(408, f"The body did not arrive in {BODY_TIMEOUT:g} s.", headers=(_CLOSE,)) from None

    async def _read(self) -> bytes:
        body = b""
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise Disconnected
            body += message.get("body", b"")
            if len(body) > MAX_BODY:
                raise _too_large()
            if not message.get("more_body", False):
                return body

    def _check_type(self, allowed: set[str]) -> None:
        kind, _, parameters = self.header(b"content-type").lower().partition(";")
        charset = parameters.strip().removeprefix("charset=").strip('"')
        if kind.strip() not in allowed or charset not in ("", "utf-8"):
            raise Problem(
                415, "Send the body as application/json in UTF-8.", headers=((b"accept", b"application/json"),)
            )
        if self.header(b"content-encoding").lower() not in ("", "identity"):
            raise Problem(415, "Send the body with no content encoding.", headers=((b"accept-encoding", b"identity"),))


_CLOSE: Header = (b"connection", b"close")


def _too_large() -> Problem:
    return Problem(413, f"The body is too large: {MAX_BODY:,} bytes are allowed.")
