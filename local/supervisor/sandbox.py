"""The inside of the node's namespaces: mounts, cgroup hierarchies, network, CNI. Runs once, as their first process."""

import subprocess
import time
from pathlib import Path

from local.supervisor.spec import NodeSpec

# Pods are routed by their own address, so a packet whose way back is another interface has a forged source.
SYSCTLS = {
    "net/ipv4/ip_forward": "1",
    "net/ipv4/conf/all/rp_filter": "1",
    "net/ipv4/conf/default/rp_filter": "1",
    "net/ipv6/conf/all/disable_ipv6": "1",
    "net/ipv6/conf/default/disable_ipv6": "1",
}


def set_up(spec: NodeSpec) -> None:
    """Raises OSError and CalledProcessError."""
    _mount_system()
    _mount_folders(spec)
    _network(spec)
    _plugins(spec)


def _run(*command: str) -> None:
    subprocess.run(command, check=True)


def _mount_system() -> None:
    """Own /run, /proc and /sys; the cgroup hierarchies are the machine's, without an empty v2 beside v1."""
    _run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run")
    old = Path("/run/cgroup")
    old.mkdir()
    _run("mount", "--rbind", "/sys/fs/cgroup", str(old))
    if (old / "unified").is_mount():
        _run("umount", str(old / "unified"))
    _run("mount", "-t", "proc", "proc", "/proc")
    _run("mount", "-t", "sysfs", "sysfs", "/sys")
    _run("mount", "--move", str(old), "/sys/fs/cgroup")
    old.rmdir()
    _run("mount", "--make-rshared", "/")


def _mount_folders(spec: NodeSpec) -> None:
    _run("mount", "--bind", str(spec.folder("kubelet")), "/var/lib/kubelet")
    for temporary in ("/var/lib/cni", "/var/log/containers"):
        _run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", temporary)
    for folder in ("/run/lock", "/run/netns", *spec.temporary):
        Path(folder).mkdir(mode=0o700, exist_ok=True)


def _network(spec: NodeSpec) -> None:
    """The host puts the other end of the veth here as soon as it knows this process."""
    deadline = time.monotonic() + 10
    while not Path(f"/sys/class/net/{spec.interface}").exists():
        if time.monotonic() > deadline:
            raise OSError(f"the host made no {spec.interface} within 10 s")
        time.sleep(0.01)
    _run("hostname", spec.name)
    for name, value in SYSCTLS.items():
        path = Path("/proc/sys") / name
        if path.exists():
            path.write_text(value)
    _run("ip", "link", "set", "lo", "up")
    _run("ip", "addr", "add", spec.address, "dev", spec.interface)
    _run("ip", "link", "set", spec.interface, "up")
    _run("ip", "route", "add", "default", "via", spec.gateway)


def _plugins(spec: NodeSpec) -> None:
    folder = spec.folder("run") / "cni" / "bin"
    folder.mkdir(parents=True, exist_ok=True)
    for name, program in spec.cni.items():
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(program)
