"""Images: archives of the programs that are built here, and the import of archives into the node's containerd."""

import hashlib
import io
import json
import subprocess
import tarfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local.cluster.errors import ClusterError, tail
from local.cluster.layout import PAUSE_IMAGE, Layout
from local.cluster.programs import CERT_MANAGER, COREDNS, PEBBLE, SOURCES, TRAEFIK, Programs, pinned
from tools.files import replacing, write_atomically
from tools.golang import find
from tools.progress import Progress

EPOCH = "1970-01-01T00:00:00Z"  # the same content gives the same digest
USERS = "root:x:0:0:root:/:/sbin/nologin\nnonroot:x:65532:65532::/:/sbin/nologin\n"
GROUPS = "root:x:0:\nnonroot:x:65532:\n"
# Debian's, Fedora's, Alpine's place of the machine's certificate authorities.
AUTHORITIES = tuple(map(Path, ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/cert.pem", "/etc/ssl/cert.pem")))
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
CERT_MANAGER_USER = "1000:1000"  # as upstream's images
Records = dict[str, dict[str, str]]  # archive's fingerprint to image names and digests


@dataclass(frozen=True)
class Image:
    """An image of files of this machine. files: path in the image to file; entrypoint: the command; user: uid:gid."""

    name: str
    files: dict[str, Path]
    entrypoint: list[str]
    user: str = "65532:65532"
    environment: dict[str, str] = field(default_factory=dict)


def layer(files: dict[str, Path]) -> bytes:
    """A tar of the files, their folders, /tmp, and the files in /etc that libraries look up users and hosts in."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        folders = {str(p) for name in (*files, "/etc/x") for p in Path(name.lstrip("/")).parents if str(p) != "."}
        for folder in sorted(folders):
            _add(tar, folder, kind=tarfile.DIRTYPE, mode=0o755)
        _add(tar, "tmp", kind=tarfile.DIRTYPE, mode=0o1777)
        for name, text in (("passwd", USERS), ("group", GROUPS), ("nsswitch.conf", "hosts: files dns\n")):
            _add(tar, f"etc/{name}", text.encode())
        for name, path in sorted(files.items()):
            _add(tar, name.lstrip("/"), path.read_bytes(), mode=0o755 if path.stat().st_mode & 0o100 else 0o644)
    return buffer.getvalue()


def _add(tar: tarfile.TarFile, name: str, data: bytes = b"", kind: bytes = tarfile.REGTYPE, mode: int = 0o644) -> None:
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.size = kind, mode, len(data)
    tar.addfile(info, io.BytesIO(data))


def write_archive(image: Image, architecture: str, target: Path) -> None:
    """Write the archive, whole or not at all. architecture: in Go's words (`amd64`)."""
    content = layer(image.files)
    config = {
        "architecture": architecture,
        "os": "linux",
        "created": EPOCH,
        "config": {
            "Entrypoint": image.entrypoint,
            "User": image.user,
            "WorkingDir": "/",
            "Env": ["PATH=/usr/local/bin:/usr/bin:/bin", *(f"{k}={v}" for k, v in image.environment.items())],
        },
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(content).hexdigest()}"]},
        "history": [{"created": EPOCH}],
    }
    kind = "application/vnd.oci.image"
    blobs = dict[str, bytes]()
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{kind}.manifest.v1+json",
        "config": _blob(blobs, f"{kind}.config.v1+json", json.dumps(config).encode()),
        "layers": [_blob(blobs, f"{kind}.layer.v1.tar", content)],
    }
    described = _blob(blobs, f"{kind}.manifest.v1+json", json.dumps(manifest).encode())
    described["annotations"] = {"io.containerd.image.name": image.name}
    index = {"schemaVersion": 2, "manifests": [described]}
    with replacing(target) as temporary, tarfile.open(temporary, "w") as tar:
        _add(tar, "oci-layout", b'{"imageLayoutVersion": "1.0.0"}')
        _add(tar, "index.json", json.dumps(index).encode())
        for digest, data in blobs.items():
            _add(tar, f"blobs/sha256/{digest}", data)


def _blob(blobs: dict[str, bytes], kind: str, data: bytes) -> dict[str, Any]:
    digest = hashlib.sha256(data).hexdigest()
    blobs[digest] = data
    return {"mediaType": kind, "digest": f"sha256:{digest}", "size": len(data)}


def program_images(programs: Programs) -> list[Image]:
    """The images of the programs. The first two are those that the cluster's own pods use."""
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


def write_archives(programs: Programs) -> list[Path]:
    """Write the archives that are not there yet, beside the programs. Raises ClusterError."""
    if not programs.folder.exists():
        raise ClusterError("The cluster's programs are not built.", "Build them first (`make up` does).")
    folder = programs.folder / "images"
    folder.mkdir(exist_ok=True)
    architecture = find((SOURCES / "go.mod").read_text()).target.partition("/")[2]
    found = []
    for image in program_images(programs):
        path = folder / file_name(image)
        if not path.exists():
            write_archive(image, architecture, path)
        found.append(path)
    for old in set(folder.iterdir()) - set(found):
        old.unlink()
    return found


def fingerprint(path: Path) -> str:
    """An archive's identity: its path, size and time of change. Hashing its content would take seconds."""
    stat = path.stat()
    return f"{path.resolve()}:{stat.st_size}:{stat.st_mtime_ns}"


def image_names(path: Path) -> list[str]:
    """The names that an archive gives its images: of docker (manifest.json) or OCI (index.json)."""
    with tarfile.open(path) as archive:
        for member in ("manifest.json", "index.json"):
            try:
                file = archive.extractfile(member)
            except KeyError:
                continue
            if file is not None:
                return names_in(json.load(file))
    raise ClusterError(f"{path} is no image archive.", "Give an archive as `docker save` or `buildah push` write it.")


def names_in(manifest: object) -> list[str]:
    """Image names from a parsed manifest.json (a list) or index.json."""
    if isinstance(manifest, list):
        return [name for image in manifest for name in image.get("RepoTags") or []]
    keys = ("io.containerd.image.name", "org.opencontainers.image.ref.name")
    images = manifest.get("manifests", []) if isinstance(manifest, dict) else []
    found = [next((i.get("annotations", {}).get(k) for k in keys if k in i.get("annotations", {})), "") for i in images]
    return [name for name in found if name]


def wanted(archives: dict[Path, str], records: Records, present: dict[str, str]) -> list[Path]:
    """The archives (with their fingerprint) to import: not recorded, or recorded with images that are not there."""

    def imported(print_: str) -> bool:
        return print_ in records and all(present.get(n) == d for n, d in records[print_].items())

    return [path for path, print_ in archives.items() if not imported(print_)]


def import_all(layout: Layout, node_pid: int, archives: list[Path], progress: Progress | None = None) -> None:
    """Import the archives that are not imported yet. Raises ClusterError."""
    if missing := [str(path) for path in archives if not path.is_file()]:
        raise ClusterError(f"No such image archive: {', '.join(missing)}.", "Build the images first.")
    prints = {path: fingerprint(path) for path in archives}
    records: Records = json.loads(layout.imported.read_text()) if layout.imported.exists() else {}
    todo = wanted(prints, records, present(node_pid))
    for number, path in enumerate(todo):
        if progress is not None:
            progress.step(f"import image {path.name}", number, len(todo))
        _ctr(node_pid, "images", "import", str(path.resolve()))
        now, names = present(node_pid), image_names(path)
        records[prints[path]] = {name: now[name] for name in names if name in now}
        write_atomically(layout.imported, json.dumps(records, indent=1))


def present(node_pid: int) -> dict[str, str]:
    """The node's images: name to digest."""
    rows = (line.split() for line in _ctr(node_pid, "images", "ls").splitlines()[1:])
    return {row[0]: row[2] for row in rows if len(row) > 2}


def containers(node_pid: int) -> set[str]:
    """The ids of the node's containers."""
    return set(_ctr(node_pid, "containers", "ls", "-q").split())


def _ctr(node_pid: int, *arguments: str) -> str:
    """containerd's client, in the node's namespaces."""
    inside = ["nsenter", "-t", str(node_pid), "-m", "-p", "-n", "ctr", "-n", "k8s.io", *arguments]
    run = subprocess.run(inside, capture_output=True, text=True, check=False)
    if run.returncode != 0:
        raise ClusterError(f"`ctr {' '.join(arguments)}` failed on the node.", "See `make status`.", tail(run.stderr))
    return run.stdout
