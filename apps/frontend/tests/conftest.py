"""Real Redis servers and the real process, each test with what it needs."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from .processes import Api, Redis, free_port


@pytest.fixture(scope="session")
def shared_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    with Redis(tmp_path_factory.mktemp("redis")).running() as redis:
        yield redis


@pytest.fixture(scope="session")
def shared_api(shared_redis: Redis, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    settings = {"WEB__CROSS_ORIGIN__0": "https://friend.example", "VERSION": "1.2.3", "COMMIT": "bfeda01f"}
    with Api(tmp_path_factory.mktemp("api"), read=shared_redis, write=shared_redis, **settings).running() as api:
        yield api


@pytest.fixture
def api(shared_api: Api, shared_redis: Redis) -> Api:
    """The API on a journal with no entries."""
    shared_redis.command("FLUSHALL")
    return shared_api


@pytest.fixture
def client(api: Api) -> httpx.Client:
    return api.client


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    """A Redis of the test's own, to stop and to break."""
    with Redis(tmp_path / "redis").running() as redis:
        yield redis


@pytest.fixture
def replica(tmp_path: Path, redis: Redis) -> Iterator[Redis]:
    with Redis(tmp_path / "replica", primary=redis).running() as replica:
        yield replica


@pytest.fixture
def unused_port() -> int:
    return free_port()
