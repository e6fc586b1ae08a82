"""When a write is answered: `fast` when the primary has it, `safe` when another server has it too."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from .processes import Api, Redis, eventually

ENTRY = {"text": "x"}
SAFE = {"REDIS_DURABILITY": "safe"}


@pytest.fixture
def safe(tmp_path: Path, redis: Redis, replica: Redis) -> Iterator[Api]:
    with Api(tmp_path, read=replica, write=redis, **SAFE).running() as api:
        yield api


def test_a_write_that_no_other_server_has_is_not_acknowledged(safe: Api, replica: Redis) -> None:
    assert safe.client.post("/api/entries", json=ENTRY).status_code == 201
    replica.freeze()
    refused = safe.client.post("/api/entries", json=ENTRY)
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    replica.thaw()
    eventually(lambda: safe.client.post("/api", json=ENTRY).status_code == 200, "writes are acknowledged again")


def test_a_repeated_request_is_not_acknowledged_either_while_no_other_server_has_its_entry(
    safe: Api, replica: Redis
) -> None:
    """The repeated request changes nothing: it must not be taken for one whose changes are all copied."""
    replica.freeze()
    key = {"Idempotency-Key": "k"}
    assert safe.client.post("/api/entries", json=ENTRY, headers=key).status_code == 503
    assert safe.client.post("/api/entries", json=ENTRY, headers=key).status_code == 503
    replica.thaw()
    eventually(lambda: safe.client.post("/api/entries", json=ENTRY, headers=key).status_code == 201, "it is there")
    assert len(safe.client.get("/api/entries").json()["entries"]) == 1


def test_replacing_and_deleting_wait_too(safe: Api, replica: Redis) -> None:
    path = "/api/entries/" + safe.client.post("/api/entries", json=ENTRY).json()["id"]
    replica.freeze()
    assert safe.client.put(path, json={"text": "y"}).status_code == 503
    assert safe.client.delete(path).status_code == 503


def test_every_acknowledged_write_is_on_the_replica(safe: Api, redis: Redis, replica: Redis) -> None:
    def write(number: int) -> str:
        answer = safe.client.post("/api/entries", json={"text": str(number)})
        assert answer.status_code == 201
        entry = answer.json()["id"]
        assert replica.command("HEXISTS", "journal:entries", entry) == 1
        return entry

    with ThreadPoolExecutor(16) as pool:
        assert len(set(pool.map(write, range(400)))) == 400


def test_a_fast_write_waits_for_nobody(tmp_path: Path, redis: Redis, replica: Redis) -> None:
    with Api(tmp_path, read=replica, write=redis).running() as api:
        replica.freeze()
        assert api.client.post("/api/entries", json=ENTRY).status_code == 201


def test_a_primary_that_nobody_follows_refuses_writes_and_answers_reads(tmp_path: Path, redis: Redis) -> None:
    redis.command("CONFIG", "SET", "min-replicas-to-write", "1")
    with Api(tmp_path, read=redis, write=redis).running() as api:
        assert api.client.post("/api/entries", json=ENTRY).status_code == 503
        assert api.client.get("/api").status_code == 200
