"""The folder of finished archives, each named by the hash of what its image is made from."""

import fcntl
import os
import shutil
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from local.images.catalog import Image
from local.images.errors import ImageError
from tools.progress import Progress

KEPT = 3  # archives under one name
GIB = 1 << 30
SPACE_BASES, SPACE_APPLICATIONS = 3 * GIB, 1 * GIB  # free before a build


class Store:
    """The archives in `folder` that one builder made; its name is part of theirs.

    An archive appears when it is finished. What a build leaves unfinished is removed by the next.
    """

    def __init__(self, folder: Path, builder: str) -> None:
        self.folder, self._builder = folder, builder

    @property
    def work(self) -> Path:
        """Where a build keeps what is unfinished. Only the holder of the lock may use it."""
        return self.folder / "work"

    def path(self, image: Image) -> Path:
        """Where the archive of `image` is, once it is made."""
        return self.folder / f"{image.name}-{image.digest[:16]}-{self._builder}.tar"

    def has(self, image: Image) -> bool:
        """Whether the archive of `image` is made."""
        return self.path(image).is_file()

    def add(self, image: Image, archive: Path) -> None:
        """Move a finished archive here from a folder of the same file system."""
        with archive.open("rb") as written:
            os.fsync(written.fileno())
        archive.replace(self.path(image))

    def use(self, image: Image) -> Path:
        """Where the archive of `image` is; counts it as used now, for `prune`."""
        path = self.path(image)
        # The cluster tells archives by their modification time, so that one stays.
        os.utime(path, (time.time(), path.stat().st_mtime))
        return path

    def prune(self, image: Image) -> None:
        """Remove the archives under the name of `image`, except the KEPT most recently used."""
        pattern = f"{image.name}-{'[0-9a-f]' * 16}-*.tar"
        archives = sorted(self.folder.glob(pattern), key=lambda path: path.stat().st_atime, reverse=True)
        for path in archives[KEPT:]:
            path.unlink(missing_ok=True)

    @contextmanager
    def locked(self, progress: Progress) -> Generator[None]:
        """Keep other builds out of the folder. Raises ImageError when a mount of an earlier build is left in it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                progress.step("images: waiting for another build")
                fcntl.flock(lock, fcntl.LOCK_EX)
            self._clean()
            try:
                yield
            finally:
                self._clean()

    def _clean(self) -> None:
        mounted = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
        inside = [point for point in mounted if Path(point).is_relative_to(self.work)]
        if inside:  # Removing files there could reach what is mounted.
            raise ImageError(f"Something is mounted at {inside[0]}", f"Unmount it: umount --recursive {inside[0]}")
        shutil.rmtree(self.work, ignore_errors=True)

    def require_space(self, *, bases: bool) -> None:
        """Raise ImageError when the disk has no room for a build of applications, or of bases too."""
        needed, free = SPACE_BASES if bases else SPACE_APPLICATIONS, shutil.disk_usage(self.folder).free
        if free < needed:
            raise ImageError(
                f"Images need {needed / GIB:.0f} GiB of free disk below {self.folder}, there are {free / GIB:.1f} GiB",
                "Free some space, or name a folder on another disk in JOURNAL_CACHE.",
            )
