"""The host: what must be so before a node can start, what the node is given, and how all of it is taken back."""

import contextlib
import ipaddress
import json
import os
import platform
import shutil
import subprocess
from pathlib import Path
from typing import Any

from local.cluster import cgroups
from local.cluster.components import CNI_PLUGINS
from local.cluster.errors import ClusterError, tail
from local.cluster.layout import (
    HOST_ADDRESS,
    HOST_INTERFACE,
    LINK_CIDR,
    MOUNT_POINTS,
    NODE_ADDRESS,
    NODE_INTERFACE,
    POD_CIDR,
    SERVICE_CIDR,
    Layout,
)
from tools.files import write_atomically

PROGRAMS = (
    "containerd",
    "containerd-shim-runc-v2",
    "ctr",
    "runc",
    "nft",
    "ip",
    "unshare",
    "nsenter",
    "mount",
    "losetup",
    "mkfs.xfs",
)
CAPABILITIES = {"CAP_NET_ADMIN": 12, "CAP_SYS_CHROOT": 18, "CAP_SYS_PTRACE": 19, "CAP_SYS_ADMIN": 21}
PRIVILEGED = "Run it as root on the machine itself, or in a privileged container."
# kubelet sets these for the whole machine.
SYSCTLS = (
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
)


def check(layout: Layout) -> None:
    """Raises ClusterError. It changes nothing."""
    _programs()
    _kernel()
    cgroups.check()
    for folder in (layout.state, layout.cache):
        if folder.is_relative_to("/run"):
            raise ClusterError(
                f"{folder} is below /run, which the node has of its own.",
                "Choose another folder by JOURNAL_STATE or JOURNAL_CACHE.",
            )
    if found := clashes(_listed("addr"), _listed("route")):
        raise ClusterError(
            "The cluster's addresses are in use: " + "; ".join(found) + ".",
            "Remove that, or stop the other cluster (a state folder of its own? JOURNAL_STATE).",
        )


def require_privileges() -> None:
    """Raises ClusterError where the node can never run."""
    if platform.system() != "Linux":
        raise ClusterError("The cluster runs on Linux only.", "Use a Linux machine, or name a cluster by KUBE_CONTEXT.")
    if os.geteuid() != 0:
        raise ClusterError("The cluster must be started by root.", PRIVILEGED)
    if lacking := missing_capabilities(Path("/proc/self/status").read_text()):
        raise ClusterError(f"root lacks {', '.join(lacking)} here.", PRIVILEGED)


def missing_capabilities(status: str) -> list[str]:
    """The capabilities that a process's /proc/…/status lacks."""
    effective = int(next(line.split()[1] for line in status.splitlines() if line.startswith("CapEff:")), 16)
    return [name for name, bit in CAPABILITIES.items() if not effective >> bit & 1]


def _programs() -> None:
    missing = [p for p in (*PROGRAMS, *(str(CNI_PLUGINS / n) for n in ("ptp", "host-local"))) if not shutil.which(p)]
    if missing:
        raise ClusterError(
            f"Programs are missing: {', '.join(missing)}.",
            "Install containerd, runc, containernetworking-plugins, nftables, iproute2, util-linux and xfsprogs.",
        )


def _kernel() -> None:
    """Try what the node will do, in namespaces that go away at once."""
    if "\toverlay\n" not in Path("/proc/filesystems").read_text() and _try("modprobe", "overlay"):
        raise ClusterError("The kernel has no overlayfs.", "Load the module `overlay`, or use another kernel.")
    namespaces = ["unshare", "--mount", "--net", "--pid", "--uts", "--ipc", "--fork", "--propagation", "private"]
    if log := _try(*namespaces, "mount", "-t", "proc", "proc", "/proc"):
        raise ClusterError("New namespaces cannot be made.", PRIVILEGED, log)
    if log := _try(
        "unshare", "--net", "nft", "add table inet t; add chain inet t c { type nat hook prerouting priority 0; }"
    ):
        raise ClusterError(
            "nftables does not work.",
            "Use a kernel (5.13 or newer) with nf_tables and NAT, built in or as modules.",
            log,
        )


def _try(*command: str) -> str:
    """Empty on success, else what the command said."""
    try:
        run = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        return str(error)
    return "" if run.returncode == 0 else tail(run.stderr) or f"status {run.returncode}"


def _listed(what: str) -> list[dict[str, Any]]:
    return json.loads(subprocess.run(["ip", "-j", "-4", what], capture_output=True, text=True, check=True).stdout)


def clashes(addresses: list[dict[str, Any]], routes: list[dict[str, Any]]) -> list[str]:
    """What else uses the cluster's networks, as sentences.

    addresses, routes: from `ip -j addr` and `ip -j route`. A default route is no clash.
    """
    ours = [ipaddress.ip_network(cidr) for cidr in (LINK_CIDR, POD_CIDR, SERVICE_CIDR)]
    found = []
    for interface in addresses:
        for address in interface.get("addr_info", []):
            if any(ipaddress.ip_address(address["local"]) in network for network in ours):
                found.append(f"{interface['ifname']} has the address {address['local']}")
    for route in routes:
        if route["dst"] == "default" or route.get("dev") == HOST_INTERFACE:
            continue
        network = ipaddress.ip_network(route["dst"])
        if any(network.overlaps(own) for own in ours):
            found.append(f"{network} is routed to {route.get('dev', 'another machine')}")
    return found


def prepare(layout: Layout) -> None:
    """Note how things are, then make cgroup folders and mount points. `restore` undoes what is noted."""
    missing = [path for path in MOUNT_POINTS if not Path(path).exists()]
    values = {name: (Path("/proc/sys") / name).read_text() for name in SYSCTLS if (Path("/proc/sys") / name).exists()}
    write_atomically(layout.host, json.dumps({"sysctls": values, "made": missing}))
    for path in missing:
        Path(path).mkdir(parents=True)
    cgroups.create()


def connect(pid: int) -> None:
    """A veth between the host and the node's namespace, and the routes to services and pods."""
    _ip("link", "add", HOST_INTERFACE, "type", "veth", "peer", "name", NODE_INTERFACE, "netns", str(pid))
    _ip("addr", "add", f"{HOST_ADDRESS}/30", "dev", HOST_INTERFACE)
    _ip("link", "set", HOST_INTERFACE, "up")
    for network in (SERVICE_CIDR, POD_CIDR):
        _ip("route", "add", network, "via", NODE_ADDRESS)


def restore(layout: Layout) -> None:
    """Take back what `prepare` and `connect` did, when nothing of the node runs any more. No note, nothing to undo."""
    try:
        noted = json.loads(layout.host.read_text())
    except (OSError, ValueError):
        return
    subprocess.run(["ip", "link", "del", HOST_INTERFACE], capture_output=True, check=False)
    for name, value in noted["sysctls"].items():
        (Path("/proc/sys") / name).write_text(value)
    cgroups.remove()
    for path in noted["made"]:
        with contextlib.suppress(OSError):
            Path(path).rmdir()
    layout.host.unlink()


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)
