"""The API as an ASGI application: finds the handler, answers, and accounts for every request."""

import itertools
import logging
import os
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from .cache import Cache
from .connection import Unavailable
from .cors import Cors
from .http import Answer, Disconnected, Receive, Request, Scope, Send
from .journal import Journal
from .logs import RequestLog
from .metrics import Metrics
from .openapi import document
from .problem import MEDIA_TYPE, Header, Problem

ENTRY_PREFIX = "/api/entries/"
RETRY_AFTER: Header = (b"retry-after", b"1")
_SANE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_ALWAYS: tuple[Header, ...] = ((b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"))
_JSON: Header = (b"content-type", b"application/json")
_PROBLEM: Header = (b"content-type", MEDIA_TYPE)
_CLOSE: Header = (b"connection", b"close")
_CLIENT_LEFT = 499

log = logging.getLogger(__name__)

Handler = Callable[[Request], Awaitable[Answer]]


@dataclass(frozen=True, kw_only=True)
class Route:
    """Handlers by method. The answers to GET are kept in memory when `kept` says by which part of the request."""

    template: str
    handlers: Mapping[str, Handler]
    kept: Callable[[Scope], Any] | None = None

    @property
    def methods(self) -> bytes:
        return ", ".join(["HEAD", *self.handlers] if "GET" in self.handlers else self.handlers).encode()


NOWHERE = Route(template="unknown", handlers={})


def routes(journal: Journal, openapi: Handler) -> dict[str, Route]:
    """By path; the one that ends in a slash is for whatever one part follows."""
    journal_route = Route(
        template="/api", handlers={"GET": journal.show, "POST": journal.add_item}, kept=lambda scope: "/api"
    )
    return {
        "/api": journal_route,
        "/api/": journal_route,
        "/api/entries": Route(
            template="/api/entries",
            handlers={"GET": journal.list_entries, "POST": journal.add_entry},
            kept=lambda scope: scope["query_string"],
        ),
        ENTRY_PREFIX: Route(
            template=ENTRY_PREFIX + "{id}",
            handlers={"GET": journal.get_entry, "PUT": journal.replace_entry, "DELETE": journal.delete_entry},
            kept=lambda scope: (scope["path"], scope["query_string"]),
        ),
        "/api/version": Route(template="/api/version", handlers={"GET": journal.version}),
        "/api/openapi.json": Route(template="/api/openapi.json", handlers={"GET": openapi}),
    }


class Application:
    """`draining` set to True asks clients, with each answer, to connect anew: elsewhere."""

    def __init__(self, journal: Journal, cache: Cache[Answer], cors: Cors, metrics: Metrics, version: str) -> None:
        self.draining = False
        self._cache, self._cors, self._metrics = cache, cors, metrics
        self._log = RequestLog()
        self._process, self._counter = os.urandom(4).hex(), itertools.count(1)
        described = Answer(200, document(version))

        async def openapi(request: Request) -> Answer:
            return described

        self._routes = routes(journal, openapi)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        request = Request(scope, receive, "")
        route = self._find(request)
        origin = request.header(b"origin")
        given = request.header(b"x-request-id")
        request.id = given if _SANE_ID.fullmatch(given) else f"{self._process}-{next(self._counter):x}"
        try:
            answer, kind = await self._answer(request, scope, route, origin), _JSON
        except Disconnected:
            self._account(request, route, _CLIENT_LEFT, started)
            return
        except Problem as problem:
            answer, kind = Answer(problem.status, problem.body(request.id), problem.headers), _PROBLEM
        headers = [kind, (b"content-length", str(len(answer.body)).encode())] if answer.status != 204 else []
        headers += [(b"x-request-id", request.id.encode()), *_ALWAYS, *answer.headers, *self._cors.headers(origin)]
        if self.draining:
            headers.append(_CLOSE)
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})
        self._account(request, route, answer.status, started)

    def _find(self, request: Request) -> Route:
        route = self._routes.get(request.path)
        if route is not None and route.template[-1] != "}":
            return route
        prefix, value = request.path[: len(ENTRY_PREFIX)], request.path[len(ENTRY_PREFIX) :]
        if prefix != ENTRY_PREFIX or not value or "/" in value:
            return NOWHERE
        request.values = (value,)
        return self._routes[ENTRY_PREFIX]

    async def _answer(self, request: Request, scope: Scope, route: Route, origin: str) -> Answer:
        """Raises Problem for every error."""
        reads = request.method in ("GET", "HEAD")
        try:
            if reads and route.kept is not None:
                key = (route.template, route.kept(scope))
                kept = self._cache.get(key)
                return (
                    kept if kept is not None else await self._cache.load(key, partial(route.handlers["GET"], request))
                )
            self._cors.check(request, origin)
            handler = route.handlers.get("GET" if reads else request.method)
            return await handler(request) if handler is not None else self._unhandled(request, route, origin)
        except (Problem, Disconnected):
            raise
        except Unavailable as error:
            log.warning("redis cannot answer: %s", error, extra={"fields": {"request_id": request.id}})
            detail = "The journal's storage cannot answer now. A change that was asked for may have been made or not: "
            raise Problem(503, detail + "repeat it with the same Idempotency-Key.", headers=(RETRY_AFTER,)) from None
        except Exception:
            log.exception("a request failed", extra={"fields": {"request_id": request.id}})
            raise Problem(500, "The server made a mistake: its log knows more under this request id.") from None

    def _unhandled(self, request: Request, route: Route, origin: str) -> Answer:
        if route is NOWHERE:
            raise Problem(404, f"There is nothing at {request.path[:256]!r}.")
        if request.method == "OPTIONS" and request.header(b"access-control-request-method"):
            return self._cors.preflight(request, origin, route.methods)
        raise Problem(405, f"{route.template} allows {route.methods.decode()}.", headers=((b"allow", route.methods),))

    def _account(self, request: Request, route: Route, status: int, started: float) -> None:
        seconds = time.perf_counter() - started
        self._metrics.observe(request.method, route.template, status, seconds)
        self._log.add(
            request_id=request.id,
            method=request.method,
            path=request.path[:256],
            status=status,
            milliseconds=round(seconds * 1000, 3),
        )
