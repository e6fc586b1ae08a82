"""The management port: probes and metrics. Not for the public."""

import asyncio
import time
from collections.abc import Callable
from typing import Literal

from litestar import Litestar, Response, route
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from .redis_client import Full, Unavailable
from .store import Store

READY_TIMEOUT = 1.0
Status = Response[dict[str, str]]


def application(store: Store, draining: Callable[[], bool], start_patience: float) -> Litestar:
    """`draining` makes the process unready, so that no new connection is sent to it.

    For its first `start_patience` seconds it is unready without a primary too, for which no write waits.
    """
    reads_are_enough = time.monotonic() + start_patience

    @route("/livez", http_method=["GET", "HEAD"])
    async def alive() -> Status:
        return Response({"status": "alive"})

    @route("/readyz", http_method=["GET", "HEAD"])
    async def ready(exclude: Literal["redis"] | None = None) -> Status:
        """`exclude` leaves out what all pods share, as the Kubernetes API server's /readyz does."""
        if draining():
            return Response({"status": "draining"}, status_code=503)
        if exclude == "redis":
            return Response({"status": "ready"})
        if not store.connected("write") and time.monotonic() < reads_are_enough:
            return Response({"status": "the primary is not connected yet"}, status_code=503)
        try:
            async with asyncio.timeout(READY_TIMEOUT):
                await store.ping()
        except TimeoutError:
            return Response({"status": f"redis did not answer in {READY_TIMEOUT:g} s"}, status_code=503)
        except (Unavailable, Full) as error:
            return Response({"status": f"redis cannot answer: {error}"}, status_code=503)
        return Response({"status": "ready"})

    @route("/metrics", http_method=["GET", "HEAD"])
    async def metrics() -> Response[bytes]:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return Litestar([alive, ready, metrics], openapi_config=None, logging_config=None)
