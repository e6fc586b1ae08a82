"""What an image keeps of the versions before it: files out of their archives."""

import json
import tarfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

KEPT = {"fileserver": PurePosixPath("srv/journal/assets")}
"""By the name of an image, the folder whose files the next one keeps in its build context's folder `previous`."""


def collect(archives: Iterable[Path], folder: PurePosixPath, target: Path) -> None:
    """Copies the files of `folder` in these archives, as `buildah push docker-archive:` writes them, into `target`.

    Compressed copies are left out; the build makes them. What is no such archive has nothing to keep.
    """
    target.mkdir(parents=True, exist_ok=True)
    for archive in archives:
        try:
            found = _files(archive, folder)
        except (tarfile.TarError, KeyError, ValueError):
            continue
        for name, content in found.items():
            (target / name).write_bytes(content)


def _files(archive: Path, folder: PurePosixPath) -> dict[str, bytes]:
    """Contents by name; those of a later layer win."""
    found: dict[str, bytes] = {}
    with tarfile.open(archive) as image:
        (manifest,) = json.loads(_read(image, image.getmember("manifest.json")))
        for layer in manifest["Layers"]:
            with tarfile.open(fileobj=image.extractfile(layer)) as files:
                for member in files:
                    path = PurePosixPath(member.name)
                    if member.isfile() and path.parent == folder and path.suffix != ".gz":
                        found[path.name] = _read(files, member)
    return found


def _read(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    content = archive.extractfile(member)
    if content is None:
        raise KeyError(member.name)
    return content.read()
