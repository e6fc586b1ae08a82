"""Backup and restore with real servers: what comes back is what was there, and what is wrong changes nothing."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.redis.backup import FILES as BACKUP_FILES
from components.redis.redis import FILES
from tests.unit.components.redis.servers import PASSWORD, PORT, Cluster, Server, eventually, require
from tools.failures import tail

INDEX, ENTRIES, ANSWERED = "journal:index", "journal:entries", "journal:idempotency:one"
LOCK = "restore:lock"
ODD = 'line\\n \\x00\\xc3\\xbc 1) \\"quoted\\"'


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    require()
    made = Cluster(tmp_path / "cluster", 3, "min-replicas-to-write 1\nmin-replicas-max-lag 4\n")
    yield made
    made.kill()


class Pod:
    """The pod of a backup or of a restore: its files, its volumes, its environment."""

    def __init__(self, folder: Path, cluster: Cluster, stack: str = "local") -> None:
        self.work, self.store, self._files = folder / "work", folder / "store", folder / "scripts"
        for path in (self.work, self.store, self._files, folder / "auth"):
            path.mkdir(parents=True)
        for path in (*BACKUP_FILES.iterdir(), FILES / "common.sh"):
            (self._files / path.name).write_text(path.read_text())
        (folder / "auth" / "password").write_text(PASSWORD)
        self._environment = {
            "PATH": os.environ["PATH"],
            "NAME": "redis",
            "SERVERS": " ".join(server.host for server in cluster.servers),
            "PORT": str(PORT),
            "STACK": stack,
            "KEYS": f"{INDEX} {ENTRIES}",
            "FORGET": "journal:idempotency:*",
            "KEEP": "2",
            "DEADLINE": "60",
            "HOSTNAME": folder.name,
            "FILES": str(self._files),
            "AUTH": str(folder / "auth"),
            "WORK": str(self.work),
            "STORE": str(self.store),
        }

    def run(self, script: str, *arguments: str, **environment: str) -> tuple[int, str]:
        done = subprocess.run(
            ["sh", self._files / script, *arguments],
            env={**self._environment, **environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        return done.returncode, done.stderr + done.stdout

    def take(self) -> Path:
        code, said = self.run("take.sh")
        assert code == 0, said
        return max(self.work.glob("local-*.rdb"))

    def restore(self, primary: Server, data: bytes) -> tuple[int, str]:
        (self.work / "from.rdb").write_bytes(data)
        return self.run("restore.sh", FROM="the-file", WRITE_HOST=primary.host)


def journal(primary: Server) -> tuple[str, str]:
    return primary.ask("HGETALL", ENTRIES), primary.ask("ZRANGE", INDEX, "0", "-1")


def fill(primary: Server, count: int) -> None:
    eventually(lambda: primary.ask("SET", "probe", "1") == "OK", "it takes writes")
    for number in range(count):
        assert primary.ask("HSET", ENTRIES, f"id{number}", f"{number} {ODD}") == "1"
        assert primary.ask("ZADD", INDEX, "0", f"id{number}") == "1"


def copied(primary: Server) -> None:
    eventually(lambda: primary.ask("WAIT", "2", "1000") == "2", "both replicas have it")


def test_what_comes_back_is_what_was_there(cluster: Cluster, tmp_path: Path) -> None:
    primary, pod = cluster.start().complete(), Pod(tmp_path / "pod", cluster)
    fill(primary, 20)
    copied(primary)
    before, backup = journal(primary), pod.take().read_bytes()
    primary.ask("HSET", ENTRIES, "id3", "changed")
    primary.ask("HDEL", ENTRIES, "id4")
    primary.ask("ZREM", INDEX, "id4")
    primary.ask("SET", ANSWERED, "id9 fingerprint")
    code, said = pod.restore(primary, backup)
    assert code == 0, said
    assert sorted(journal(primary)[0]) == sorted(before[0])
    assert journal(primary)[1] == before[1]
    assert primary.ask("EXISTS", ANSWERED) == "0"
    assert primary.ask("KEYS", "restore:*") == ""
    assert f"{ENTRIES}: 20 elements, each equal to the file's" in said
    assert "RPO: the backup was" in said
    assert "RTO: " in said


def test_a_journal_larger_than_what_a_client_may_be_told_at_once(cluster: Cluster, tmp_path: Path) -> None:
    """A server cuts off a client that asks for more than client-output-buffer-limit, or sends a command as large."""
    primary, pod = cluster.start().complete(), Pod(tmp_path / "pod", cluster)
    fill(primary, 1)
    entry = "redis.call('HSET', KEYS[1], 'id' .. i, i .. string.rep('x', i % 2000))"
    sorted_set = "redis.call('ZADD', KEYS[2], 0, 'id' .. i)"
    for first in range(100, 6100, 500):  # a server that is long at work is taken for dead
        many = f"for i = {first}, {first + 499} do {entry} {sorted_set} end return 1"
        assert primary.ask("EVAL", many, "2", ENTRIES, INDEX) == "1"
    copied(primary)
    for name, value in (("client-output-buffer-limit", "normal 1mb 0 0"), ("maxmemory-clients", "2mb")):
        assert primary.ask("CONFIG", "SET", name, value) == "OK"
    backup = pod.take().read_bytes()
    primary.ask("DEL", ENTRIES, INDEX)
    code, said = pod.restore(primary, backup)
    assert code == 0, said
    assert f"{ENTRIES}: 6001 elements, each equal to the file's" in said
    assert (primary.ask("HLEN", ENTRIES), primary.ask("ZCARD", INDEX)) == ("6001", "6001")
    assert primary.ask("HGET", ENTRIES, "id5999") == "5999" + "x" * 1999


def test_a_backup_is_of_a_replica(cluster: Cluster, tmp_path: Path) -> None:
    primary, pod = cluster.start().complete(), Pod(tmp_path / "pod", cluster)
    _, said = pod.run("take.sh")
    assert "taken from" in said
    assert f"taken from {primary.host}," not in said


def test_a_file_that_is_wrong_changes_nothing(cluster: Cluster, tmp_path: Path) -> None:
    primary, pod = cluster.start().complete(), Pod(tmp_path / "pod", cluster)
    fill(primary, 5)
    copied(primary)
    good = pod.take().read_bytes()
    other = Pod(tmp_path / "other", cluster, stack="prod")
    assert other.run("take.sh")[0] == 0
    middle = len(good) // 2
    plain = subprocess.run(
        ["redis-cli", "-h", primary.host, "-p", str(PORT), "-a", PASSWORD, "--rdb", tmp_path / "plain"],
        capture_output=True,
        check=False,
    )
    assert plain.returncode == 0
    wrong = {
        "is empty, or is not there": b"",
        "is damaged: it is no RDB file": b"hello",
        "the-file is damaged": good[:-20],
        "the-file is damaged:": good[:middle] + b"xx" + good[middle + 2 :],
        "is of stack prod, and this is stack local": max(other.work.glob("prod-*.rdb")).read_bytes(),
        "is no backup of a journal": (tmp_path / "plain").read_bytes(),
    }
    primary.ask("HSET", ENTRIES, "id1", "newer")
    before = journal(primary)
    for message, data in wrong.items():
        code, said = pod.restore(primary, data)
        assert code == 1, said
        assert message in said
        assert said.rstrip().endswith("The running data is untouched.")
        assert journal(primary) == before
    replica = next(server for server in cluster.servers if server is not primary)
    code, said = pod.restore(replica, good)
    assert (code, journal(primary)) == (1, before)
    assert "READONLY" in said


def test_a_primary_without_room_for_both_refuses_and_keeps_what_it_has(cluster: Cluster, tmp_path: Path) -> None:
    primary, pod = cluster.start().complete(), Pod(tmp_path / "pod", cluster)
    fill(primary, 5)
    copied(primary)
    backup = pod.take().read_bytes()
    primary.ask("HSET", ENTRIES, "id1", "newer")
    before = journal(primary)
    assert primary.ask("CONFIG", "SET", "maxmemory", "1") == "OK"
    code, said = pod.restore(primary, backup)
    assert primary.ask("CONFIG", "SET", "maxmemory", "0") == "OK"
    assert (code, journal(primary), primary.ask("KEYS", "restore:*")) == (1, before, ""), said
    assert "OOM" in said
    assert said.rstrip().endswith("The running data is untouched.")


def test_of_two_restores_at_once_one_is_refused(cluster: Cluster, tmp_path: Path) -> None:
    primary, pod = cluster.start().complete(), Pod(tmp_path / "pod", cluster)
    fill(primary, 5)
    copied(primary)
    backup = pod.take().read_bytes()
    primary.ask("HSET", ENTRIES, "id1", "newer")
    before = journal(primary)
    primary.ask("SET", LOCK, "the-other-pod", "EX", "50")
    primary.ask("SET", f"restore:{ENTRIES}", "what the other one copies")
    code, said = pod.restore(primary, backup)
    assert (code, journal(primary)) == (1, before), said
    assert "another restore is running, in pod the-other-pod" in said
    assert said.rstrip().endswith("The running data is untouched.")
    assert primary.ask("GET", LOCK) == "the-other-pod"
    assert primary.ask("GET", f"restore:{ENTRIES}") == "what the other one copies"
    primary.ask("DEL", LOCK)
    code, said = pod.restore(primary, backup)
    assert (code, primary.ask("KEYS", "restore:*")) == (0, ""), said


def test_the_oldest_backup_of_a_full_volume_comes_back(cluster: Cluster, tmp_path: Path) -> None:
    """A restore backs up first, and that deletes the oldest: it must have the file by then."""
    primary, pod = cluster.start().complete(), Pod(tmp_path / "pod", cluster)
    fill(primary, 3)
    copied(primary)
    before, oldest = journal(primary), pod.take()
    (pod.store / oldest.name).write_bytes(oldest.read_bytes())
    oldest.unlink()
    (pod.store / "local-30000101T000000Z.rdb").write_text("newer")
    primary.ask("DEL", ENTRIES, INDEX)
    for script in ("fetch.sh", "take.sh", "store.sh", "restore.sh"):
        code, said = pod.run(script, FROM=oldest.name, WRITE_HOST=primary.host)
        assert code == 0, said
    assert journal(primary) == before
    assert not list(pod.work.glob("local-*.rdb"))


def test_an_empty_journal_comes_back_empty(cluster: Cluster, tmp_path: Path) -> None:
    primary, pod = cluster.start().complete(), Pod(tmp_path / "pod", cluster)
    backup = pod.take().read_bytes()
    fill(primary, 2)
    code, said = pod.restore(primary, backup)
    assert (code, journal(primary)) == (0, ("", "")), said


def test_no_server_is_no_backup(cluster: Cluster, tmp_path: Path) -> None:
    code, said = Pod(tmp_path / "pod", cluster).run("take.sh")
    assert code == 1
    assert "no server of Redis answers" in said


def test_the_volume_keeps_the_newest_of_this_stack(cluster: Cluster, tmp_path: Path) -> None:
    pod = Pod(tmp_path / "pod", cluster)
    for name in ("local-1.rdb", "local-2.rdb", "prod-1.rdb"):
        (pod.store / name).write_text("old")
    (pod.work / "local-3.rdb").write_text("new")
    code, said = pod.run("store.sh")
    assert (code, said) == (0, "stored: local-3.rdb\n")
    assert sorted(path.name for path in pod.store.iterdir()) == ["local-2.rdb", "local-3.rdb", "prod-1.rdb"]


def test_a_name_that_is_no_backup_lists_the_newest_there_are(cluster: Cluster, tmp_path: Path) -> None:
    pod = Pod(tmp_path / "pod", cluster)
    for number in range(30):
        (pod.store / f"local-0{number}.rdb").write_text("old")
        os.utime(pod.store / f"local-0{number}.rdb", (0, 0))
    (pod.store / "local-1.rdb").write_text("data")
    for name, message in (
        ("", "must be the name"),
        ("../x", "must be the name"),
        ("local-2.rdb", "no backup local-2.rdb"),
    ):
        code, said = pod.run("fetch.sh", FROM=name)
        assert code == 1
        assert message in tail(said), "also where there are many"
        assert "local-1.rdb" in said
        assert "untouched" in said
    assert pod.run("fetch.sh", FROM="local-1.rdb") == (0, "")
    assert (pod.work / "from.rdb").read_text() == "data"


AWS = """#!/bin/sh
[ "$1 $2" = "s3 cp" ] && [ -z "$REFUSES" ] && { echo "$*" > called; exit; }
echo "$REFUSES" >&2
exit 1
"""


@pytest.mark.parametrize(
    ("refuses", "message"),
    [
        ("An error occurred (NoSuchBucket) when calling the PutObject operation: no", "The bucket b is not there"),
        ("An error occurred (404) when calling the HeadObject operation: Not Found", "There is no backup f in b."),
        ("An error occurred (AccessDenied) when calling", "S3 refused it: An error occurred (AccessDenied)"),
    ],
)
def test_what_s3_refuses_is_explained(cluster: Cluster, tmp_path: Path, refuses: str, message: str) -> None:
    pod = Pod(tmp_path / "pod", cluster)
    (pod.work / "local-1.rdb").write_text("data")
    (tmp_path / "aws").write_text(AWS)
    (tmp_path / "aws").chmod(0o755)
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "BUCKET": "b", "FROM": "f"}
    for verb in ("put", "get"):
        code, said = pod.run("s3.sh", verb, REFUSES=refuses, **environment)
        assert code == 1
        assert message in said
    assert pod.run("s3.sh", "put", REFUSES="", **environment) == (0, "stored: s3://b/local-1.rdb\n")
    assert (pod.work / "called").read_text().strip() == "s3 cp --only-show-errors local-1.rdb s3://b/local-1.rdb"
