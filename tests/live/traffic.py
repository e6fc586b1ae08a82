"""Page and API through the front door at a steady rate, and what became of each request. Nothing is tried again."""

import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from local import acme
from tests.live.cluster_pods import until
from tests.live.load import CLIENTS, LEAST, RATE, TABLE, Steady, tell

SLOW_SECONDS = 3
PATHS = ("/", "/api", "/", "/api", "POST")


@pytest.fixture(scope="module", autouse=True)
def heading() -> None:
    """A table of its own in the file of figures."""
    columns = ["drill", "requests", "requests a second", "failed", "slowest in seconds", "99 % within"]
    TABLE.parent.mkdir(exist_ok=True)
    with TABLE.open("a") as file:
        file.write(f"\n| {' | '.join(columns)} |\n|{' --- |' * len(columns)}\n")


class Traffic(Steady):
    """Requests at a steady rate. failed: what went wrong, with the second in which it did. times: seconds of each.

    answers: of each of the API's, the second and the version, or "refused". marks: what was done in which second.
    """

    def __init__(self, local_stack: dict[str, str]) -> None:
        address = local_stack["url"], local_stack["address"], Path(local_stack["ca"])
        self.clients = [acme.client(*address, retries=0) for _ in range(CLIENTS)]
        self.times: list[float] = []
        self.failed: list[str] = []
        self.answers: list[tuple[float, str]] = []
        self.marks: list[tuple[float, str]] = []

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        for client in self.clients:
            client.close()

    def ask(self, number: int, count: int) -> None:
        turn = count + number
        self._ask(self.clients[number], PATHS[turn % len(PATHS)], {"Connection": "close"} if turn % 4 == 0 else {})

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
    def slow(self) -> list[float]:
        return [seconds for seconds in self.times if seconds > SLOW_SECONDS]

    def _ask(self, client: httpx.Client, path: str, headers: dict[str, str]) -> None:
        began = time.monotonic()
        try:
            if path == "POST":
                answer = client.post("/api/entries", json={"text": "rollout"}, headers=headers)
            else:
                answer = client.get(path, headers=headers)
            said = str(answer.status_code)
            version = answer.headers.get("Journal-Version", "refused")
        except httpx.HTTPError as error:
            said = version = type(error).__name__
        self.times.append(time.monotonic() - began)
        if path != "/":
            self.answers.append((began - self.began, version if said in ("200", "201") else "refused"))
        if said not in ("200", "201"):
            self.failed.append(f"{path} {said} after {began - self.began:.1f} s")


def drill(name: str, act: Callable[["Traffic"], None], local_stack: dict[str, str]) -> Traffic:
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
    print(load.failed[:20])
    return load
