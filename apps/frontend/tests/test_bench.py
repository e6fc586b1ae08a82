"""The load generator counts what it should, and leaves the journal as it found it."""

import asyncio
from dataclasses import asdict

import httpx
import pytest

from bench import measure

from .processes import Api, Redis


def test_it_measures_and_tidies_up(api: Api, client: httpx.Client) -> None:
    client.post("/api", json="mine")
    figures = asyncio.run(measure(api.url, None, clients=4, seconds=0.3, entries=(3, 5)))
    assert [found.entries for found in figures.rounds] == [3, 5]
    for found in figures.rounds:
        assert all(value > 0 for name, value in asdict(found).items() if name not in ("lost", "failed"))
        assert (found.lost, found.failed) == (0, 0)
    assert client.get("/api").json() == ["mine"]


def test_it_counts_lost_writes(api: Api, shared_redis: Redis) -> None:
    async def lose() -> int:
        measuring = asyncio.create_task(measure(api.url, None, clients=2, seconds=0.5, entries=(0,)))
        while not measuring.done():
            if await asyncio.to_thread(shared_redis.command, "ZCARD", "journal:index") > 50:
                await asyncio.to_thread(shared_redis.command, "DEL", "journal:index", "journal:entries")
                break
        return (await measuring).rounds[0].lost

    assert asyncio.run(lose()) > 50


def test_a_journal_that_is_not_there_is_an_error(unused_port: int) -> None:
    with pytest.raises(OSError, match="failed"):
        asyncio.run(measure(f"http://127.0.0.1:{unused_port}", None, clients=2, seconds=0.1))
