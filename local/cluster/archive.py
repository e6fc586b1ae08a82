"""Image archives (OCI image layout in a tar) on an empty root: a few files, no distribution."""

import hashlib
import io
import json
import tarfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

EPOCH = "1970-01-01T00:00:00Z"  # the same content gives the same digest
USERS = "root:x:0:0:root:/:/sbin/nologin\nnonroot:x:65532:65532::/:/sbin/nologin\n"
GROUPS = "root:x:0:\nnonroot:x:65532:\n"


@dataclass(frozen=True)
class Image:
    """An image of files of this machine. files: path in the image to file; entrypoint: the command; user: uid:gid."""

    name: str
    files: dict[str, Path]
    entrypoint: list[str]
    user: str = "65532:65532"
    environment: dict[str, str] = field(default_factory=dict)


def layer(files: dict[str, Path]) -> bytes:
    """A tar of the files, their folders, and what every program looks for."""
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


def write(image: Image, architecture: str, target: Path) -> None:
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
    temporary = target.with_suffix(".new")
    with tarfile.open(temporary, "w") as tar:
        _add(tar, "oci-layout", b'{"imageLayoutVersion": "1.0.0"}')
        _add(tar, "index.json", json.dumps(index).encode())
        for digest, data in blobs.items():
            _add(tar, f"blobs/sha256/{digest}", data)
    temporary.rename(target)


def _blob(blobs: dict[str, bytes], kind: str, data: bytes) -> dict[str, Any]:
    digest = hashlib.sha256(data).hexdigest()
    blobs[digest] = data
    return {"mediaType": kind, "digest": f"sha256:{digest}", "size": len(data)}
