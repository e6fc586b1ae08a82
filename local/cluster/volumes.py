"""The persistent volumes' data on this machine: whether it has a size, and what outlives a cluster.

The node agent makes a volume (`platform/agent/image.go`): a folder with a file `claim`, which names the claim's
namespace and name, and the data. When no cluster is left that knows the volumes, they are set aside by those names, and
the first claim of a name in the next cluster gets its data.
"""

import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from local.cluster.errors import ClusterError
from local.cluster.layout import Layout

# What the node's last life had mounted went with it. A volume that can't be mounted is missing for its pod, which says
# so and waits; the others start.
MOUNT = """\
for image in "$0"/pvc-*/image; do
  folder=${image%/image}/mount
  [ -e "$image" ] || continue
  mountpoint -q "$folder" || mount -o loop "$image" "$folder" || echo "no pod gets the volume of $image" >&2
done
"""


@dataclass(frozen=True)
class KeptVolume:
    """The data of a claim whose cluster is gone. claim: namespace and name. bytes: what it takes of the disk."""

    claim: str
    bytes: int


def limited() -> bool:
    """Whether a volume gets the size that it asks for: that takes loop devices and XFS."""
    try:
        with Path("/dev/loop-control").open("rb"):
            pass
        if "\txfs\n" in Path("/proc/filesystems").read_text():
            return True
        return subprocess.run(["modprobe", "xfs"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def attached(layout: Layout) -> list[str]:
    """The loop devices that still hold a volume: until the kernel lets go of them, nobody may mount it again."""
    found = []
    for path in Path("/sys/block").glob("loop*/loop/backing_file"):
        try:
            file = Path(path.read_text().strip())
        except OSError:
            continue
        if file.is_relative_to(layout.volumes.resolve()):
            found.append(path.parent.parent.name)
    return found


def kept(layout: Layout) -> list[KeptVolume]:
    """What was set aside, and no claim has got yet."""
    folders = sorted(layout.kept.glob("*/*"))
    return [KeptVolume(f"{folder.parent.name}/{folder.name}", _bytes(folder.rglob("*"))) for folder in folders]


def forget_cluster(layout: Layout) -> None:
    """From here on, no cluster knows the volumes, whenever this process ends."""
    member = layout.etcd / "member"
    if member.exists():
        member.rename(layout.etcd / "removed")


def set_aside(layout: Layout) -> None:
    """Put each volume under the name of its claim, when no cluster is left that knows it.

    Of two for one claim the newer is kept: the older one's claim had been deleted.
    """
    if (layout.etcd / "member").exists():
        return
    for claim in sorted(layout.volumes.glob("*/claim"), key=lambda path: path.stat().st_mtime_ns):
        if claim.parent.name.startswith("new-"):
            shutil.rmtree(claim.parent)
            continue
        target = layout.kept / claim.read_text()
        target.parent.mkdir(mode=0o711, parents=True, exist_ok=True)
        shutil.rmtree(target, ignore_errors=True)
        claim.parent.rename(target)


def check_keepable(layout: Layout) -> None:
    """Raises ClusterError where a volume does not say whose it is."""
    unnamed = [path.name for path in sorted(layout.volumes.glob("pvc-*")) if not (path / "claim").exists()]
    if unnamed:
        raise ClusterError(
            f"An older version made these volumes, and they can't be kept: {', '.join(unnamed)}.",
            f"Copy what you need from {layout.volumes}, and run `make down`.",
        )


def _bytes(paths: Iterable[Path]) -> int:
    return sum(path.lstat().st_blocks * 512 for path in paths if not path.is_dir())
