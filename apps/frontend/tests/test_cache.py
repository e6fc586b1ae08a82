"""A page is kept only when nothing changed while it was read."""

import asyncio
from collections.abc import Callable, Coroutine

import pytest

from journal_api.cache import Cache


def run(test: Callable[[], Coroutine[None, None, None]]) -> None:
    asyncio.run(test())


class Source:
    """Answers when it is told to."""

    def __init__(self) -> None:
        self.readings: list[asyncio.Future[str]] = []

    async def read(self) -> str:
        self.readings.append(asyncio.get_running_loop().create_future())
        return await self.readings[-1]


def test_what_was_read_is_kept() -> None:
    async def test() -> None:
        cache, source = Cache[str](), Source()
        loading = asyncio.create_task(cache.load("key", source.read))
        await asyncio.sleep(0.001)
        source.readings[0].set_result("page")
        assert await loading == "page" == cache.get("key")

    run(test)


def test_callers_share_one_reading() -> None:
    async def test() -> None:
        cache, source = Cache[str](), Source()
        both = [asyncio.create_task(cache.load("key", source.read)) for _ in range(2)]
        await asyncio.sleep(0.001)
        source.readings[0].set_result("page")
        assert await asyncio.gather(*both) == ["page", "page"]
        assert len(source.readings) == 1

    run(test)


def test_a_caller_that_leaves_does_not_end_the_others_reading() -> None:
    async def test() -> None:
        cache, source = Cache[str](), Source()
        leaves, stays = (asyncio.create_task(cache.load("key", source.read)) for _ in range(2))
        await asyncio.sleep(0.001)
        leaves.cancel()
        source.readings[0].set_result("page")
        assert await stays == "page"

    run(test)


def test_a_page_that_was_read_during_a_change_is_not_kept_nor_shared_with_later_callers() -> None:
    async def test() -> None:
        cache, source = Cache[str](), Source()
        before = asyncio.create_task(cache.load("key", source.read))
        await asyncio.sleep(0.001)
        cache.clear()
        after = asyncio.create_task(cache.load("key", source.read))
        await asyncio.sleep(0.001)
        source.readings[1].set_result("new")
        assert await after == "new"
        source.readings[0].set_result("old")
        assert await before == "old"
        assert cache.get("key") == "new"

    run(test)


def test_an_error_is_everybodys_and_is_not_kept() -> None:
    async def test() -> None:
        cache, source = Cache[str](), Source()
        both = [asyncio.create_task(cache.load("key", source.read)) for _ in range(2)]
        await asyncio.sleep(0.001)
        source.readings[0].set_exception(ValueError("no"))
        for caller in both:
            with pytest.raises(ValueError, match="no"):
                await caller
        assert cache.get("key") is None

    run(test)


def test_memory_is_bounded() -> None:
    async def test() -> None:
        cache = Cache[int](limit=10)

        async def read(number: int) -> int:
            return number

        for number in range(100):
            await cache.load(number, lambda number=number: read(number))
        assert sum(cache.get(number) is not None for number in range(100)) <= 10

    run(test)
