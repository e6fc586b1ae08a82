"""The Debian packages that the local machine needs, in one place."""

import shutil

APT: dict[str, str] = {
    # program: package
    "/usr/lib/cni/ptp": "containernetworking-plugins",
    "buildah": "buildah",
    "containerd": "containerd",
    "ip": "iproute2",
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
