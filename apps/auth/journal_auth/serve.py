"""The process: two ports on one event loop, and the order in which it ends."""

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import Callable, Generator
from typing import Any

import uvicorn
from litestar import Litestar, Response, route
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from . import api
from .account import INFO, Account
from .passwords import Users
from .settings import Networks, Settings
from .tokens import Tokens

# Requests under way when the process stops accepting have this long.
FINISH_SECONDS = 10

# Longer than an ingress controller keeps idle connections (Traefik: 90 s), so that it is never this one that closes one
# just as a request comes in.
KEEP_ALIVE_SECONDS = 120

log = logging.getLogger(__name__)


class Server(uvicorn.Server):
    """A server that leaves the signals to `serve`."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


async def serve(settings: Settings) -> None:
    """Serves until SIGTERM or SIGINT, then drains. Raises OSError when a port is taken."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    users, tokens = Users(settings.users_folder), Tokens(settings)
    handlers = api.application(users, tokens, settings.session_seconds, settings.version)
    app = Account(handlers, f"{settings.version}+{settings.commit}")
    INFO.labels(settings.version, settings.commit).set(1)
    sockets = listen(settings.http_port), listen(settings.management_port)
    servers = _server(app, settings), _server(management(lambda: app.draining), settings)
    tasks = [asyncio.create_task(server.serve([sock])) for server, sock in zip(servers, sockets, strict=True)]
    log.info("serving on ports %d and %d", settings.http_port, settings.management_port)
    await stop.wait()
    log.info("draining for %g s", settings.drain_seconds)
    stop.clear()
    app.draining = True
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), settings.drain_seconds)  # a second signal ends the wait
    for server, task in zip(servers, tasks, strict=True):
        server.should_exit = True
        await task
    log.info("stopped")


def management(draining: Callable[[], bool]) -> Litestar:
    """Probes and metrics. Not for the public."""

    @route("/livez", http_method=["GET", "HEAD"])
    async def alive() -> dict[str, str]:
        return {"status": "alive"}

    @route("/readyz", http_method=["GET", "HEAD"])
    async def ready() -> Response[dict[str, str]]:
        leaves = draining()
        return Response({"status": "draining" if leaves else "ready"}, status_code=503 if leaves else 200)

    @route("/metrics", http_method=["GET", "HEAD"])
    async def metrics() -> Response[bytes]:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return Litestar([alive, ready, metrics], openapi_config=None, logging_config=None)


def listen(port: int) -> socket.socket:
    """A listening socket on every address, IPv6 included where the machine has it. Raises OSError naming the port."""
    try:
        if socket.has_dualstack_ipv6():
            return socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=2048)
        return socket.create_server(("", port), backlog=2048)
    except OSError as error:
        raise OSError(error.errno, f"cannot listen on port {port}: {error.strerror}") from error


def trusted(networks: Networks) -> list[str]:
    """As uvicorn takes them. A socket for both families sees IPv4 addresses as IPv6 ones (RFC 4291, 2.5.5.2)."""
    mapped = [f"::ffff:{net.network_address}/{96 + net.prefixlen}" for net in networks if net.version == 4]
    return [*map(str, networks), *mapped]


def _server(app: Any, settings: Settings) -> Server:
    config = uvicorn.Config(
        app,
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        forwarded_allow_ips=trusted(settings.trusted_proxies),
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=FINISH_SECONDS,
    )
    return Server(config)
