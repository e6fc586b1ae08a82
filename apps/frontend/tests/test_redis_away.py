"""Without Redis: no hanging, no wrong answers, and back to work as soon as it is back."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from .processes import Api, Redis, eventually

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


def test_a_server_that_is_full_means_503(tmp_path: Path, redis: Redis) -> None:
    with Api(tmp_path, read=redis, write=redis).running() as api:
        redis.command("CONFIG", "SET", "maxmemory", "1")
        assert statuses(api) == [200, 200, 404, 503, 503, 200, 200]
        assert not [line for line in api.log() if line["level"] == "error"]
