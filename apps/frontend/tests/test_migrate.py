"""The sample application's journal, one JSON array, becomes entries: all of them, in order, once."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from journal_api.migrate import NotAJournal, items

from .processes import Api, Redis

OLD, KEPT = "journal-key", "journal-key:imported"
ITEMS: list[Any] = [
    "first",
    {"text": "größer \U0001f600", "n": 12345678901234567890},
    [],
    {},
    [1, [2.50]],
    None,
    "last",
]


def migrate(api: Api) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "journal_api.migrate"]
    return subprocess.run(command, env=api.environment, capture_output=True, text=True, timeout=60, check=False)


def said(done: subprocess.CompletedProcess[str]) -> str:
    return json.loads(done.stdout.splitlines()[-1])["message"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("[]", []),
        (' [ 1 , [2,\n3], {"a": [4]} ]\n', ["1", "[2,\n3]", '{"a": [4]}']),
        ('["a,]", 1.50, 1e3]', ['"a,]"', "1.50", "1e3"]),
    ],
)
def test_items_are_taken_as_they_are_written(text: str, found: list[str]) -> None:
    assert list(items(text)) == found


@pytest.mark.parametrize("text", ["", "{}", "[1,", "null", "[NaN]", "[1] 2"])
def test_what_is_no_array_is_refused(text: str) -> None:
    with pytest.raises(NotAJournal):
        list(items(text))


def test_every_item_becomes_an_entry_before_those_that_are_there(tmp_path: Path, redis: Redis) -> None:
    redis.command("SET", OLD, json.dumps(ITEMS))
    with Api(tmp_path, read=redis, write=redis, JOURNAL_ENTRIES="100").running() as api:
        api.client.post("/api", json="newer")
        done = migrate(api)
        assert (done.returncode, said(done)) == (0, f"{len(ITEMS)} entries taken over from journal-key")
        assert api.client.get("/api").json() == ["newer", *reversed(ITEMS)]
        assert json.loads(redis.command("GET", KEPT)) == ITEMS
        again = migrate(api)
        assert (again.returncode, said(again)) == (0, "0 entries taken over from journal-key")
        assert api.client.get("/api").json() == ["newer", *reversed(ITEMS)]


def test_ten_at_once_take_over_each_item_once(tmp_path: Path, redis: Redis) -> None:
    redis.command("SET", OLD, json.dumps(list(range(3000))))
    api = Api(tmp_path, read=redis, write=redis)
    with ThreadPoolExecutor(10) as pool:
        done = list(pool.map(lambda _: migrate(api), range(10)))
    assert [one.returncode for one in done] == [0] * 10
    assert sorted(said(one).split()[0] for one in done) == ["0"] * 9 + ["3000"]
    assert redis.command("ZCARD", "journal:index") == redis.command("HLEN", "journal:entries") == 3000


@pytest.mark.parametrize("value", ["{}", "[1", b"\xff"])
def test_what_is_no_journal_stays_as_it_is(tmp_path: Path, redis: Redis, value: str | bytes) -> None:
    redis.command("SET", OLD, value)
    done = migrate(Api(tmp_path, read=redis, write=redis))
    assert done.returncode == 3
    assert "journal-key holds no journal" in said(done)
    assert redis.command("EXISTS", OLD, "journal:index", KEPT) == 1


def test_a_redis_without_room_keeps_the_old_journal(tmp_path: Path, redis: Redis) -> None:
    redis.command("SET", OLD, json.dumps(ITEMS))
    redis.command("CONFIG", "SET", "maxmemory", "1")
    done = migrate(Api(tmp_path, read=redis, write=redis))
    assert (done.returncode, "redis is full" in said(done)) == (1, True)
    assert json.loads(redis.command("GET", OLD)) == ITEMS
    assert redis.command("EXISTS", "journal:index", KEPT) == 0
