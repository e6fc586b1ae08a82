"""How a server starts, by what all of them say: a table for decide.awk."""

import subprocess

import pytest

from components.redis.redis import FILES


def decision(facts: list[str], self: str = "redis-0", servers: int = 3) -> str:
    names = " ".join(f"redis-{number}" for number in range(servers))
    lines = [f"self {self}", f"servers {names}", *facts]
    done = subprocess.run(
        ["awk", "-f", FILES / "decide.awk"], input="\n".join(lines), capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    return done.stdout.removesuffix("\n")


def servers(*states: str) -> list[str]:
    return [f"server redis-{number} {state}" for number, state in enumerate(states)]


def data(beat: int, after: int = 0, vote: str = "none") -> str:
    return f"starting {beat} {after} {vote}"


def sees(primary: str, *sentinels: int) -> list[str]:
    return [f"sentinel redis-{number} {primary}" for number in sentinels]


EMPTY = "starting empty 0 none"
SILENT, MASTER, SLAVE = "silent", "running master", "running slave redis-0"
CASES = {
    "silence is no answer": (servers(EMPTY, SILENT, SILENT), "wait for redis-1 redis-2"),
    "silence of one is none either": (servers(EMPTY, EMPTY, SILENT), "wait for redis-2"),
    "silence, and a server with data": (servers(data(9), SILENT, SILENT), "wait for redis-1 redis-2"),
    "patience makes no empty server primary": ([*servers(EMPTY, SILENT, SILENT), "patient"], "wait for redis-1"),
    "patience with one that has data": ([*servers(data(9), EMPTY, SILENT), "patient"], "wait for redis-2"),
    "patience with a majority that has data": ([*servers(data(9), data(8), SILENT), "patient"], "vote redis-0"),
    "a majority that has data, at first": (servers(data(9), data(8), SILENT), "wait for redis-2"),
    "all are empty: a new Redis": (servers(EMPTY, EMPTY, EMPTY), "vote redis-0"),
    "its own volume is empty": (servers(EMPTY, data(8), data(9)), "vote redis-2"),
    "the newest by the heartbeat": (servers(data(8, 99), data(9), data(7)), "vote redis-1"),
    "the newest by the bytes after it": (servers(data(9, 99), data(9, 100), EMPTY), "vote redis-1"),
    "data that heartbeats never reached": (servers(data(0, 5), EMPTY, EMPTY), "vote redis-0"),
    "one vote is no majority": (servers(data(9, 0, "redis-0"), data(8), data(7)), "wait for redis-0"),
    "votes of a majority": (servers(data(9, 0, "redis-0"), data(8, 0, "redis-0"), data(7)), "lead"),
    "votes for another": (servers(data(7, 0, "redis-1"), data(8, 0, "redis-1"), data(6)), "wait for redis-1"),
    "a vote is cast once": (servers(data(9, 0, "redis-1"), data(8, 0, "redis-0"), data(7)), "wait for redis-1"),
    "a primary runs": (servers(EMPTY, MASTER, SILENT), "follow redis-1"),
    "a primary runs, and Sentinels know it": (
        [*servers(data(9), MASTER, SILENT), *sees("redis-1", 1)],
        "follow redis-1",
    ),
    "two run as primary: Sentinels know which": (
        [*servers(data(9), MASTER, MASTER), *sees("redis-2", 1, 2)],
        "follow redis-2",
    ),
    "Sentinels wait for this one": ([*servers(data(9), SLAVE, SLAVE), *sees("redis-0", 1, 2)], "lead"),
    "Sentinels wait for this one, and it is empty": (
        [*servers(EMPTY, SLAVE, SLAVE), *sees("redis-0", 1, 2)],
        "wait for the primary: this one, but its data is gone",
    ),
    "Sentinels are about to choose": (
        [*servers(data(9), "running slave redis-1", SILENT), *sees("redis-1", 0, 1)],
        "wait for the primary: Sentinels choose it",
    ),
    "replicas run without Sentinels": (servers(data(9), SLAVE, SLAVE), "wait for the primary"),
    "most Sentinels are right": (
        [*servers(data(9), MASTER, MASTER), *sees("redis-1", 1), *sees("redis-2", 0, 2)],
        "follow redis-2",
    ),
    "elected while Sentinels miss another: they promote it": (
        [
            *servers(data(9, 0, "redis-0"), "starting empty 0 redis-0", data(8, 0, "redis-0")),
            *sees("redis-1", 0, 1, 2),
        ],
        "succeed redis-1",
    ),
    "a person says so": ([*servers(data(9), SILENT, SILENT), "told"], "lead"),
    "a person says so, of an empty server": ([*servers(EMPTY, SILENT, SILENT), "told"], "lead"),
    "a person says so, but a primary runs": ([*servers(EMPTY, MASTER, SILENT), "told"], "follow redis-1"),
    "a person says so while Sentinels miss another": (
        [*servers(data(9), SILENT, SILENT), *sees("redis-1", 0), "told"],
        "succeed redis-1",
    ),
}


@pytest.mark.parametrize(("facts", "expected"), CASES.values(), ids=CASES)
def test_a_server_starts_by_what_all_say(facts: list[str], expected: str) -> None:
    assert decision(facts).startswith(expected)


@pytest.mark.parametrize(
    ("fact", "expected"),
    [(EMPTY, "vote redis-0"), (data(9), "vote redis-0"), ("starting empty 0 redis-0", "lead")],
)
def test_a_single_server_asks_nobody(fact: str, expected: str) -> None:
    assert decision(servers(fact), servers=1) == expected


@pytest.mark.parametrize("states", [[EMPTY] * 3, [data(9)] * 3, [EMPTY, data(9, 5), data(9, 5)]])
def test_all_choose_the_same(states: list[str]) -> None:
    assert len({decision(servers(*states), self=f"redis-{number}") for number in range(3)}) == 1
