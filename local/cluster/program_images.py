"""The images of the programs that are built from Go modules, under the names that they have upstream."""

import hashlib
import json
from pathlib import Path

from local.cluster import archive
from local.cluster.archive import Image
from local.cluster.config import PAUSE_IMAGE
from local.cluster.errors import ClusterError
from local.cluster.programs import CERT_MANAGER, COREDNS, PEBBLE, SOURCES, TRAEFIK, Programs, pinned
from tools.golang import find

# Debian's, Fedora's, Alpine's place of the machine's certificate authorities.
AUTHORITIES = tuple(map(Path, ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/cert.pem", "/etc/ssl/cert.pem")))
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
CERT_MANAGER_USER = "1000:1000"  # as upstream's images


def images(programs: Programs) -> list[Image]:
    """All of them; those that the cluster itself needs first."""
    versions = pinned()
    certificates = {CERTIFICATES: next((p for p in AUTHORITIES if p.exists()), None)}
    trust = {name: path for name, path in certificates.items() if path is not None}

    def image(name: str, program: str, path: str, *arguments: str, user: str = "65532:65532") -> Image:
        return Image(name, {path: programs.path(program), **trust}, [path, *arguments], user)

    jetstack = "quay.io/jetstack/cert-manager"
    version = versions[CERT_MANAGER]
    cert_manager = [
        image(f"{jetstack}-{part}:{version}", "cert-manager", "/app/cert-manager", part, user=CERT_MANAGER_USER)
        for part in ("controller", "webhook", "cainjector")
    ]
    return [
        Image(PAUSE_IMAGE, {"/pause": programs.path("pause")}, ["/pause"], "65535:65535"),
        image(f"registry.k8s.io/coredns/coredns:{versions[COREDNS]}", "coredns", "/coredns"),
        image(f"docker.io/library/traefik:{versions[TRAEFIK]}", "traefik", "/usr/local/bin/traefik"),
        image(f"ghcr.io/letsencrypt/pebble:{versions[PEBBLE].removeprefix('v')}", "pebble", "/app"),
        *cert_manager,
        image(f"{jetstack}-acmesolver:{version}", "acmesolver", "/app/acmesolver", user=CERT_MANAGER_USER),
    ]


def file_name(image: Image) -> str:
    """Named by what it is and by all that makes it: `pause-3.10-1a2b3c4d.tar`."""
    stats = {name: [path.stat().st_size, path.stat().st_mtime_ns] for name, path in image.files.items()}
    text = json.dumps([image.name, stats, image.entrypoint, image.user, image.environment], sort_keys=True)
    short = image.name.rpartition("/")[2].replace(":", "-")
    return f"{short}-{hashlib.sha256(text.encode()).hexdigest()[:8]}.tar"


def write_all(programs: Programs) -> list[Path]:
    """Write the archives that are not there yet, beside the programs. Raises ClusterError."""
    if not programs.folder.exists():
        raise ClusterError("The cluster's programs are not built.", "Build them first (`make up` does).")
    folder = programs.folder / "images"
    folder.mkdir(exist_ok=True)
    architecture = find((SOURCES / "go.mod").read_text()).target.partition("/")[2]
    found = []
    for image in images(programs):
        path = folder / file_name(image)
        if not path.exists():
            archive.write(image, architecture, path)
        found.append(path)
    for old in set(folder.iterdir()) - set(found):
        old.unlink()
    return found
