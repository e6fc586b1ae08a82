"""The Debian packages that the local machine needs, in one place."""

import shutil

APT: dict[str, str] = {
    # program: package
    "/usr/lib/cni/ptp": "containernetworking-plugins",
    "buildah": "buildah",
    "chromium": "chromium",
    "containerd": "containerd",
    "ip": "iproute2",
    "mmdebstrap": "mmdebstrap",
    "nft": "nftables",
    "runc": "runc",
}


def missing_packages() -> list[str]:
    """The packages whose program is not on PATH, sorted."""
    return sorted({package for program, package in APT.items() if shutil.which(program) is None})
