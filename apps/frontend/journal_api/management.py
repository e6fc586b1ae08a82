"""The management port, as an ASGI application: probes and metrics. Not for the public."""

import asyncio

from .connection import Unavailable
from .http import Answer, Receive, Scope, Send, json_answer
from .metrics import CONTENT_TYPE, Metrics
from .store import Store

READY_TIMEOUT = 1.0


class Management:
    """`draining` set to True makes the process unready, so that no new connection is sent to it."""

    def __init__(self, store: Store, metrics: Metrics) -> None:
        self.draining = False
        self._store, self._metrics = store, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = await self._answer(scope["path"], scope["method"])
        headers = answer.headers or ((b"content-type", b"application/json"),)
        headers = (*headers, (b"content-length", str(len(answer.body)).encode()))
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})

    async def _answer(self, path: str, method: str) -> Answer:
        if method not in ("GET", "HEAD"):
            return json_answer(
                {"status": "only GET"}, 405, (b"content-type", b"application/json"), (b"allow", b"GET, HEAD")
            )
        match path:
            case "/livez":
                return json_answer({"status": "alive"})
            case "/readyz":
                return await self._ready()
            case "/metrics":
                return Answer(200, self._metrics.render(), ((b"content-type", CONTENT_TYPE),))
        return json_answer({"status": "unknown path: /livez, /readyz, /metrics"}, 404)

    async def _ready(self) -> Answer:
        if self.draining:
            return json_answer({"status": "draining"}, 503)
        try:
            async with asyncio.timeout(READY_TIMEOUT):
                await self._store.ping()
        except TimeoutError:
            return json_answer({"status": f"redis did not answer in {READY_TIMEOUT:g} s"}, 503)
        except Unavailable as error:
            return json_answer({"status": f"redis cannot answer: {error}"}, 503)
        return json_answer({"status": "ready"})
