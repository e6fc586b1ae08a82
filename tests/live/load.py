"""Requests at a steady rate through the front door, what became of them, and what servers say meanwhile."""

import base64
import itertools
import json
import os
import subprocess
import uuid
from functools import partial
from typing import Any

import pytest

from local.access import Access
from tests.live.cluster_pods import until
from tests.live.steady import Answer, Request, Steady
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


def entries_only(mark: str, number: int, count: int) -> Request:
    """A write after every four reads; each entry says which one it is."""
    if (count + number) % 5 == 0:
        return Request("POST", "/api/entries", f"{mark} {number} {count}")
    return Request("GET", "/api")


def tell_primary(here: Access, command: str) -> str:
    """What the primary answers. The password goes to it by standard input."""
    secret = here.json("-n", "journal", "get", "secret", "redis-auth")["data"]["password"]
    run = [*here.command(), "-n", "journal", "exec", "-i", primary(here), "-c", "redis", "--", "redis-cli"]
    lines = f"AUTH {base64.b64decode(secret).decode()}\n{command}\n"
    said = subprocess.run(run, input=lines, capture_output=True, text=True, check=True).stdout.split("\n", 1)
    assert said[0] == "OK"
    return said[1].strip()


class Load(Steady):
    """Reads and writes of entries, and what became of them.

    acknowledged: the second of each, by its text. refused and failed_reads: the second, and what was said.
    """

    def __init__(self, local_stack: dict[str, str]) -> None:
        self.mark = uuid.uuid4().hex[:8]
        super().__init__(local_stack, partial(entries_only, self.mark), RATE)
        self.sent = self.reads = 0
        self.acknowledged: dict[str, float] = {}
        self.refused: list[tuple[float, str]] = []
        self.failed_reads: list[tuple[float, str]] = []

    def hear(self, answer: Answer) -> None:
        if answer.request.method == "POST":
            self.sent += 1
            if answer.said == "201":
                self.acknowledged[answer.request.text] = answer.ended
            else:
                self.refused.append((answer.ended, _named(answer)))
        else:
            self.reads += 1
            if answer.said != "200":
                self.failed_reads.append((answer.ended, _named(answer)))

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
        with self.connect() as client:
            while True:
                page = client.get("/api/entries", params=query, timeout=30).raise_for_status().json()
                found |= {entry["text"] for entry in page["entries"] if isinstance(entry["text"], str)}
                mine = [entry for entry in page["entries"] if str(entry["text"]).startswith(self.mark)]
                if page["next"] is None or not mine:
                    return len(set(self.acknowledged) - found)
                query["cursor"] = page["next"]


def _named(answer: Answer) -> str:
    """The status; with a remark where it is not an answer that tells a client what to do."""
    if not answer.said.isdecimal():
        return answer.said
    told = bool(answer.detail) and (answer.said != "503" or answer.retry)
    return answer.said if told else f"{answer.said}, and no word when to try again"


def tell(figures: dict[str, Any]) -> None:
    """Prints a drill's figures, and adds them to the table."""
    print(json.dumps(figures, ensure_ascii=False))
    rows = [*([] if TABLE.exists() else [figures, ["---"] * len(figures)]), figures.values()]
    with TABLE.open("a") as file:
        file.writelines(f"| {' | '.join(map(str, row))} |\n" for row in rows)
