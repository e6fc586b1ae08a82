"""Page and API through the front door at a steady rate, and what became of each request. Nothing is tried again."""

import time
from collections.abc import Callable

import pytest

from tests.live.cluster_pods import until
from tests.live.load import LEAST, LONG, TABLE, tell
from tests.live.load import RATE as DRILL_RATE
from tests.live.steady import TIMEOUT_SECONDS, Answer, Request, Steady

SLOW_SECONDS = 3 if LONG else TIMEOUT_SECONDS
"""`make drills` asks that no request takes longer. A test that shares two processors with a deployment tells it."""
TOLD_SECONDS = 3
RATE = DRILL_RATE if LONG else 50
"""Requests a second: fewer where a test of a minute shares two processors with a deployment."""
PATHS = ("/", "/api", "/", "/api", "POST")


@pytest.fixture(scope="module", autouse=True)
def heading() -> None:
    """A table of its own in the file of figures."""
    columns = ["drill", "requests", "requests a second", "failed", "slowest in seconds", "99 % within"]
    TABLE.parent.mkdir(exist_ok=True)
    with TABLE.open("a") as file:
        file.write(f"\n| {' | '.join(columns)} |\n|{' --- |' * len(columns)}\n")


def page_and_api(number: int, count: int) -> Request:
    """Two fifths read the page, two fifths the journal, one fifth writes; every fourth one is on a new connection."""
    turn = count + number
    path, close = PATHS[turn % len(PATHS)], turn % 4 == 0
    return Request("POST", "/api/entries", "rollout", close) if path == "POST" else Request("GET", path, close=close)


class Traffic(Steady):
    """Page and API. failed: what went wrong, with the second in which it did, and failed_seconds the seconds alone.

    times: seconds of each. late: what took longer than TOLD_SECONDS.
    answers: of each of the API's, the second and the version, or "refused". marks: what was done in which second.
    """

    def __init__(self, local_stack: dict[str, str]) -> None:
        super().__init__(local_stack, page_and_api, RATE)
        self.times: list[float] = []
        self.failed: list[str] = []
        self.failed_seconds: list[float] = []
        self.late: list[str] = []
        self.answers: list[tuple[float, str]] = []
        self.marks: list[tuple[float, str]] = []

    def hear(self, answer: Answer) -> None:
        took = answer.ended - answer.began
        self.times.append(took)
        second, path, is_right = answer.began - self.began, answer.request.path, answer.said in ("200", "201")
        if took > TOLD_SECONDS:
            new = "on a new connection" if answer.request.close else "on a kept one"
            self.late.append(f"{answer.request.method} {path} {new} took {took:.1f} s from second {second:.1f}")
        if path != "/":
            self.answers.append((second, answer.version if is_right and answer.version else "refused"))
        if not is_right:
            what = f"{answer.request.method} {answer.said} of {path} after {second:.1f} s"
            self.failed.append(f"{what}: {answer.detail}" if answer.detail else what)
            self.failed_seconds.append(second)

    def mark(self, what: str) -> None:
        """Remembers what is done now, for the picture."""
        self.marks.append((round(time.monotonic() - self.began, 1), what))

    def seconds_by_version(self, candidate: str) -> list[list[int]]:
        """Of each second, how many API answers came from the current version, the candidate, and none of them."""
        found = [[0, 0, 0] for _ in range(int(self.seconds) + 1)]
        for second, version in self.answers:
            found[int(second)][2 if version == "refused" else version.startswith(candidate)] += 1
        return found

    @property
    def outage(self) -> float:
        """Seconds from the first request that failed to the last one; 0 where none did."""
        return max(self.failed_seconds) - min(self.failed_seconds) if self.failed_seconds else 0.0

    @property
    def slow(self) -> list[float]:
        return [seconds for seconds in self.times if seconds > SLOW_SECONDS]


def drill(name: str, act: Callable[[Traffic], None], local_stack: dict[str, str]) -> Traffic:
    """The load, and what was done under it; its figures are told."""
    with Traffic(local_stack) as load:
        until(lambda: len(load.times) > RATE)
        act(load)
        done = len(load.times)
        until(lambda: len(load.times) > done + RATE and len(load.times) >= LEAST, 60 + 2 * LEAST / RATE)
    figures = {
        "drill": name,
        "requests": len(load.times),
        "requests a second": round(len(load.times) / load.seconds),
        "failed": len(load.failed),
        "slowest in seconds": round(max(load.times), 2),
        "99 % within": round(sorted(load.times)[int(len(load.times) * 0.99)], 2),
    }
    tell(figures)
    print(load.failed[:20], load.late[:20], sep="\n")
    return load
