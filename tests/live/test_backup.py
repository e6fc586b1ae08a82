"""The journal is backed up, wiped and brought back under load; and what a restore refuses changes nothing."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from components.journal.journal import KEYS, NAMESPACE
from components.redis import BACKUP
from local import backups, cluster
from local.access import Access
from tests.live.cluster_pods import until
from tests.live.load import LEAST, LONG, RATE, Load, primary, tell, tell_primary
from tools.stack import ROOT

pytestmark = [pytest.mark.live, pytest.mark.timeout(600)]
LOCK = "restore:lock"


def make(*arguments: str, answer: str = "") -> tuple[int, str]:
    """Whether a target of the Makefile went well, and what it says in one line."""
    done = subprocess.run(["make", *arguments], cwd=ROOT, input=answer, capture_output=True, text=True, check=False)
    return done.returncode, " ".join((done.stdout + done.stderr).replace("│", "").split())


def backed_up() -> str:
    """The name of a backup that was just taken."""
    code, said = make("backup")
    assert code == 0, said
    return next(word for word in said.split() if word.endswith(".rdb"))


def entries(http: httpx.Client) -> dict[str, dict[str, Any]]:
    """All entries by id."""
    found: dict[str, dict[str, Any]] = {}
    query: dict[str, Any] = {"limit": 100}
    while True:
        page = http.get("/api/entries", params=query, timeout=30).raise_for_status().json()
        found |= {entry["id"]: entry for entry in page["entries"]}
        if page["next"] is None:
            return found
        query["cursor"] = page["next"]


@pytest.fixture
def volume(here: Access) -> Path:
    """The folder of the volume with the backups, as the node sees it."""
    kubelet = next(component.pid for component in cluster.status().components if component.name == "kubelet")
    claim = here.json("-n", NAMESPACE, "get", "pvc", BACKUP)["spec"]["volumeName"]
    path = here.json("get", "pv", claim)["spec"]["local"]["path"]
    return Path(f"/proc/{kubelet}/root{path}")


def test_what_was_wiped_comes_back_under_load(here: Access, http: httpx.Client, local_stack: dict[str, str]) -> None:
    leads = primary(here)
    tell_primary(here, f"DEL {' '.join(KEYS)}")  # other drills leave ten thousand entries, and all are compared
    with Load(local_stack) as load:
        until(lambda: len(load.acknowledged) > 100)
        before, started = entries(http), time.monotonic()
        name = backed_up()
        ended = time.monotonic()
        until(lambda: sum(at > ended + 1 for at in load.acknowledged.values()) > 20)
        later = {text for text, at in load.acknowledged.items() if at > ended + 1}
        assert tell_primary(here, f"DEL {' '.join(KEYS)}") == str(len(KEYS))
        wiped = time.monotonic()
        assert not entries(http).keys() & before.keys()
        restoring = time.monotonic()
        code, said = make("restore", f"FROM={name}", "YES=1")
        assert code == 0, said
        restored = time.monotonic()
        after = entries(http)
        until(lambda: sum(at > restored for at in load.acknowledged.values()) > 20)
        until(lambda: load.sent + load.reads >= LEAST, 2 * LEAST / RATE)
    finally_there = {entry["text"] for entry in entries(http).values()}
    lost = {text for text, at in load.acknowledged.items() if at < restored} - finally_there
    tell(
        {
            "drill": f"backup, wipe, restore: {len(before)} entries equal, RPO {wiped - started:.1f} s, "
            f"RTO {restored - restoring:.1f} s",
            "primary": f"{leads} → {primary(here)}",
            "requests": load.sent + load.reads,
            "acknowledged": len(load.acknowledged),
            "lost": len(lost),
            "seconds without writes": round(load.without_writes(), 1),
            "requests a second": round(load.rate()),
            "refused writes": sorted({what for _, what in load.refused}),
            "refused": len(load.refused),
            "failed reads": len(load.failed_reads),
        }
    )
    assert len(before) > 100
    assert {id_: after.get(id_) for id_ in before} == before, "every entry is equal"
    assert {text for text, at in load.acknowledged.items() if at < started} <= finally_there
    assert not later & finally_there, "the backup is as old as it says"
    assert {text for text, at in load.acknowledged.items() if at > restored} <= finally_there
    assert load.sent + load.reads >= LEAST
    assert load.rate() > RATE / 2
    assert {what for _, what in load.refused} <= {"503"}
    assert load.failed_reads == []
    running = ["get", "pods", "-l", f"app.kubernetes.io/name={BACKUP}", "--field-selector=status.phase=Running"]
    assert here.json("-n", NAMESPACE, *running)["items"] == []


@pytest.fixture(scope="module")
def good(here: Access) -> str:
    """A backup's name."""
    return backed_up()


@pytest.fixture
def wrong(here: Access, volume: Path, good: str) -> Iterator[dict[str, str]]:
    """Names of files in the volume that are no backups of this journal, and what is said of each."""
    data = (volume / good).read_bytes()
    files = {"local-changed.rdb": data[:50] + b"xx" + data[52:]}
    if LONG:
        files |= {"local-cut.rdb": data[:-20], "local-text.rdb": b"hello"}
    for name, content in files.items():
        (volume / name).write_bytes(content)
        shutil.copymode(volume / good, volume / name)
        shutil.chown(volume / name, *((volume / good).stat().st_uid, (volume / good).stat().st_gid))
    other = backups.stored(backups.run(here, BACKUP, "local", {"STACK": "other"}))
    yield {
        "local-gone.rdb": "There is no backup local-gone.rdb",
        **{name: f"{name} is damaged" for name in files},
        other: f"{other} is of stack other, and this is stack local",
    }
    for name in (*files, other):
        (volume / name).unlink()


def test_what_cannot_be_restored_is_refused_and_changes_nothing(
    here: Access, http: httpx.Client, good: str, wrong: dict[str, str]
) -> None:
    http.post("/api/entries", json={"text": "newer than the backup"}).raise_for_status()
    before = entries(http)
    for name, message in wrong.items():
        code, said = make("restore", f"FROM={name}", "YES=1")
        assert code != 0, said
        assert message in said
        assert "The running data is untouched." in said
        assert entries(http) == before
    assert tell_primary(here, f"SET {LOCK} another-pod EX 120") == "OK"
    code, said = make("restore", f"FROM={good}", "YES=1")
    assert tell_primary(here, f"DEL {LOCK}") == "1"
    assert code != 0
    assert "another restore is running, in pod another-pod" in said
    assert entries(http) == before


def test_a_restore_asks_first(here: Access, good: str) -> None:
    def jobs() -> set[str]:
        return {job["metadata"]["name"] for job in here.json("-n", NAMESPACE, "get", "jobs")["items"]}

    before = jobs()
    code, said = make("restore", f"FROM={good}", answer="yes\n")
    assert code != 0
    assert "nothing was changed" in said
    code, said = make("restore")
    assert "make restore FROM=" in said
    assert code != 0
    assert jobs() == before
