"""What `make status` tells of Redis, from what servers say."""

from collections.abc import Iterator, Mapping
from dataclasses import astuple
from pathlib import Path
from typing import Any

import pytest

from local import show
from local.access import Access
from local.redis_status import parsed, problems, rows
from tests.unit.components.redis.servers import Cluster, eventually, require
from tools.failures import Failure

MIB = 1 << 20


def server(role: str, **changes: str) -> dict[str, str]:
    """What a server says that is well."""
    said = {
        "role": role,
        "loading": "0",
        "aof_last_write_status": "ok",
        "aof_last_bgrewrite_status": "ok",
        "used_memory": str(3 * MIB),
        "maxmemory": str(100 * MIB),
        "disk_total": str(500 * MIB),
        "disk_free": str(400 * MIB),
        "master_repl_offset": "5000",
        "repl_backlog_size": str(MIB),
        "connected_slaves": "0",
    }
    return {**said, **changes}


def replica(number: int, *, state: str = "online", offset: int = 5000, lag: int = 0) -> dict[str, str]:
    """A line of the primary's, of the replica with this number."""
    host = f"redis-{number}.redis-servers.journal.svc"
    return {f"slave{number - 1}": f"ip={host},port=6379,state={state},offset={offset},lag={lag},type=replica"}


def well(**changes: dict[str, str]) -> dict[str, dict[str, str]]:
    """redis-0 is primary, two follow it; `redis_N` changes what redis-N says."""
    primary = server("master", connected_slaves="2", **replica(1), **replica(2))
    others = {f"redis-{number}": server("slave", master_link_status="up") for number in (1, 2)}
    said = {"redis-0": primary, **others}
    for name, change in changes.items():
        pod = name.replace("_", "-")
        said[pod] = {**said[pod], **change} if change else {}
    return said


FOLLOWS = {"role": "slave", "master_link_status": "down", "master_link_down_since_seconds": "7"}
FEW = str(20 * MIB)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        ({"redis_1": {}}, ["redis-1 does not answer."]),
        ({"redis_0": {}}, ["No server is primary: writes are refused.", "redis-0 does not answer."]),
        ({"redis_0": FOLLOWS}, ["No server is primary", "redis-0 has no link to its primary, for 7 s."]),
        ({"redis_2": {"role": "master"}}, ["redis-0 and redis-2 are both primary"]),
        ({"redis_2": {"loading": "1"}}, ["redis-2 is loading its data."]),
        ({"redis_2": FOLLOWS}, ["redis-2 has no link to its primary, for 7 s."]),
        ({"redis_0": {"connected_slaves": "1"}}, ["redis-2 is missing among the replicas of redis-0."]),
        ({"redis_0": replica(2, state="send_bulk")}, ["redis-2 is missing among the replicas of redis-0."]),
        ({"redis_0": replica(2, lag=10)}, []),
        ({"redis_0": replica(2, lag=11)}, ["redis-2 lags: 11 s, 0 B behind redis-0."]),
        ({"redis_0": {"master_repl_offset": str(5001 + MIB)}}, ["redis-1 lags: 0 s, 1.0 MiB", "redis-2 lags: 0 s, 1"]),
        ({"redis_0": {"aof_last_write_status": "err"}}, ["redis-0 can't write its data to disk"]),
        ({"redis_1": {"aof_last_bgrewrite_status": "err"}}, ["redis-1 could not rewrite its files"]),
        ({"redis_0": {"used_memory": str(96 * MIB)}}, ["redis-0 uses 96.0 MiB of 100.0 MiB: writes are refused."]),
        ({"redis_0": {"used_memory": str(96 * MIB), "maxmemory": "0"}}, []),
        ({"redis_1": {"disk_free": FEW}}, ["redis-1 has 20.0 MiB of 500.0 MiB left on its volume."]),
    ],
)
def test_what_is_wrong_is_a_line(changes: dict[str, dict[str, str]], expected: list[str]) -> None:
    found = problems(well(**changes))
    assert len(found) == len(expected), found
    assert [line[: len(start)] for line, start in zip(found, expected, strict=True)] == expected


def test_a_single_server_has_no_replicas_to_miss() -> None:
    assert problems({"redis-0": server("master")}) == []


def test_a_server_that_does_not_answer_may_tell_of_its_disk() -> None:
    said = well(redis_1={"disk_free": "0", "disk_total": str(MIB)})
    del said["redis-1"]["role"]
    assert problems(said) == ["redis-1 does not answer.", "redis-1 has 0 B of 1.0 MiB left on its volume."]
    assert astuple(rows(said)[1]) == ("redis-1", "no answer", "", "", "", "", "0 B")


def test_each_server_is_a_row() -> None:
    said = well(redis_0=replica(2, lag=3, offset=2952), redis_1={"aof_last_write_status": "err"})
    memory, disk = "3.0 MiB of 100.0 MiB", "400.0 MiB of 500.0 MiB"
    assert [astuple(row) for row in rows(said)] == [
        ("redis-0", "primary", "", "ok", "ok", memory, disk),
        ("redis-1", "replica", "0 s, 0 B", "err", "ok", memory, disk),
        ("redis-2", "replica", "3 s, 2.0 KiB", "ok", "ok", memory, disk),
    ]


class Cloud(Access):
    """A cluster with one StatefulSet, whose pods say this."""

    def __init__(self, said: dict[str, dict[str, str]]) -> None:
        super().__init__(Path("kubectl"), None, None, "eks")
        object.__setattr__(self, "said", said)

    def json(self, *arguments: str) -> Any:
        metadata = {"name": "redis", "namespace": "journal"}
        hosts = " ".join(f"{pod}.redis-servers.journal.svc" for pod in self.said)  # ty: ignore
        template = {"spec": {"containers": [{"env": [{"name": "POD"}, {"name": "SERVERS", "value": hosts}]}]}}
        return {"items": [{"metadata": metadata, "spec": {"replicas": 1, "template": template}}]}

    def run(self, *arguments: str) -> bytes:
        said = self.said[arguments[3]]  # ty: ignore
        if not said:
            raise Failure("no such pod")
        return "\r\n".join(["# Server", *(f"{name}:{value}" for name, value in said.items())]).encode()


@pytest.mark.parametrize(("said", "expected"), [(well(), True), (well(redis_1={}), False)])
def test_the_status_is_of_every_server(
    said: dict[str, dict[str, str]], expected: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    assert show.redis(Cloud(said)) is expected
    out = capsys.readouterr().out
    assert ("redis-1 does not answer." in out) is not expected
    assert [word in out for word in ("redis-0", "redis-2", "primary", "replica")] == [True] * 4


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    require()
    made = Cluster(tmp_path, 3, "maxmemory 50mb\n")
    yield made
    made.kill()


def test_real_servers_are_understood(cluster: Cluster) -> None:
    """A replica is killed; then the primary's disk is full."""
    primary = cluster.start().complete()
    names = {server: server.host.replace(".", "-") for server in cluster.servers}

    def said() -> dict[str, Mapping[str, str]]:
        return {name: parsed(server.output("status.sh")) for server, name in names.items()}

    found = said()
    assert [int(found[name]["disk_free"]) > 0 for name in names.values()] == [True] * 3
    assert {row.role for row in rows(found)} == {"primary", "replica"}
    other = next(server for server in cluster.servers if server is not primary)
    other.kill()
    eventually(lambda: f"{names[other]} does not answer." in problems(said()), "a replica is missing")
    primary.limit_files(1)
    primary.ask("SET", "key", "x" * 100)
    full = f"{names[primary]} can't write its data to disk"
    eventually(lambda: any(line.startswith(full) for line in problems(said())), "the disk is full", 25)
