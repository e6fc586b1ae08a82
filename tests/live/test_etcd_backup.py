"""A real etcd, alone: what it had at the backup comes back, taken while it is written to."""

import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from local import cluster
from local.cluster import backup
from local.cluster.layout import Layout
from local.cluster.state import ComponentStatus, Status
from tests.live.cluster_pods import until

pytestmark = pytest.mark.lifecycle


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    made = Layout(tmp_path / "cache", tmp_path / "state")
    for name in ("pki", "pulumi/home"):
        (made.state / name).mkdir(parents=True)
    (made.pki / "ca.key").write_text("secret")
    (made.state / "pulumi" / "home" / "plugin").symlink_to("/usr/bin/true")
    return made


@pytest.fixture
def etcd(layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[httpx.Client]:
    """An etcd that the backup takes for the node's."""
    url = "unix://localhost:1"
    flags = [f"--listen-client-urls={url}", f"--advertise-client-urls={url}", "--listen-peer-urls=unix://localhost:2"]
    command = [cluster.located().path("etcd"), f"--data-dir={layout.etcd}", *flags]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=tmp_path, stdout=log, stderr=log)
    component = ComponentStatus("etcd", process.pid, since=0, restarts=0, ready=True, last_end="")
    monkeypatch.setattr(backup, "status", lambda layout: Status(None, [component]))
    socket = tmp_path / "localhost:1"
    client = httpx.Client(transport=httpx.HTTPTransport(uds=str(socket)), base_url="http://etcd", timeout=20)
    until(lambda: socket.exists() and client.get("/health").json()["health"] == "true")
    yield client
    process.kill()
    process.wait()


def put(etcd: httpx.Client, key: str) -> None:
    etcd.post("/v3/kv/put", json={"key": key, "value": "AAAA"}).raise_for_status()


def test_what_etcd_had_comes_back(layout: Layout, etcd: httpx.Client) -> None:
    acknowledged: list[str] = []
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            key = f"{len(acknowledged):08d}"
            put(etcd, key)
            acknowledged.append(key)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        until(lambda: len(acknowledged) > 200)
        before = len(acknowledged)
        path, content, still = backup.back_up(cluster.located(), layout)
        after = len(acknowledged)
        until(lambda: len(acknowledged) > after + 50)
    finally:
        stop.set()
        writer.join()
    print(f"{content}, {before} acknowledged before and {after} after; etcd stood still for {still:.2f} s")
    assert before <= content.keys <= after + 1
    assert path.stat().st_mode & 0o077 == 0
    assert backup.restore(path, cluster.located(), layout) == content
    assert backup.load(cluster.located(), layout.etcd) == content
    assert (layout.pki / "ca.key").read_text() == "secret"
    assert [(layout.state / name).stat().st_mode & 0o777 for name in backup.FOLDERS] == [0o700] * 3
    assert [path.name for path in backup.backups_folder(layout).iterdir()] == [path.name]
