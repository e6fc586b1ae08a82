"""Answers come from memory until something changes, and never for longer."""

import itertools
from pathlib import Path

import httpx
import pytest

from .processes import Api, Redis, eventually

ADD = "redis.call('ZADD', KEYS[1], 0, ARGV[1]) return redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])"
KEYS = ("journal:index", "journal:entries")


def add_behind_its_back(redis: Redis, number: int, item: str) -> None:
    redis.command("EVAL", ADD, 2, *KEYS, f"{number:013x}00000000", f"{number} {item}")


def items(api: Api) -> list:
    answer = api.client.get("/api")
    assert answer.status_code == 200
    return answer.json()


def test_what_has_not_changed_is_not_read_again(api: Api, shared_redis: Redis, client: httpx.Client) -> None:
    entry = client.post("/api/entries", json={"text": "x"}).headers["location"]
    paths = ("/api", "/api/entries", "/api/entries?limit=3", entry)
    first = [client.get(path).content for path in paths]
    asked = [shared_redis.calls(command) for command in ("evalsha_ro", "hget")]
    for _ in range(20):
        assert [client.get(path).content for path in paths] == first
    assert [shared_redis.calls(command) for command in ("evalsha_ro", "hget")] == asked


def test_a_change_by_another_client_is_seen(tmp_path: Path, redis: Redis) -> None:
    with Api(tmp_path, read=redis, write=redis).running() as api:
        for number in range(1, 50):
            add_behind_its_back(redis, number, str(number))
            eventually(lambda number=number: items(api)[0] == number, "the change is seen", within=1)
        redis.command("FLUSHALL")
        eventually(lambda: items(api) == [], "the empty journal is seen", within=1)


@pytest.mark.parametrize("lost", ["connections", "server"])
def test_a_lost_connection_empties_the_memory(tmp_path: Path, redis: Redis, lost: str) -> None:
    with Api(tmp_path, read=redis, write=redis).running() as api:
        assert items(api) == []
        if lost == "connections":
            # In one transaction, so that no announcement can reach the API.
            kill = ("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            redis.commands(("MULTI",), kill, ("EVAL", ADD, 2, *KEYS, f"{1:013x}00000000", "1 1"), ("EXEC",))
        else:
            redis.kill()
            redis.start()
            add_behind_its_back(redis, 1, "1")
        eventually(api.is_ready, "the API is connected again")
        assert items(api) == [1]
        add_behind_its_back(redis, 2, "2")
        eventually(lambda: items(api) == [2, 1], "changes are announced on the new connection", within=1)


def test_an_answered_write_is_seen_by_every_process_although_replicas_lag(
    tmp_path: Path, redis: Redis, replica: Redis
) -> None:
    here = Api(tmp_path / "here", read=replica, write=redis)
    there = Api(tmp_path / "there", read=replica, write=redis)
    with here.running(), there.running():
        for number in range(150):
            writer, reader = (here, there) if number % 2 else (there, here)
            added = writer.client.post("/api", json=number)
            assert added.json()[0] == number
            assert writer.client.get("/api").json()[0] == number
            # The other process is told at the moment of the answer, and may hear of it after the client does.
            eventually(lambda: items(reader)[0] == number, "the other process was told", within=1)  # noqa: B023
            for api in (writer, reader):
                assert api.client.get("/api/entries?limit=1").json()["entries"][0]["text"] == str(number)


def test_an_entry_is_found_and_lost_at_once_in_every_process(tmp_path: Path, redis: Redis, replica: Redis) -> None:
    here = Api(tmp_path / "here", read=replica, write=redis)
    there = Api(tmp_path / "there", read=replica, write=redis)
    with here.running(), there.running():
        for number in range(50):
            entry = here.client.post("/api/entries", json={"text": str(number)}).headers["location"]
            assert there.client.get(entry).json()["text"] == str(number)
            there.client.put(entry, json={"text": "changed"})
            assert here.client.get(entry).json()["text"] == "changed"
            here.client.delete(entry)
            assert there.client.get(entry).status_code == 404


_pages = itertools.count()


def asked(redis: Redis, api: Api) -> bool:
    """Whether this server is asked for a page that was never read before."""
    before = redis.calls("evalsha_ro") + redis.calls("eval_ro")
    assert api.client.get(f"/api/entries?cursor={next(_pages):021x}").status_code == 200
    return redis.calls("evalsha_ro") + redis.calls("eval_ro") > before


def test_a_replica_that_lost_its_primary_is_not_asked(tmp_path: Path, redis: Redis, replica: Redis) -> None:
    with Api(tmp_path, read=replica, write=redis).running() as api:
        eventually(lambda: asked(replica, api), "the replica is read")
        replica.command("CONFIG", "SET", "masterauth", "wrong")
        replica.command("CLIENT", "KILL", "TYPE", "master")
        eventually(lambda: not asked(replica, api), "the replica is left", within=5)
        assert asked(redis, api)
        replica.command("CONFIG", "SET", "masterauth", redis.password)
        eventually(lambda: asked(replica, api), "the replica is read again")


def test_replicas_are_read_when_nothing_changed_lately(tmp_path: Path, redis: Redis, replica: Redis) -> None:
    with Api(tmp_path, read=replica, write=redis).running() as api:
        api.client.post("/api", json=1)
        assert not asked(replica, api)
        eventually(lambda: asked(replica, api), "reads are back on the replica", within=5)
        assert api.client.get("/api").json() == [1]
        redis.command("EVAL", ADD, 2, *KEYS, "f" * 21, "1 2")
        eventually(lambda: api.client.get("/api").json() == [2, 1], "the change is seen", within=1)


def test_the_replica_itself_announces_changes(tmp_path: Path, redis: Redis, replica: Redis) -> None:
    """With the primary out of reach of the API, only the replica can say that something changed."""
    with Api(tmp_path, read=replica, write=replica).running() as api:
        for number in range(1, 20):
            add_behind_its_back(redis, number, str(number))
            eventually(lambda number=number: items(api)[:1] == [number], "the change is seen", within=1)
