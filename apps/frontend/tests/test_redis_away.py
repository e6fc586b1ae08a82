"""Without Redis: no hanging, no wrong answers, and back to work as soon as it is back."""

import contextlib
import functools
import subprocess
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from .processes import Api, Redis, eventually, free_port

ENTRY = {"text": "x"}


def statuses(api: Api) -> list[int]:
    """Of a read, a write, and the probes."""
    client = api.client
    answers = [
        client.get("/api"),
        client.get("/api/entries"),
        client.get("/api/entries/" + "0" * 21),
        client.post("/api", json=ENTRY),
        client.post("/api/entries", json=ENTRY),
        client.get(f"{api.management}/readyz"),
        client.get(f"{api.management}/livez"),
    ]
    for answer in answers[:5]:
        assert ("retry-after" in answer.headers) == (answer.status_code == 503)
        assert answer.status_code != 503 or answer.json()["title"] == "Service Unavailable"
    return [answer.status_code for answer in answers]


WORKS, AWAY = [200, 200, 404, 200, 201, 200, 200], [503] * 6 + [200]


def test_a_killed_redis_means_503_and_a_started_one_work(tmp_path: Path, redis: Redis) -> None:
    # By default an answered write may wait up to two seconds for the file, and dies with a killed process.
    redis.command("CONFIG", "SET", "appendfsync", "always")
    with Api(tmp_path, read=redis, write=redis).running() as api:
        assert statuses(api) == WORKS
        redis.kill()
        assert statuses(api) == AWAY
        assert api.metric('journal_redis_up{role="write"}') == 0
        redis.start()
        eventually(api.is_ready, "the API finds Redis again")
        assert statuses(api) == WORKS
        assert api.metric('journal_redis_up{role="write"}') == 1
        assert api.client.get("/api").json() == [ENTRY] * 4


def test_a_redis_that_hangs_is_given_up(tmp_path: Path, redis: Redis) -> None:
    with Api(tmp_path, read=redis, write=redis).running() as api:
        redis.freeze()
        started = time.monotonic()
        assert api.client.post("/api", json=ENTRY).status_code == 503
        assert time.monotonic() - started < 4
        assert statuses(api) == AWAY
        redis.thaw()
        eventually(api.is_ready, "the API finds Redis again")
        assert statuses(api) == WORKS


def test_reads_of_two_servers_that_hang_are_given_up_as_soon(tmp_path: Path, redis: Redis, replica: Redis) -> None:
    """Seen live: it asked one after the other, and anew for each that waited for a page; clients left."""
    with Api(tmp_path, read=replica, write=redis, READ_PATIENCE="2").running() as api:
        replica.freeze()
        redis.freeze()
        started = time.monotonic()
        with ThreadPoolExecutor() as pool:
            answers = list(pool.map(lambda _: api.client.get("/api"), range(3)))
        assert time.monotonic() - started < 4.5
        assert [answer.status_code for answer in answers] == [503] * 3
        assert len({answer.json()["request_id"] for answer in answers}) == 3
        assert all(answer.json()["request_id"] == answer.headers["x-request-id"] for answer in answers)


def test_a_read_waits_until_redis_is_back(tmp_path: Path, redis: Redis) -> None:
    with Api(tmp_path, read=redis, write=redis, READ_PATIENCE="20").running() as api, ThreadPoolExecutor() as pool:
        entry = api.client.post("/api/entries", json=ENTRY).json()["id"]
        eventually(lambda: redis.command("INFO", "persistence").count(b"aof_buffer_length:0"), "it is in the file")
        redis.kill()
        eventually(lambda: not api.is_ready(), "the API finds that Redis is away")
        reads = [pool.submit(api.client.get, path) for path in ("/api", "/api/entries", f"/api/entries/{entry}")]
        redis.start()
        assert [read.result().status_code for read in reads] == [200] * 3


def test_a_read_that_no_server_answers_gets_the_last_answer(tmp_path: Path, redis: Redis) -> None:
    redis.command("CONFIG", "SET", "appendfsync", "always")
    with Api(tmp_path, read=redis, write=redis, READ_STALE="60", READ_PATIENCE="5").running() as api:
        entry = api.client.post("/api/entries", json=ENTRY).headers["location"]
        paths = ("/api", "/api/entries", entry)
        before = [api.client.get(path) for path in paths]
        assert not [answer for answer in before if "age" in answer.headers]
        redis.kill()
        eventually(lambda: not api.is_ready(), "the API finds that Redis is away")
        started = time.monotonic()
        assert api.client.get("/api/version").status_code == 200, "it needs no Redis, and says nothing of it"
        for path, answer in zip(paths, before, strict=True):
            again = api.client.get(path)
            assert (again.status_code, again.content) == (200, answer.content)
            assert int(again.headers["age"]) >= 1
            assert again.headers["x-request-id"] != answer.headers["x-request-id"]
            assert api.client.head(path).status_code == 200
        assert time.monotonic() - started < 5
        assert api.client.post("/api", json=ENTRY).status_code == 503
        assert "age" in api.client.get("/api").headers, "a write that was refused changes nothing"
        assert api.client.get("/api/entries?limit=7").status_code == 503, "it was not asked before"
        redis.start()
        eventually(api.is_ready, "the API finds Redis again")
        assert "age" not in api.client.get("/api").headers
        redis.kill()
        assert api.client.get(entry).status_code == 503, "it was not asked since, and may have changed meanwhile"


def test_an_entry_that_redis_did_not_know_any_more_does_not_come_back(tmp_path: Path, redis: Redis) -> None:
    redis.command("CONFIG", "SET", "appendfsync", "always")
    with Api(tmp_path, read=redis, write=redis, READ_STALE="60").running() as api:
        entry = api.client.post("/api/entries", json=ENTRY).headers["location"]
        assert api.client.get(entry).status_code == 200
        redis.kill()
        redis.start()
        redis.command("DEL", "journal:entries", "journal:index")
        eventually(api.is_ready, "the API finds Redis again")
        eventually(lambda: api.client.get(entry).status_code == 404, "it is gone")
        redis.kill()
        assert api.client.get(entry).status_code == 503


def test_the_last_answer_grows_too_old(tmp_path: Path, redis: Redis) -> None:
    with Api(tmp_path, read=redis, write=redis, READ_STALE="2").running() as api:
        assert api.client.get("/api").status_code == 200
        redis.kill()
        eventually(lambda: api.client.get("/api").status_code == 503, "it is too old", within=5)


def test_an_answer_from_before_a_change_is_not_given_again(tmp_path: Path, redis: Redis, replica: Redis) -> None:
    with Api(tmp_path, read=replica, write=redis, READ_STALE="60").running() as api:
        assert api.client.get("/api").json() == []
        replica.kill()
        eventually(lambda: api.metric('journal_redis_up{role="read"}') == 0, "the loss is seen")
        assert api.client.post("/api", json=1).status_code == 200
        redis.kill()
        assert api.client.get("/api").status_code == 503


def test_the_api_starts_without_redis(tmp_path: Path, redis: Redis) -> None:
    redis.kill()
    with Api(tmp_path, read=redis, write=redis).running(ready=False) as api:
        assert statuses(api) == AWAY
        redis.start()
        eventually(api.is_ready, "the API finds Redis")
        assert statuses(api) == WORKS


@pytest.mark.parametrize("stop", [Redis.kill, Redis.freeze])
def test_reads_go_to_the_primary_when_the_replica_is_away(
    tmp_path: Path, redis: Redis, replica: Redis, stop: Callable[[Redis], None]
) -> None:
    with Api(tmp_path, read=replica, write=redis).running() as api:
        stop(replica)
        assert statuses(api) == WORKS


def test_reads_go_on_when_the_primary_is_away(tmp_path: Path, redis: Redis, replica: Redis) -> None:
    with Api(tmp_path, read=replica, write=redis).running() as api:
        added = api.client.post("/api/entries", json=ENTRY)
        eventually(lambda: replica.command("ZCARD", "journal:index") == 1, "the replica has the entry")
        redis.kill()
        assert statuses(api) == [200, 200, 404, 503, 503, 200, 200]
        assert api.client.get(added.headers["location"]).json() == added.json()


def test_a_replica_is_never_written_to(tmp_path: Path, redis: Redis, replica: Redis) -> None:
    replica.command("CONFIG", "SET", "replica-read-only", "no")
    with Api(tmp_path, read=redis, write=replica).running() as api:
        assert statuses(api) == [200, 200, 404, 503, 503, 200, 200]


@pytest.mark.parametrize("refuses_writes", ["yes", "no"])
def test_a_primary_that_became_a_replica_is_left(
    tmp_path: Path, redis: Redis, replica: Redis, refuses_writes: str
) -> None:
    redis.command("CONFIG", "SET", "replica-read-only", refuses_writes)
    with Api(tmp_path, read=redis, write=redis).running() as api:
        replica.command("REPLICAOF", "NO", "ONE")
        redis.command("REPLICAOF", replica.host, replica.port)
        eventually(lambda: api.client.post("/api", json=ENTRY).status_code == 503, "the host is left", within=3)
        redis.command("REPLICAOF", "NO", "ONE")
        eventually(lambda: statuses(api) == WORKS, "writes go on when the host is a primary again")


def refused(answer: httpx.Response) -> bool:
    """Whether the journal said that it is full, in a way that a client does not repeat at once."""
    problem = answer.json()
    assert (problem["status"], problem["title"]) == (answer.status_code, "Insufficient Storage")
    assert "full" in problem["detail"]
    return answer.status_code == 507 and "retry-after" not in answer.headers


def test_a_store_without_room_refuses_writes_and_goes_on_reading(tmp_path: Path, redis: Redis) -> None:
    with Api(tmp_path, read=redis, write=redis).running() as api:
        kept = api.client.post("/api/entries", json=ENTRY).headers["location"]
        api.client.post("/api", json=1, headers={"idempotency-key": "k"})
        redis.command("CONFIG", "SET", "maxmemory", "1")
        assert refused(api.client.post("/api/entries", json=ENTRY))
        assert refused(api.client.post("/api", json=ENTRY))
        assert refused(api.client.put(kept, json=ENTRY))
        assert api.client.get("/api").json() == [1, ENTRY]
        assert api.client.post("/api", json=1, headers={"idempotency-key": "k"}).json() == [1, ENTRY]
        assert api.is_ready()
        assert api.client.delete(kept).status_code == 204
        assert api.client.get("/api").json() == [1]
        assert not [line for line in api.log() if line["level"] == "error"]


def test_a_journal_has_a_limit_by_setting(tmp_path: Path, redis: Redis) -> None:
    with Api(tmp_path, read=redis, write=redis, JOURNAL_MAX_ENTRIES="2").running() as api:
        key = {"idempotency-key": "k"}
        first = api.client.post("/api/entries", json=ENTRY, headers=key)
        assert api.client.post("/api", json=2).json() == [2, ENTRY]
        assert refused(api.client.post("/api", json=3))
        assert refused(api.client.post("/api/entries", json=ENTRY, headers={"idempotency-key": "other"}))
        assert api.client.post("/api/entries", json=ENTRY, headers=key).json() == first.json()
        assert api.client.put(first.headers["location"], json={"text": "y"}).status_code == 200
        assert api.client.delete(first.headers["location"]).status_code == 204
        assert api.client.post("/api", json=3).json() == [3, 2]


@contextlib.contextmanager
def sentinel(folder: Path, primary: Redis) -> Generator[int]:
    """The port of a Sentinel that calls the primary "journal"."""
    port, file = free_port(), folder / "sentinel.conf"
    lines = [f"port {port}", f"sentinel monitor journal {primary.host} {primary.port} 1"]
    file.write_text("\n".join([*lines, f'sentinel auth-pass journal "{primary.password}"', 'logfile "/dev/null"']))
    process = subprocess.Popen(["redis-server", str(file), "--sentinel"])
    try:
        yield port
    finally:
        process.kill()
        process.wait()


def role(redis: Redis) -> str:
    """The server's role; nothing at the moment when it changes, because a Sentinel ends its clients then."""
    with contextlib.suppress(ConnectionError):
        return redis.command("ROLE")[0].decode()
    return ""


def test_the_primary_is_found_by_sentinel(tmp_path: Path, redis: Redis, replica: Redis, unused_port: int) -> None:
    """`REDIS_WRITE_HOST` names a replica, and one of the Sentinels is away. After a failover writes go on."""
    with sentinel(tmp_path, redis) as port:
        known = f"127.0.0.1:{unused_port}, 127.0.0.1:{port}"
        with Api(tmp_path / "api", read=redis, write=replica, REDIS_SENTINELS=known).running() as api:
            eventually(lambda: api.client.post("/api", json=ENTRY).status_code == 200, "the primary is found")
            ask = functools.partial(subprocess.run, check=True, capture_output=True)
            failover = ["redis-cli", "-p", str(port), "sentinel", "failover", "journal"]
            eventually(lambda: ask(failover).stdout == b"OK\n", "Sentinel knows a good replica")
            eventually(lambda: role(redis) == "slave", "the replica takes over")
            eventually(lambda: api.client.post("/api", json=2).status_code == 200, "writes go on")
            assert replica.command("ZCARD", "journal:index") == 2
