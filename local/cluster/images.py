"""Image archives into the node's containerd, each once."""

import json
import subprocess
import tarfile
from pathlib import Path

from local.cluster.errors import ClusterError, tail
from local.cluster.layout import Layout
from tools.progress import Progress

Records = dict[str, dict[str, str]]  # archive's fingerprint to image names and digests


def fingerprint(path: Path) -> str:
    """What tells one archive from another: its name in full, size and time of change. Reading it would take longer."""
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
        temporary = layout.imported.with_suffix(".new")
        temporary.write_text(json.dumps(records, indent=1))
        temporary.rename(layout.imported)


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
