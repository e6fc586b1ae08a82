"""What the node needs of the host, and how all of it is taken back."""

import contextlib
import json
import subprocess
from pathlib import Path

from local.cluster import cgroups
from local.cluster.layout import (
    HOST_ADDRESS,
    HOST_LINK,
    MOUNT_POINTS,
    NODE_ADDRESS,
    NODE_LINK,
    POD_CIDR,
    SERVICE_CIDR,
    Layout,
)

# kubelet sets these for the whole machine.
SYSCTLS = (
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
)


def prepare(layout: Layout) -> None:
    """Note how things are, then make cgroup folders and mount points. `restore` undoes what is noted."""
    missing = [path for path in MOUNT_POINTS if not Path(path).exists()]
    values = {name: (Path("/proc/sys") / name).read_text() for name in SYSCTLS if (Path("/proc/sys") / name).exists()}
    layout.host.write_text(json.dumps({"sysctls": values, "made": missing}))
    for path in missing:
        Path(path).mkdir(parents=True)
    cgroups.create()


def connect(pid: int) -> None:
    """A veth between the host and the node's namespace, and the routes to services and pods."""
    _ip("link", "add", HOST_LINK, "type", "veth", "peer", "name", NODE_LINK, "netns", str(pid))
    _ip("addr", "add", f"{HOST_ADDRESS}/30", "dev", HOST_LINK)
    _ip("link", "set", HOST_LINK, "up")
    for network in (SERVICE_CIDR, POD_CIDR):
        _ip("route", "add", network, "via", NODE_ADDRESS)


def restore(layout: Layout) -> None:
    """Take back what `prepare` and `connect` did, when nothing of the node runs any more. No note, nothing to undo."""
    try:
        noted = json.loads(layout.host.read_text())
    except (OSError, ValueError):
        return
    subprocess.run(["ip", "link", "del", HOST_LINK], capture_output=True, check=False)
    for name, value in noted["sysctls"].items():
        (Path("/proc/sys") / name).write_text(value)
    cgroups.remove()
    for path in noted["made"]:
        with contextlib.suppress(OSError):
            Path(path).rmdir()
    layout.host.unlink()


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)
