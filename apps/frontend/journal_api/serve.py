"""The process: two ports on one event loop, and the order in which it ends."""

import asyncio
import contextlib
import gc
import logging
import signal
import socket
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import uvicorn

from . import api, management, metrics
from .cache import Cache
from .middleware import Account, Page, Pages
from .protocol import Protocol
from .redis_client import Host
from .settings import Address, Networks, Settings
from .store import Store

if TYPE_CHECKING:
    from .login import Access

# Requests under way when the process stops accepting have this long.
FINISH_SECONDS = 10

# Longer than an ingress controller keeps idle connections (Traefik: 90 s), so that it is never the API that closes one
# just as a request comes in.
KEEP_ALIVE_SECONDS = 120

# How many other servers must have a change before it is answered.
COPIES = {"fast": 0, "safe": 1}

log = logging.getLogger(__name__)


class Server(uvicorn.Server):
    """A server that leaves the signals to `serve`."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


async def serve(settings: Settings) -> None:
    """Serves until SIGTERM or SIGINT, then drains. Raises OSError when a port is taken."""
    stop = _signalled()
    cache = Cache[Page](keep=lambda page: page.kept)
    store = _store(settings, cache)
    access = _access(settings)
    may_read = None if access is None else access.may_read
    handlers = Pages(api.application(settings, store, access), cache, may_read, stale=settings.read_stale)
    app = Account(handlers, f"{settings.version}+{settings.commit}")
    about = {"version": settings.version, "commit": settings.commit, "environment": settings.environment}
    metrics.describe(store.connected, store.primary_said, about)
    sockets = listen(settings.http_port), listen(settings.management_port)
    redis = asyncio.create_task(store.run())
    beside = management.application(store, lambda: app.draining, settings.start_patience)
    servers = _server(app, settings), _server(beside, settings)
    tasks = [asyncio.create_task(server.serve([sock])) for server, sock in zip(servers, sockets, strict=True)]
    # What is loaded by now lives as long as the process: without this, collections spend their time on it.
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    log.info("serving on ports %d and %d", settings.http_port, settings.management_port)
    try:
        await stop.wait()
        log.info("draining for %g s", settings.drain_seconds)
        stop.clear()
        app.draining = True
        with contextlib.suppress(TimeoutError):
            # A second signal ends the wait.
            await asyncio.wait_for(stop.wait(), settings.drain_seconds)
        for server, task in zip(servers, tasks, strict=True):
            server.should_exit = True
            await task
    finally:
        redis.cancel()
        await asyncio.gather(redis, return_exceptions=True)
    log.info("stopped")


def listen(port: int) -> socket.socket:
    """A listening socket on every address, IPv6 included where the machine has it. Raises OSError naming the port."""
    try:
        if socket.has_dualstack_ipv6():
            return socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=2048)
        return socket.create_server(("", port), backlog=2048)
    except OSError as error:
        raise OSError(error.errno, f"cannot listen on port {port}: {error.strerror}") from error


def _signalled() -> asyncio.Event:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


def _access(settings: Settings) -> "Access | None":
    if settings.login is None:
        return None
    from .login import Access

    return Access(settings.login)


def _store(settings: Settings, cache: Cache[Page]) -> Store:
    read = Host(
        role="read",
        address=Address(settings.redis_read_host, settings.redis_port),
        password_file=settings.redis_password_file,
    )
    return Store(
        read,
        write_host(settings),
        cache.clear,
        cache.lose,
        cache.answered,
        limit=settings.journal_max_entries,
        copies=COPIES[settings.redis_durability],
        patience=settings.read_patience,
    )


def write_host(settings: Settings) -> Host:
    """The primary."""
    return Host(
        role="write",
        address=Address(settings.redis_write_host, settings.redis_port),
        password_file=settings.redis_password_file,
        sentinels=settings.redis_sentinels,
        primary=settings.redis_sentinel_primary,
    )


def trusted(networks: Networks) -> list[str]:
    """As uvicorn takes them. A socket for both families sees IPv4 addresses as IPv6 ones (RFC 4291, 2.5.5.2)."""
    mapped = [f"::ffff:{net.network_address}/{96 + net.prefixlen}" for net in networks if net.version == 4]
    return [*map(str, networks), *mapped]


def _server(app: Any, settings: Settings) -> Server:
    config = uvicorn.Config(
        app,
        http=Protocol,
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
