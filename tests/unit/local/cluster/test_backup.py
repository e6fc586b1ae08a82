"""What is no whole backup of a cluster is refused before the cluster is touched."""

import gzip
import subprocess
import sys
import tarfile
from io import BytesIO
from pathlib import Path

import psutil
import pytest

from local.cluster import backup
from local.cluster.errors import ClusterError
from local.cluster.layout import Layout
from local.cluster.programs import Programs
from tests.unit.components.redis.servers import eventually
from tools.stack import ROOT


def archive(**files: str) -> bytes:
    """A compressed archive of files."""
    data = BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as made:
        for name, text in files.items():
            entry = tarfile.TarInfo(name.replace("__", "/").replace("_", "."))
            entry.size = len(text)
            made.addfile(entry, BytesIO(text.encode()))
    return data.getvalue()


WHOLE = archive(about_json='{"keys": 1, "revision": 1}', etcd__data="x", pki__key="x", pulumi__state="x")
CASES = {
    "is damaged, or no backup of a cluster": [
        b"",
        b"text",
        gzip.compress(b"text"),
        WHOLE[:-20],
        b"REDIS0011 a journal",
    ],
    "so it is no backup": [archive(etcd__data="x")],
    "it has no pki, pulumi": [archive(about_json='{"keys": 1, "revision": 1}', etcd__data="x")],
    r"damaged, or no backup of a cluster: .*keyword": [archive(about_json='{"stack": "prod"}')],
}


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    state = tmp_path / "state"
    for name in backup.FOLDERS:
        (state / name).mkdir(parents=True)
        (state / name / "kept").write_text("kept")
    return Layout(tmp_path / "cache", state)


def untouched(layout: Layout) -> bool:
    left = {path.relative_to(layout.state).as_posix() for path in layout.state.rglob("kept")}
    return left == {f"{name}/kept" for name in backup.FOLDERS} and not list(backup.backups_folder(layout).iterdir())


@pytest.mark.parametrize(
    ("message", "data"),
    [
        pytest.param(message, data, id=f"{message}-{number}")
        for message, all_ in CASES.items()
        for number, data in enumerate(all_)
    ],
)
def test_a_file_that_is_wrong_is_refused(layout: Layout, tmp_path: Path, message: str, data: bytes) -> None:
    source = tmp_path / "cluster.tar.gz"
    source.write_bytes(data)
    with pytest.raises(ClusterError, match=message) as refused:
        backup.restore(source, Programs(tmp_path), layout)
    assert refused.value.hint.endswith("Nothing was touched.")
    assert untouched(layout)


def test_a_name_that_is_not_there_lists_those_that_are(layout: Layout, tmp_path: Path) -> None:
    (tmp_path / "cluster-1.tar.gz").write_bytes(WHOLE)
    with pytest.raises(ClusterError, match=r"There is no backup .*cluster-2") as refused:
        backup.restore(tmp_path / "cluster-2.tar.gz", Programs(tmp_path), layout)
    assert "there are: cluster-1.tar.gz" in refused.value.hint
    assert untouched(layout)


def test_data_that_etcd_does_not_load_is_refused(layout: Layout, tmp_path: Path) -> None:
    etcd = tmp_path / "bin" / "etcd"
    etcd.parent.mkdir()
    etcd.write_text("#!/bin/sh\necho 'crc mismatch' >&2; exit 1\n")
    etcd.chmod(0o755)
    source = tmp_path / "cluster.tar.gz"
    source.write_bytes(WHOLE)
    with pytest.raises(ClusterError, match="etcd does not start with this data") as refused:
        backup.restore(source, Programs(tmp_path), layout)
    assert "crc mismatch" in refused.value.log_tail
    assert untouched(layout)


def test_a_cluster_that_does_not_run_cannot_be_backed_up(layout: Layout, tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match="etcd does not run"):
        backup.back_up(Programs(tmp_path), layout)


FREEZE = """
import sys, time
from local.cluster.backup import frozen
with frozen(int(sys.argv[1])):
    print("frozen", flush=True)
    time.sleep(60)
"""


def test_the_newest_are_kept(layout: Layout) -> None:
    folder = backup.backups_folder(layout)
    folder.mkdir()
    names = [f"cluster-2026010{day}T000000Z.tar.gz" for day in range(1, 10)]
    names += [f"cluster-202602{day}T000000Z.tar.gz" for day in (10, 11, 12)]
    for name in (*names, "other.tar.gz"):
        (folder / name).touch()
    assert backup.prune(layout) == names[:2]
    assert backup.prune(layout) == []
    assert sorted(path.name for path in folder.iterdir()) == [*names[2:], "other.tar.gz"]


BUSY = """
import threading
for _ in range(8):
    threading.Thread(target=lambda: [sum(range(10_000)) for _ in iter(int, 1)], daemon=True).start()
print("busy", flush=True)
threading.Event().wait(60)
"""


def test_no_thread_runs_on_while_etcd_is_copied() -> None:
    """A signal is no more than sent when kill() returns: a copy that begins then has files of two moments."""
    with subprocess.Popen([sys.executable, "-c", BUSY], stdout=subprocess.PIPE, text=True) as busy:
        assert busy.stdout is not None
        assert busy.stdout.readline() == "busy\n"
        try:
            for _ in range(20):
                with backup.frozen(busy.pid):
                    threads = Path(f"/proc/{busy.pid}/task").iterdir()
                    states = [thread.joinpath("stat").read_text().rpartition(") ")[2][0] for thread in threads]
                assert states == ["T"] * 9
        finally:
            busy.kill()


def test_what_stands_still_goes_on_when_the_backup_is_killed() -> None:
    """etcd would stand still until somebody wakes it, and with it the cluster."""
    with subprocess.Popen(["sleep", "60"]) as sleeper:
        process = psutil.Process(sleeper.pid)
        freezer = [sys.executable, "-c", FREEZE, str(sleeper.pid)]
        with subprocess.Popen(freezer, cwd=ROOT, stdout=subprocess.PIPE, text=True) as backup:
            assert backup.stdout is not None
            assert backup.stdout.readline() == "frozen\n"
            assert process.status() == psutil.STATUS_STOPPED
            backup.kill()
        try:
            eventually(lambda: process.status() == psutil.STATUS_SLEEPING, "it goes on")
        finally:
            sleeper.kill()
