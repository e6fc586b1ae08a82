"""An account of every request: an id, a line in the log, a number for Prometheus."""

import itertools
import logging
import os
import re
import time
from typing import Any

from litestar.types import ASGIApp, Receive, Send
from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics

_SANE_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_ALWAYS = [(b"cache-control", b"no-store")]

disable_created_metrics()
REQUESTS = Histogram(
    "journal_auth_http_request_duration_seconds",
    "Time from the request's head to the end of its answer.",
    ("route", "status"),
    buckets=(0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
LOGINS = Counter("journal_auth_logins", "Sign-ins by how they ended: ok, refused, slowed.", ("result",))
INFO = Gauge("journal_auth_info", "What runs here.", ("version", "commit"))

log = logging.getLogger("request")


class Account:
    """`draining` set to True asks clients, with each answer, to connect anew: elsewhere."""

    def __init__(self, app: ASGIApp, version: str) -> None:
        self.draining, self._app = False, app
        self._always = [*_ALWAYS, (b"journal-auth-version", version.encode("ascii", "replace"))]
        self._process, self._counter = os.urandom(4).hex(), itertools.count(1)

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        started, status = time.perf_counter(), 499
        given = dict(scope["headers"]).get(b"x-request-id", b"").strip()
        request_id = given.decode() if _SANE_ID.fullmatch(given) else f"{self._process}-{next(self._counter):x}"
        scope["state"] = {"request_id": request_id}

        async def answer(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = [*message["headers"], (b"x-request-id", request_id.encode()), *self._always]
                if self.draining:
                    headers.append((b"connection", b"close"))
                await send({**message, "headers": headers})
            else:
                await send(message)

        await self._app(scope, receive, answer)
        seconds = time.perf_counter() - started
        REQUESTS.labels(scope.get("path_template", "unknown"), str(status)).observe(seconds)
        fields = {"method": scope["method"], "path": scope["path"][:256], "status": status}
        client = scope["client"][0].removeprefix("::ffff:")[:64] if scope["client"] else ""
        milliseconds = round(seconds * 1000, 3)
        log.info("", extra={"request_id": request_id, "client": client, **fields, "milliseconds": milliseconds})
