"""What a node consists of, what the host must have for it, and when it counts as ready."""

import json
from pathlib import Path
from typing import Any

import pytest

from local.cluster import api, cgroups, components, host
from local.cluster.layout import Layout
from local.cluster.programs import Programs
from local.supervisor import supervisor
from local.supervisor.spec import NodeSpec, Probe


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "cache", tmp_path / "state")


@pytest.fixture
def spec(layout: Layout) -> NodeSpec:
    return components.compose(Programs(Path("/programs")), layout, [])


def test_a_spec_survives_its_file(spec: NodeSpec, tmp_path: Path) -> None:
    spec.write(tmp_path / "node.json")
    assert NodeSpec.read(tmp_path / "node.json") == spec


def test_components_need_components_before_them(spec: NodeSpec) -> None:
    names = [c.name for c in spec.components]
    assert all(set(c.requires) <= set(names[: names.index(c.name)]) for c in spec.components)


def test_every_client_of_the_api_server_follows_it(spec: NodeSpec) -> None:
    clients = {c.name for c in spec.components if "kube-apiserver" in c.requires}
    assert clients == {"kube-controller-manager", "kube-scheduler", "agent", "kube-proxy", "kubelet"}
    assert {c.name for c in spec.components if c.follows} == clients


def test_shutdown_knows_every_component(spec: NodeSpec) -> None:
    phased = {name for names, _ in supervisor.PHASES for name in names} | {"kubelet"}
    assert phased == {c.name for c in spec.components if not c.once}


@pytest.mark.parametrize("change", ["program", "file", "code"])
def test_the_digest_changes_with_what_runs(
    change: str, spec: NodeSpec, layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = tmp_path / "code.py"
    code.write_text("x")
    if change == "file":
        monkeypatch.setattr("local.cluster.components.open_files", lambda: 42)
    programs = Programs(Path("/others" if change == "program" else "/programs"))
    changed = components.compose(programs, layout, [code] if change == "code" else [])
    assert changed.digest != spec.digest
    assert components.compose(Programs(Path("/programs")), layout, []).digest == spec.digest or change == "file"


def node(status: str, heartbeat: str) -> dict[str, Any]:
    return {"status": {"conditions": [{"type": "Ready", "status": status, "lastHeartbeatTime": heartbeat}]}}


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (None, False),
        ({}, False),
        (node("True", "2026-11-21T10:00:00Z"), True),
        (node("True", "2026-11-21T10:00:07Z"), True),
        (node("False", "2026-11-21T10:00:07Z"), False),
        (node("True", "2026-11-21T09:59:59Z"), False),
    ],
)
def test_a_node_is_ready_by_a_heartbeat_of_this_life(found: dict | None, expected: bool) -> None:
    assert api.node_is_ready(found, "2026-11-21T10:00:00Z") is expected


def test_a_container_that_only_the_api_server_knows_is_stale() -> None:
    statuses = [
        {"containerID": "containerd://old", "state": {"running": {}}},
        {"containerID": "containerd://new", "state": {"running": {}}},
        {"containerID": "containerd://done", "state": {"terminated": {}}},
        {"state": {"waiting": {}}},
    ]
    pods = [{"status": {"containerStatuses": statuses}}, {"status": {}}]
    assert api.stale_containers(pods, {"new"}) == {"old"}


ETH0 = {"ifname": "eth0", "addr_info": [{"local": "192.0.2.2"}]}


@pytest.mark.parametrize(
    ("addresses", "routes", "expected"),
    [
        ([ETH0], [{"dst": "default", "dev": "eth0"}, {"dst": "192.0.2.0/24", "dev": "eth0"}], []),
        ([{"ifname": "cni0", "addr_info": [{"local": "10.244.0.1"}]}], [], ["cni0 has the address 10.244.0.1"]),
        ([], [{"dst": "10.96.0.0/12", "dev": "tun0"}], ["10.96.0.0/12 is routed to tun0"]),
        ([], [{"dst": "10.123.0.2"}], ["10.123.0.2/32 is routed to another machine"]),
        ([], [{"dst": "10.0.0.0/8", "dev": "eth0"}], ["10.0.0.0/8 is routed to eth0"]),
    ],
)
def test_clashes(addresses: list, routes: list, expected: list[str]) -> None:
    assert host.clashes(addresses, routes) == expected


@pytest.mark.parametrize(
    ("effective", "expected"),
    [("000001fffeffffff", []), ("00000000a80425fb", ["CAP_NET_ADMIN", "CAP_SYS_PTRACE", "CAP_SYS_ADMIN"])],
)
def test_missing_capabilities(effective: str, expected: list[str]) -> None:
    assert host.missing_capabilities(f"Name:\tx\nCapEff:\t{effective}\n") == expected


V1 = """\
31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:3 - cgroup cgroup rw,cpu
35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
36 31 0:33 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids
41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
"""


def test_cgroup_v1_beside_an_empty_v2() -> None:
    found = cgroups.hierarchies(V1)
    assert [p.name for p in found] == ["cpu,cpuacct", "memory", "pids"]
    assert cgroups.missing(found) == []
    assert cgroups.missing(found[:1]) == ["memory", "pids"]


def test_cgroup_v2_alone() -> None:
    assert cgroups.hierarchies("31 23 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n") == [cgroups.ROOT]


def test_processes_of_another_node_are_found(tmp_path: Path) -> None:
    for folder, pids in (("a", ""), ("a/pods", "12\n7\n"), ("b", "12\n")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "cgroup.procs").write_text(pids)
    assert cgroups.busy([tmp_path / "a", tmp_path / "b", tmp_path / "missing"]) == ["12", "7"]


def test_kubelets_configuration_is_plain_data(spec: NodeSpec) -> None:
    assert json.loads(spec.files["kubelet.json"])["imageGCHighThresholdPercent"] == 100


def test_a_probe_asks_one_thing(spec: NodeSpec) -> None:
    probes = [c.probe for c in spec.components if c.probe]
    assert probes
    assert all(bool(p.unix) != bool(p.https) for p in probes if isinstance(p, Probe))
