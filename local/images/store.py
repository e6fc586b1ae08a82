"""The folder of finished archives: found by hash, written whole or not at all, the older ones removed."""

import os
import shutil
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from local.images.catalog import Image
from local.images.errors import ImageError
from tools.lock import locked
from tools.progress import Progress

KEPT = 3  # archives of an image, the most recently used
GIB = 1 << 30
SPACE_BASES, SPACE_APPLICATIONS = 3 * GIB, 1 * GIB  # free before a build


class Store:
    """Archives of images in `folder`, as one builder makes them (its name is part of theirs)."""

    def __init__(self, folder: Path, builder: str) -> None:
        self.folder, self._builder = folder, builder

    @property
    def work(self) -> Path:
        """Where a build keeps what is unfinished; only for who holds the lock."""
        return self.folder / "work"

    def path(self, image: Image) -> Path:
        """Where the archive of `image` is, once it is made."""
        return self.folder / f"{image.name}-{image.digest[:16]}-{self._builder}.tar"

    def has(self, image: Image) -> bool:
        return self.path(image).is_file()

    def add(self, image: Image, archive: Path) -> None:
        """Take over a finished archive from the same file system."""
        with archive.open("rb") as written:
            os.fsync(written.fileno())
        archive.replace(self.path(image))

    def use(self, image: Image) -> Path:
        """The archive's path; from now on it counts as recently used."""
        path = self.path(image)
        os.utime(path, (time.time(), path.stat().st_mtime))  # when it was made stays: importers tell archives by it
        return path

    def prune(self, image: Image) -> None:
        """Remove all archives under the name of `image` but the most recently used."""
        pattern = f"{image.name}-{'[0-9a-f]' * 16}-*.tar"
        archives = sorted(self.folder.glob(pattern), key=lambda path: path.stat().st_atime, reverse=True)
        for path in archives[KEPT:]:
            path.unlink(missing_ok=True)

    @contextmanager
    def locked(self, progress: Progress) -> Generator[None]:
        """Hold the folder against other builds; afterwards nothing unfinished is left."""
        with locked(self.folder / "lock", progress, "images: waiting for another build"):
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
