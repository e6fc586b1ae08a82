"""Three servers with their Sentinels, as processes: no start and no failover loses what was acknowledged."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.redis.limits import MIB, configuration
from components.settings import RedisSettings
from tests.unit.components.redis.servers import DOWN_AFTER, Cluster, Server, eventually, require

CONFIGURATION = "min-replicas-to-write 1\nmin-replicas-max-lag 4\n"


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    require()
    made = Cluster(tmp_path, 3, CONFIGURATION)
    yield made
    made.kill()


def write(primary: Server, first: int, last: int) -> None:
    """Numbered entries, which a replica has too. A replica that has just had its first copy writes its file anew."""
    eventually(lambda: primary.add(str(first)), "it takes writes")
    assert all(primary.add(str(number)) for number in range(first + 1, last))
    assert int(primary.ask("WAIT", "1", "2000")) >= 1


def settle(cluster: Cluster) -> None:
    """Waits until every file of a replica is written."""
    names = ("aof_rewrite_in_progress", "aof_rewrite_scheduled")
    eventually(
        lambda: all(server.info(name) == "0" for server in cluster.servers for name in names), "files are written"
    )


def entries(server: Server) -> list[int]:
    return [int(line) for line in server.ask("LRANGE", "entries", "0", "-1").splitlines()]


def test_a_new_redis_starts_by_itself(cluster: Cluster) -> None:
    primary = cluster.start().complete()
    write(primary, 0, 10)
    assert primary is cluster[0]
    assert [server.script("ready.sh") for server in cluster.servers] == [(0, "")] * 3
    assert [server.script("alive.sh") for server in cluster.servers] == [(0, "")] * 3


def test_all_at_once_and_the_primarys_volume_is_empty(cluster: Cluster) -> None:
    """Fault 1: everything was lost."""
    write(cluster.start().complete(), 0, 10)
    settle(cluster)
    cluster.kill()
    cluster[0].empty()
    primary = cluster.start().complete()
    assert primary is not cluster[0]
    assert [entries(server) for server in cluster.servers] == [list(range(10))] * 3


def test_all_servers_at_once_and_sentinels_miss_the_one_that_is_empty(cluster: Cluster) -> None:
    """Seen live: the one with the newest data followed it, and might not be made primary."""
    write(cluster.start().complete(), 0, 10)
    settle(cluster)
    for server in cluster.servers:
        server.kill("server")
    cluster[0].empty()
    primary = cluster.start().complete()
    assert primary is not cluster[0]
    assert [entries(server) for server in cluster.servers] == [list(range(10))] * 3


def test_all_at_once_and_every_volume_is_as_it_was(cluster: Cluster) -> None:
    write(cluster.start().complete(), 0, 10)
    cluster.kill()
    cluster.start().complete()
    assert [entries(server) for server in cluster.servers] == [list(range(10))] * 3


def test_silence_starts_nobody_until_a_person_says_so(cluster: Cluster) -> None:
    primary = cluster.start().complete()
    settle(cluster)
    write(primary, 0, 10)
    assert primary.ask("WAIT", "2", "2000") == "2"
    cluster.kill()
    cluster[0].empty()
    for number in (0, 1):
        cluster[number].start()
    eventually(lambda: "without an answer nobody knows" in cluster[0].said, "it says why it waits")
    eventually(lambda: cluster[1].said.rstrip().endswith("Redis does not start)"), "it waits")
    time.sleep(4)  # longer than it has patience
    assert [server.info("role") for server in cluster.servers] == ["", "", ""]
    assert cluster[1].script("lead.sh") == (0, "")
    assert cluster.primary() is cluster[1]
    cluster[2].start()
    cluster.complete()
    assert [entries(server) for server in cluster.servers] == [list(range(10))] * 3


def test_a_majority_with_data_starts_without_the_third(cluster: Cluster) -> None:
    write(cluster.start().complete(), 0, 10)
    cluster.kill()
    cluster[0].start()
    cluster[2].start()
    primary = cluster.primary()
    assert entries(primary) == list(range(10))


def test_the_primary_is_killed_and_comes_back_as_a_replica(cluster: Cluster) -> None:
    first = cluster.start().complete()
    write(first, 0, 10)
    first.kill()
    second = cluster.primary()
    assert second is not first
    write(second, 10, 20)
    first.empty()
    first.start()
    assert cluster.complete() is second
    assert [entries(server) for server in cluster.servers] == [list(range(20))] * 3


def test_a_primary_that_was_frozen_takes_no_writes_when_it_wakes(cluster: Cluster) -> None:
    first = cluster.start().complete()
    write(first, 0, 10)
    first.freeze()
    second = eventually(lambda: next((s for s in cluster.servers[1:] if s.info("role") == "master"), None), "another")
    write(second, 10, 20)
    first.thaw()
    assert cluster.complete() is second
    assert entries(first) == list(range(20))


def test_a_primary_that_nobody_follows_refuses_writes(cluster: Cluster) -> None:
    first = cluster.start().complete()
    for server in cluster.servers:
        server.kill("sentinel")
    for server in cluster.servers[1:]:
        server.freeze()
    eventually(lambda: first.ask("SET", "probe", "2").startswith("NOREPLICAS"), "it refuses", 10)
    assert first.ask("GET", "probe") != ""


def test_a_primary_that_stops_hands_over_first(cluster: Cluster) -> None:
    first = cluster.start().complete()
    write(first, 0, 10)
    assert first.script("stop.sh")[0] == 0
    first.kill()
    second = cluster.primary()
    assert entries(second) == list(range(10))
    assert sum(server.said.count("+try-failover") for server in cluster.servers) == 1


def test_a_replica_without_the_data_is_not_made_primary(cluster: Cluster) -> None:
    """Seen live: what the primary had taken while its replicas were away was lost."""
    first = cluster.start().complete()
    write(first, 0, 10)
    settle(cluster)
    for server in cluster.servers[1:]:
        server.kill("server")
        server.never_copies()
        server.start()
    eventually(lambda: all(server.info("role") == "slave" for server in cluster.servers[1:]), "they run")
    first.script("stop.sh")
    assert first.info("role") == "master"
    first.kill()
    for server in cluster.servers[1:]:
        eventually(lambda: "no first copy: it starts anew" in server.said, "it waits for its copy no longer")  # noqa: B023
    assert "master" not in [server.info("role") for server in cluster.servers[1:]]
    for server in cluster.servers[1:]:
        server.start()
    first.start()
    eventually(lambda: first.info("role") == "master", "it leads again")
    assert entries(first) == list(range(10))


def test_a_replica_whose_primary_is_gone_before_its_first_copy_does_not_wait_for_it(cluster: Cluster) -> None:
    """Seen live: all stopped at once, two were back and followed the third while that one was still stopping, and it
    came back without its volume. Nobody led for a minute."""
    first = cluster.start().complete()
    write(first, 0, 10)
    settle(cluster)
    others = cluster.servers[1:]
    for server in others:
        server.kill("server")
        server.never_copies()
        server.wait_for_others(60)
        server.start()
    eventually(lambda: all(server.info("role") == "slave" for server in others), "they run")
    first.kill()
    first.empty()
    first.wait_for_others(60)
    first.start()

    def led() -> bool:
        for server in cluster.servers:
            server.restart()
        return "master" in [server.info("role") for server in others]

    eventually(led, "one with data leads")


def test_a_disk_that_is_full_is_told_and_another_takes_over(cluster: Cluster) -> None:
    first = cluster.start().complete()
    write(first, 0, 10)
    first.limit_files(int(first.info("aof_current_size")) + 10)
    eventually(lambda: first.ask("SET", "probe", "x" * 100).startswith("MISCONF"), "writes are refused")
    assert "is the volume full?" in first.script("ready.sh")[1]
    second = eventually(lambda: next((s for s in cluster.servers[1:] if s.info("role") == "master"), None), "another")
    assert entries(second) == list(range(10))


def test_a_server_that_sentinels_replaced_is_started_anew(cluster: Cluster) -> None:
    cluster.start().complete()
    cluster[2].ask("REPLICAOF", "NO", "ONE")
    code, said = cluster[2].script("alive.sh")
    assert (code, said) == (1, f"the primary is {cluster[0].host}, not this server")


def test_sentinels_that_have_never_seen_the_primary_replace_it(cluster: Cluster) -> None:
    """They learn replicas from the primary alone; seen live: `-failover-abort-no-good-slave` for ever."""
    first = cluster.start().complete()
    write(first, 0, 10)
    for server in cluster.servers:
        server.kill("sentinel")
    first.kill()
    first.empty()
    second = cluster.start().complete()
    assert second is not first
    assert [entries(server) for server in cluster.servers] == [list(range(10))] * 3


def test_sentinels_that_were_away_longer_than_the_primary_replace_it(cluster: Cluster) -> None:
    """Seen live: every replica's link had been down for longer than they knew of, and none was good enough."""
    first = cluster.start().complete()
    write(first, 0, 10)
    for server in cluster.servers:
        server.kill("sentinel")
    first.kill()
    time.sleep(DOWN_AFTER * 12)
    for server in cluster.servers[1:]:
        server.start()
    second = cluster.primary()
    first.start()
    assert cluster.complete() is second
    assert [entries(server) for server in cluster.servers] == [list(range(10))] * 3


def test_a_full_store_refuses_writes_reads_on_and_stays_within_its_memory(tmp_path: Path) -> None:
    """Fault 3: posts of 40 KB killed the primary."""
    require()
    resources = {"cpu": "20m", "memory": "32Mi", "cpuLimit": "1", "memoryLimit": "64Mi"}
    given = RedisSettings.model_validate({"servers": 1, "storage": "1Gi", "resources": resources})
    cluster = Cluster(tmp_path, 1, configuration(given))
    server = cluster[0]
    try:
        server.start(sentinel=False)
        eventually(lambda: server.info("role") == "master", "it starts")
        script = "for i = 1, 5 do redis.call('RPUSH', KEYS[1], string.rep('x', 40000)) end return 'DONE'"
        answers = [server.ask("EVAL", script, "1", f"entries {number}") for number in range(150)]
        assert answers[0] == "DONE"
        assert "OOM" in answers[-1]
        assert server.ask("BGREWRITEAOF").startswith("Background")
        eventually(lambda: server.info("aof_rewrite_in_progress") == "0", "it is rewritten")
        assert server.ask("PING") == "PONG"
        assert server.ask("EXISTS", "entries 0") == "1"
        assert int(server.info("used_memory_peak")) < 32 * MIB
        assert int(server.info("used_memory_rss")) < 48 * MIB
    finally:
        cluster.kill()
