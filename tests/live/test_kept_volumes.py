"""Volumes over the ends of their node and of their cluster, with a state folder of its own."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client, config

from local import cluster
from local.cluster import state, volumes
from local.cluster.layout import Layout
from tests.live.cluster_pods import Pod, Pods, until
from tests.live.load import ONLY_DRILLS
from tests.live.test_cluster_lifecycle import Steps

pytestmark = [pytest.mark.lifecycle, pytest.mark.timeout(600)]
MIB = 1 << 20


@pytest.fixture(scope="module")
def programs() -> cluster.Programs:
    return cluster.build(Steps())


@pytest.fixture
def layout(programs: cluster.Programs, tmp_path: Path) -> Iterator[Layout]:
    ran = cluster.status().node is not None
    cluster.stop(wipe=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JOURNAL_STATE", str(tmp_path / "state"))
        yield Layout.current()
        cluster.stop(wipe=True)
    if ran:
        cluster.start(programs, Steps())


def started(programs: cluster.Programs) -> Pods:
    node = cluster.start(programs, Steps())
    core: Any = client.CoreV1Api(config.new_client_from_config(str(node.kubeconfig)))
    pods = Pods(core, "kept")
    if "kept" not in [space.metadata.name for space in core.list_namespace().items]:
        core.create_namespace({"metadata": {"name": "kept"}})
        until(lambda: core.list_namespaced_service_account("kept").items)
    return pods


def claimed(pods: Pods, name: str, size: str = "300Mi") -> Pod:
    """A pod that mounts a claim of its name at /data."""
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}}
    pods.core.create_namespaced_persistent_volume_claim("kept", {"metadata": {"name": name}, "spec": claim})
    spec: dict[str, Any] = {
        "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": name}}],
        "container": {"volumeMounts": [{"name": "data", "mountPath": "/data"}]},
    }
    return pods.run(name, **spec)


def mib(pod: Pod) -> int:
    """The size of the file system that the pod sees."""
    found = os.statvfs(pod.path("/data"))
    return found.f_blocks * found.f_frsize // MIB


def test_data_outlives_a_killed_node_at_once(layout: Layout, programs: cluster.Programs) -> None:
    pods = started(programs)
    claimed(pods, "one").path("/data/file").write_text("acknowledged")
    assert len(volumes.attached(layout)) == 1
    for _ in range(3):
        os.kill(state.node_pid(layout), signal.SIGKILL)
        pods = started(programs)
        pod = pods.running("one")
        assert pod.path("/data/file").read_text() == "acknowledged"
        assert len(volumes.attached(layout)) == 1
    cluster.stop(wipe=False)
    assert volumes.attached(layout) == []


@ONLY_DRILLS
def test_a_pod_waits_for_a_volume_that_cannot_be_mounted(layout: Layout, programs: cluster.Programs) -> None:
    """An empty folder in its place would be worse."""
    pods = started(programs)
    claimed(pods, "one").path("/data/file").write_text("kept")
    claimed(pods, "two")
    cluster.stop(wipe=False)
    (image,) = [path.parent / "image" for path in layout.volumes.glob("*/claim") if path.read_text() == "kept/one"]
    image.rename(image.with_name("away"))
    image.write_bytes(b"\0" * MIB)
    pods = started(programs)
    pods.running("two")

    def told() -> list[str]:
        events = pods.core.list_namespaced_event("kept").items
        return [e.message for e in events if e.reason == "FailedMount" and e.involved_object.name == "one"]

    assert "does not exist" in until(told, 60)[-1]
    assert "no pod gets the volume of" in (layout.logs / "volumes.log").read_text()
    cluster.stop(wipe=False)
    image.with_name("away").rename(image)
    assert started(programs).running("one").path("/data/file").read_text() == "kept"


def test_the_next_cluster_has_what_was_kept_of_the_last_and_no_more(layout: Layout, programs: cluster.Programs) -> None:
    pods = started(programs)
    first = claimed(pods, "one")
    assert 200 < mib(first) <= 300
    first.path("/data/file").write_text("kept")
    uid = pods.core.read_namespaced_persistent_volume_claim("one", "kept").metadata.uid
    cluster.stop(wipe=True, keep_volumes=True)
    assert [volume.claim for volume in cluster.kept_volumes()] == ["kept/one"]
    assert volumes.attached(layout) == []
    assert {p.name for p in layout.state.iterdir()} == {"lock", "volumes"}

    pods = started(programs)
    claims = pods.core.list_namespaced_persistent_volume_claim("kept").items
    assert claims == [], "it is another cluster"
    other, again = claimed(pods, "other"), claimed(pods, "one", "600Mi")
    assert not other.path("/data/file").exists()
    assert again.path("/data/file").read_text() == "kept"
    assert 500 < mib(again) <= 600, "it has grown to what the claim asks for"
    assert pods.core.read_namespaced_persistent_volume_claim("one", "kept").metadata.uid != uid
    assert cluster.kept_volumes() == []

    pods.delete("one")
    pods.core.delete_namespaced_persistent_volume_claim("one", "kept")
    until(lambda: len(volumes.attached(layout)) == 1)
    assert not claimed(pods, "one").path("/data/file").exists(), "a claim that is made anew is empty"
    cluster.stop(wipe=True)
    assert {p.name for p in layout.state.iterdir()} == {"lock"}
