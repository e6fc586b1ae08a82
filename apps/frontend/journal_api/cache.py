"""Answers kept in memory until Redis announces a change (its client-side caching)."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from functools import partial
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")


class Stale(NamedTuple, Generic[T]):
    """An answer that was right until Redis was found away, `age` seconds ago."""

    answer: T
    age: float


class Cache(Generic[T]):
    """Answers by key. An answer that is being read at the moment of a change is not kept, nor one that `keep` refuses.

    `clear` is called for every change that Redis announces and every write that it acknowledged, `lose` when a
    connection by which changes are heard is lost, `answered` when Redis answers.
    """

    def __init__(self, limit: int = 1_000, keep: Callable[[T], bool] = lambda answer: True) -> None:
        self._limit, self._may_keep = limit, keep
        self._kept: dict[Hashable, T] = {}
        self._lost: dict[Hashable, tuple[T, float]] = {}
        self._loading: dict[Hashable, asyncio.Task[T]] = {}

    def clear(self) -> None:
        self._kept, self._lost, self._loading = {}, {}, {}

    def lose(self) -> None:
        """What was kept is known to be right until now, and no longer."""
        now = time.monotonic()
        if len(self._lost) + len(self._kept) > self._limit:
            self._lost = {}
        self._lost |= {key: (answer, now) for key, answer in self._kept.items()}
        self._kept, self._loading = {}, {}

    def answered(self) -> None:
        """Redis answers: what changed while nobody listened is to be read, not remembered."""
        self._lost = {}

    def stale(self, key: Hashable) -> Stale[T] | None:
        """What was right when the connection was lost, unless a change was heard of since, or any answer."""
        if key not in self._lost:
            return None
        answer, heard = self._lost[key]
        return Stale(answer, time.monotonic() - heard)

    def get(self, key: Hashable) -> T | None:
        return self._kept.get(key)

    async def load(self, key: Hashable, read: Callable[[], Awaitable[T]]) -> T:
        """What `read` answers. Callers that ask while it is being read share one reading."""
        task = self._loading.get(key)
        if task is None:
            task = asyncio.ensure_future(read())
            self._loading[key] = task
            task.add_done_callback(partial(self._keep, key, self._loading))
        return await asyncio.shield(task)

    def _keep(self, key: Hashable, loading: dict[Hashable, asyncio.Task[T]], task: asyncio.Task[T]) -> None:
        failed = task.cancelled() or task.exception() is not None
        if loading is not self._loading:
            return
        del loading[key]
        if not failed and self._may_keep(task.result()):
            if len(self._kept) >= self._limit:
                self._kept = {}
            self._kept[key] = task.result()
