"""What Prometheus reads of the primary: its replicas' lag, and its files."""

from pathlib import Path

import pytest

from journal_api.primary import PrimaryCollector

from .processes import Api, Redis, eventually

FILES = "aof_last_bgrewrite_status:{}\r\naof_last_write_status:{}\r\n"
TWO = (
    "# Replication\r\nrole:master\r\nconnected_slaves:2\r\n"
    "slave0:ip=redis-1.redis-servers,port=6379,state=online,offset=90,lag=1\r\n"
    "slave1:ip=redis-2.redis-servers,port=6379,state=send_bulk,offset=0,lag=0\r\n"
    "master_repl_offset:100\r\n"
)


def values(info: str) -> dict[str, float]:
    families = PrimaryCollector(info.encode).collect()
    return {
        "".join((sample.name.removeprefix("journal_redis_"), *(f" {value}" for value in sample.labels.values()))): (
            sample.value
        )
        for family in families
        for sample in family.samples
    }


@pytest.mark.parametrize(
    ("info", "expected"),
    [
        ("", {}),
        (
            "role:master\r\nconnected_slaves:0\r\nmaster_repl_offset:7\r\n" + FILES.format("ok", "err"),
            {"replicas": 0, "files_ok aof_write": 0, "files_ok aof_rewrite": 1},
        ),
        (
            TWO + FILES.format("err", "ok"),
            {
                "replicas": 1,
                "replica_lag_seconds redis-1.redis-servers": 1,
                "replica_lag_bytes redis-1.redis-servers": 10,
                "files_ok aof_write": 1,
                "files_ok aof_rewrite": 0,
            },
        ),
    ],
)
def test_what_the_primary_says(info: str, expected: dict[str, float]) -> None:
    assert values(info) == expected


def test_a_replica_that_hangs_lags_and_one_that_is_gone_is_missing(tmp_path: Path, redis: Redis) -> None:
    replica = Redis(tmp_path / "replica", redis)
    with replica.running(), Api(tmp_path, read=redis, write=redis).running() as api:
        lag = f'journal_redis_replica_lag_{{}}{{{{replica="{replica.host}"}}}}'
        eventually(lambda: api.metric("journal_redis_replicas") == 1, "the replica is counted")
        assert api.metric(lag.format("seconds")) <= 1
        assert api.metric('journal_redis_files_ok{what="aof_write"}') == 1
        replica.freeze()
        assert api.client.post("/api", json="x" * 5000).status_code == 200
        eventually(lambda: api.metric(lag.format("seconds")) >= 3, "it lags")
        assert api.metric(lag.format("bytes")) > 5000
        replica.kill()
        eventually(lambda: api.metric("journal_redis_replicas") == 0, "it is missing")


def test_nothing_is_said_of_a_primary_that_is_away(tmp_path: Path, redis: Redis) -> None:
    with Api(tmp_path, read=redis, write=redis).running() as api:
        redis.kill()
        eventually(lambda: api.metric('journal_redis_up{role="write"}') == 0, "the loss is noticed")
        assert "\njournal_redis_replicas " not in api.client.get(f"{api.management}/metrics").text
