"""Starting and stopping a node with a state folder of its own. The one that runs is stopped before, started after."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from local import cluster
from local.cluster import state
from local.cluster.layout import MOUNT_POINTS, Layout
from tests.live.cluster_pods import until

pytestmark = pytest.mark.lifecycle
ROOT = Path(__file__).resolve().parent.parent.parent
START = """
import sys
from local import cluster
class Silent:
    def step(self, name, done=None, total=None): print(name, file=sys.stderr, flush=True)
cluster.start(cluster.build(Silent()), Silent())
"""


class Steps:
    """Remembers the names of the steps."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def step(self, name: str, done: int | None = None, total: int | None = None) -> None:
        self.names.append(name)


@pytest.fixture(scope="module")
def programs() -> cluster.Programs:
    return cluster.build(Steps())


@pytest.fixture(scope="module")
def layout(programs: cluster.Programs, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Layout]:
    ran = cluster.status().node is not None
    cluster.stop(wipe=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JOURNAL_STATE", str(tmp_path_factory.mktemp("state")))
        yield Layout.current()
        cluster.stop(wipe=True)
    if ran:
        cluster.start(programs, Steps())


@pytest.fixture
def running(layout: Layout, programs: cluster.Programs) -> Layout:
    cluster.start(programs, Steps())
    return layout


def kubectl(layout: Layout, *arguments: str) -> str:
    command = [str(cluster.kubectl_path()), "--kubeconfig", str(layout.kubeconfig), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def trace(layout: Layout) -> dict[str, set[str]]:
    """What a node may leave on the host, by kind."""
    ip = {what: json.loads(subprocess.check_output(["ip", "-j", what])) for what in ("link", "route", "rule")}
    sysctls = [Path("/proc/sys") / n for n in ("vm/overcommit_memory", "kernel/panic", "kernel/panic_on_oops")]
    ours = (str(layout.state).encode(), b"journal-stack/platform", b"containerd-shim", b"kubepods")
    commands = [p for p in Path("/proc").glob("[0-9]*/cmdline") if any(word in read(p) for word in ours)]
    return {
        "processes": {read(p).replace(b"\0", b" ").decode() for p in commands},
        "mounts": {m for m in Path("/proc/mounts").read_text().splitlines() if "journal" in m or "kubelet" in m},
        "links": {link["ifname"] for link in ip["link"]},
        "routes": {route["dst"] for route in ip["route"]},
        "rules": {json.dumps(rule) for rule in ip["rule"]},
        "filters": set(subprocess.check_output(["nft", "list", "ruleset"], text=True).splitlines()),
        "cgroups": {str(p) for p in Path("/sys/fs/cgroup").glob("**/journal-node")},
        "settings": {f"{p}={p.read_text()}" for p in sysctls},
        "folders": {p for p in MOUNT_POINTS if Path(p).exists()},
    }


def read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


@pytest.mark.parametrize("wipe", [True, False])
def test_stopping_leaves_nothing(layout: Layout, programs: cluster.Programs, wipe: bool) -> None:
    before = trace(layout)
    cluster.start(programs, Steps())
    assert trace(layout)["links"] == before["links"] | {"journal0"}
    until(lambda: "1/1" in kubectl(layout, "get", "pods", "-A"))
    cluster.stop(wipe=wipe)
    assert trace(layout) == before
    left = {p.name for p in layout.state.iterdir()}
    assert left == ({"lock"} if wipe else {"lock", "etcd", "kubeconfig", "kubelet", "logs", "pki", "volumes"})


def test_state_survives_a_stop(running: Layout, programs: cluster.Programs) -> None:
    kubectl(running, "create", "configmap", "kept")
    cluster.stop(wipe=False)
    cluster.start(programs, Steps())
    assert kubectl(running, "get", "configmap", "kept", "-o", "name")


def test_stopping_what_does_not_run_is_harmless(layout: Layout) -> None:
    cluster.stop(wipe=False)
    cluster.stop(wipe=False)
    assert cluster.status() == cluster.Status(None, [])


def test_starting_twice_changes_nothing(running: Layout, programs: cluster.Programs) -> None:
    before, steps = cluster.status(), Steps()
    cluster.start(programs, steps)
    assert steps.names == []
    assert cluster.status() == before


def test_two_starts_at_once_make_one_node(layout: Layout, programs: cluster.Programs) -> None:
    cluster.stop(wipe=False)
    starts = [threading.Thread(target=cluster.start, args=(programs, Steps())) for _ in range(2)]
    for thread in starts:
        thread.start()
    for thread in starts:
        thread.join()
    assert len(state.processes(layout)) == 2, "unshare and the supervisor"
    assert all(c.ready for c in cluster.status().components)


def test_nothing_acknowledged_is_lost_with_the_supervisor(running: Layout, programs: cluster.Programs) -> None:
    kubectl(running, "create", "configmap", "acknowledged")
    os.kill(state.node_pid(running), signal.SIGKILL)
    until(lambda: not state.processes(running))
    cluster.start(programs, Steps())
    assert kubectl(running, "get", "configmap", "acknowledged", "-o", "name")


@pytest.mark.parametrize(
    "step", ["start the node", "wait for containerd", "wait for the API server", "wait for the node"]
)
def test_a_start_after_a_killed_start(layout: Layout, programs: cluster.Programs, step: str) -> None:
    cluster.stop(wipe=False)
    killed = subprocess.Popen([sys.executable, "-c", START], cwd=ROOT, stderr=subprocess.PIPE, text=True)
    assert killed.stderr is not None
    assert any(line.strip() == step for line in killed.stderr)
    killed.kill()
    killed.wait()
    cluster.start(programs, Steps())
    assert kubectl(layout, "get", "node", "local", "--no-headers").split()[1] == "Ready"


def test_the_node_outlives_its_command(layout: Layout) -> None:
    cluster.stop(wipe=False)
    subprocess.run([sys.executable, "-c", START], cwd=ROOT, capture_output=True, check=True)
    assert all(c.ready for c in cluster.status().components)
    assert os.getsid(state.node_pid(layout)) != os.getsid(0)


def test_another_build_restarts_the_node(running: Layout, programs: cluster.Programs, tmp_path: Path) -> None:
    first, steps = state.node_pid(running), Steps()
    copy = tmp_path / "programs"
    copy.symlink_to(programs.folder)
    cluster.start(cluster.Programs(copy), steps)
    assert steps.names[0].startswith("restart the node: it runs build")
    assert state.node_pid(running) != first


def test_used_addresses_are_named_before_anything_is_touched(layout: Layout, programs: cluster.Programs) -> None:
    cluster.stop(wipe=False)
    subprocess.run(["ip", "route", "add", "blackhole", "10.244.7.0/24"], check=True)
    try:
        with pytest.raises(cluster.ClusterError, match=r"10\.244\.7\.0/24"):
            cluster.start(programs, Steps())
        assert not state.processes(layout)
        assert "journal0" not in trace(layout)["links"]
    finally:
        subprocess.run(["ip", "route", "del", "blackhole", "10.244.7.0/24"], check=True)
