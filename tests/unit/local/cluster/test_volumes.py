"""Volumes on this machine: what outlives a cluster, and under which name the next one finds it."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from local.cluster import node, volumes
from local.cluster.errors import ClusterError
from local.cluster.layout import Layout


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    monkeypatch.setattr(node, "halt", lambda layout, *, gently: None)
    found = Layout(tmp_path / "cache", tmp_path / "state")
    (found.etcd / "member").mkdir(parents=True)
    return found


def made(layout: Layout, name: str, claim: str, content: str = "data", age: int = 0) -> Path:
    """A volume as the node agent leaves it, `age` seconds ago."""
    folder = layout.volumes / name
    (folder / "mount").mkdir(parents=True)
    (folder / "claim").write_text(claim)
    (folder / "image").write_text(content)
    os.utime(folder / "claim", (1_000_000 - age, 1_000_000 - age))
    return folder


def test_what_is_kept_is_found_by_its_claim(layout: Layout) -> None:
    made(layout, "pvc-1", "journal/data-redis-0")
    made(layout, "pvc-2", "backup/backups")
    node.stop(wipe=True, keep_volumes=True, layout=layout)
    assert [volume.claim for volume in volumes.kept(layout)] == ["backup/backups", "journal/data-redis-0"]
    assert all(volume.bytes > 0 for volume in volumes.kept(layout))
    assert (layout.kept / "journal/data-redis-0/image").read_text() == "data"
    assert not layout.etcd.exists()


def test_without_being_asked_nothing_is_kept(layout: Layout) -> None:
    made(layout, "pvc-1", "journal/data-redis-0")
    node.stop(wipe=True, keep_volumes=True, layout=layout)
    node.stop(wipe=True, layout=layout)
    assert volumes.kept(layout) == []
    assert not layout.volumes.exists()


def test_what_no_claim_has_taken_up_is_kept_again(layout: Layout) -> None:
    made(layout, "pvc-1", "journal/data-redis-2")
    node.stop(wipe=True, keep_volumes=True, layout=layout)
    (layout.etcd / "member").mkdir(parents=True)
    made(layout, "pvc-2", "journal/data-redis-0")
    node.stop(wipe=True, keep_volumes=True, layout=layout)
    assert [volume.claim for volume in volumes.kept(layout)] == ["journal/data-redis-0", "journal/data-redis-2"]


def test_volumes_of_a_living_cluster_stay_where_they_are(layout: Layout) -> None:
    folder = made(layout, "pvc-1", "journal/data-redis-0")
    volumes.set_aside(layout)
    assert folder.exists()
    assert volumes.kept(layout) == []


def test_a_stop_that_was_killed_is_ended_by_the_next_start(layout: Layout) -> None:
    """Killed between forgetting the cluster and setting its volumes aside."""
    made(layout, "pvc-1", "journal/data-redis-0")
    volumes.forget_cluster(layout)
    assert volumes.kept(layout) == []
    volumes.set_aside(layout)
    assert [volume.claim for volume in volumes.kept(layout)] == ["journal/data-redis-0"]


def test_of_two_volumes_for_one_claim_the_newer_is_kept(layout: Layout) -> None:
    made(layout, "pvc-1", "journal/data-redis-0", "new")
    made(layout, "pvc-2", "journal/data-redis-0", "old", age=60)
    node.stop(wipe=True, keep_volumes=True, layout=layout)
    assert (layout.kept / "journal/data-redis-0/image").read_text() == "new"


def test_a_volume_that_was_not_finished_is_not_kept(layout: Layout) -> None:
    folder = made(layout, "new-pvc-1", "journal/data-redis-0")
    node.stop(wipe=True, keep_volumes=True, layout=layout)
    assert not folder.exists()
    assert volumes.kept(layout) == []


def test_a_volume_of_an_older_version_is_named_before_anything_is_touched(layout: Layout) -> None:
    (layout.volumes / "pvc-old").mkdir(parents=True)
    with pytest.raises(ClusterError, match="can't be kept: pvc-old"):
        node.stop(wipe=True, keep_volumes=True, layout=layout)
    assert (layout.etcd / "member").exists()
    assert (layout.volumes / "pvc-old").exists()


@pytest.mark.parametrize("images", [0, 2])
def test_mounting_goes_on_after_a_volume_that_fails(images: int, tmp_path: Path) -> None:
    calls, programs = tmp_path / "calls", tmp_path / "bin"
    programs.mkdir()
    for name, body in {"mount": f'echo "$4" >> {calls}; exit 32', "mountpoint": "exit 1"}.items():
        (programs / name).write_text(f"#!/bin/sh\n{body}\n")
        (programs / name).chmod(0o755)
    (tmp_path / "pvc-plain").mkdir()
    for number in range(images):
        folder = tmp_path / f"pvc-{number}"
        folder.mkdir()
        (folder / "image").touch()
    command = [shutil.which("sh") or "sh", "-ec", volumes.MOUNT, str(tmp_path)]
    ran = subprocess.run(command, env={"PATH": str(programs)}, capture_output=True, text=True, check=True)
    assert ran.stderr.count("no pod gets the volume of") == images
    tried = calls.read_text().splitlines() if calls.exists() else []
    assert tried == [str(tmp_path / f"pvc-{number}/mount") for number in range(images)]
