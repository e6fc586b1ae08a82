"""The Debian packages that the local machine needs, and their installation."""

import os
import shutil
import subprocess

from tools.failures import Failure

APT: dict[str, str] = {
    # program: package
    "/usr/lib/cni/ptp": "containernetworking-plugins",
    "buildah": "buildah",
    "containerd": "containerd",
    "ip": "iproute2",
    "mkfs.xfs": "xfsprogs",
    "mmdebstrap": "mmdebstrap",
    "nft": "nftables",
    "runc": "runc",
}
"""What `make up` needs."""

TEST_APT: dict[str, str] = {
    "certutil": "libnss3-tools",
    "chromium": "chromium",
    "nginx": "nginx-light",
    "redis-server": "redis-server",
}
"""What the tests need beside it."""


def missing_packages(wanted: dict[str, str] = APT) -> list[str]:
    """The packages whose program is not on PATH, sorted."""
    return sorted({package for program, package in wanted.items() if shutil.which(program) is None})


def install(names: list[str]) -> None:
    """Install Debian packages. Services that they bring are not started. Raises Failure."""
    if shutil.which("apt-get") is None:
        raise Failure(f"Missing: {', '.join(names)}, and no apt-get to install them.", "Install them by hand.")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    for arguments in (["update"], ["install", "-y", "--no-install-recommends", *names]):
        command = ["apt-get", "-q", *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            tail = "\n".join((done.stdout + done.stderr).splitlines()[-10:])
            raise Failure(f"{' '.join(command)} failed.", "Is this root, and does Debian's mirror answer?", tail)
