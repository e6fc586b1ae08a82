"""Requests at a steady rate through the front door, what became of them, and what servers say meanwhile."""

import itertools
import json
import os
import threading
import time
import uuid
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, Self

import httpx
import pytest

from local.access import Access
from tests.live.cluster_pods import until
from tools import stack
from tools.failures import Failure

ASK = ("redis-cli", "--user", "health", "--pass", "any", "--no-auth-warning")
RATE = int(os.environ.get("DRILL_RATE", "100"))
"""Requests a second: a write for every four reads."""
LEAST = int(os.environ.get("DRILL_REQUESTS", "500"))
"""How many requests each drill makes at least."""
LONG = LEAST > 500
"""Whether `make drills` runs: `make test` leaves out what takes minutes."""
ONLY_DRILLS = pytest.mark.skipif(not LONG, reason="make drills runs it")
CLIENTS = 20
TABLE = stack.STATE / "drills.md"


def info(here: Access, pod: str) -> dict[str, str]:
    """What a server says of itself; nothing when it does not answer."""
    try:
        said = here.run("-n", "journal", "exec", pod, "-c", "redis", "--", "timeout", "2", *ASK, "info").decode()
    except Failure:
        return {}
    return dict(line.split(":", 1) for line in said.splitlines() if ":" in line)


def primary(here: Access) -> str:
    """The primary's pod, once the two other servers follow it."""
    pods = [f"redis-{number}" for number in range(3)]

    def complete() -> str | None:
        said = {pod: info(here, pod) for pod in pods}
        found = [pod for pod in pods if said[pod].get("role") == "master"]
        links = [said[pod].get("master_link_status") for pod in pods if pod not in found]
        return found[0] if len(found) == 1 and links == ["up", "up"] else None

    return until(complete, 120)


class Steady(ABC):
    """A block in which CLIENTS threads make requests at a steady rate."""

    seconds: float
    """How long the block took."""

    @abstractmethod
    def ask(self, number: int, count: int) -> None:
        """A client's next request: the client's number, and how many it has made with this one."""

    def __enter__(self) -> Self:
        self._stop, self.began = threading.Event(), time.monotonic()
        self._threads = [threading.Thread(target=self._run, args=(number,)) for number in range(CLIENTS)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self.seconds = time.monotonic() - self.began

    def _run(self, number: int) -> None:
        due = self.began + number / RATE
        for count in itertools.count(1):
            if self._stop.wait(max(0.0, due - time.monotonic())):
                return
            due += CLIENTS / RATE
            self.ask(number, count)


@dataclass
class Load(Steady):
    """Requests at a steady rate, and what became of them."""

    client: httpx.Client
    mark: str = field(default_factory=lambda: uuid.uuid4().hex[:8])
    sent: int = 0
    acknowledged: dict[str, float] = field(default_factory=dict)
    refused: list[tuple[float, str]] = field(default_factory=list)
    failed_reads: list[tuple[float, str]] = field(default_factory=list)
    reads: int = 0

    def ask(self, number: int, count: int) -> None:
        if (count + number) % 5 == 0:
            self._write(f"{self.mark} {number} {count}")
        else:
            self._read()

    def _write(self, text: str) -> None:
        self.sent += 1
        try:
            answer = self.client.post("/api/entries", json={"text": text}, timeout=10)
        except httpx.HTTPError as error:
            self.refused.append((time.monotonic(), type(error).__name__))
            return
        if answer.status_code == 201:
            self.acknowledged[text] = time.monotonic()
        else:
            self.refused.append((time.monotonic(), _named(answer)))

    def _read(self) -> None:
        self.reads += 1
        try:
            answer = self.client.get("/api", timeout=10)
        except httpx.HTTPError as error:
            self.failed_reads.append((time.monotonic(), type(error).__name__))
            return
        if answer.status_code != 200:
            self.failed_reads.append((time.monotonic(), _named(answer)))

    def without_writes(self) -> float:
        """The longest time, in seconds, from one acknowledged write to the next."""
        times = sorted(self.acknowledged.values())
        return max(after - before for before, after in itertools.pairwise(times))

    def rate(self) -> float:
        """Requests a second, over the whole drill."""
        return (self.sent + self.reads) / self.seconds

    def figures(self, drill: str, **more: Any) -> dict[str, Any]:
        """What the drill did and saw, a row of the table."""
        return {
            "drill": drill,
            "requests": self.sent + self.reads,
            "requests a second": round(self.rate()),
            "acknowledged": len(self.acknowledged),
            "lost": self.lost(),
            "seconds without writes": round(self.without_writes(), 1),
            "refused": len(self.refused),
            "refused with": sorted({what for _, what in self.refused}),
            "failed reads": len(self.failed_reads),
            "remarks": " ".join(f"{name}: {value}" for name, value in more.items()),
        }

    def lost(self) -> int:
        """How many acknowledged writes the journal does not have."""
        found: set[str] = set()
        query: dict[str, Any] = {"limit": 100}
        while True:
            page = self.client.get("/api/entries", params=query, timeout=30).raise_for_status().json()
            found |= {entry["text"] for entry in page["entries"] if isinstance(entry["text"], str)}
            mine = [entry for entry in page["entries"] if str(entry["text"]).startswith(self.mark)]
            if page["next"] is None or not mine:
                return len(set(self.acknowledged) - found)
            query["cursor"] = page["next"]


def _named(answer: httpx.Response) -> str:
    """The status; with a remark where it is not an answer that tells a client what to do."""
    told = answer.headers["content-type"] == "application/problem+json"
    told &= answer.status_code != 503 or "retry-after" in answer.headers
    return str(answer.status_code) if told else f"{answer.status_code}, and no word when to try again"


def tell(figures: dict[str, Any]) -> None:
    """Prints a drill's figures, and adds them to the table."""
    print(json.dumps(figures, ensure_ascii=False))
    rows = [*([] if TABLE.exists() else [figures, ["---"] * len(figures)]), figures.values()]
    with TABLE.open("a") as file:
        file.writelines(f"| {' | '.join(map(str, row))} |\n" for row in rows)
