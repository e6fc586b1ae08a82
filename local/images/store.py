"""The folder of finished archives: found by hash, written whole or not at all, the older ones removed."""

import os
import shutil
import time
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path

from local.images.catalog import Application, Image
from local.images.errors import ImageError
from tools.lock import locked
from tools.progress import Progress

KEPT = 3  # archives of an image, the most recently used
GIB = 1 << 30
SPACE = 3 * GIB  # free before a build


class Store:
    """Archives of images in `folder`. work: where a build keeps what is unfinished; only for who holds the lock."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.work = folder, folder / "work"

    def path(self, image: Image) -> Path:
        """Where the archive of `image` is, once it is made."""
        return self.folder / f"{image.name}-{image.digest[:16]}.tar"

    def others(self, image: Image) -> list[Path]:
        """The archives of this image from other sources."""
        return sorted(path for path in self.folder.glob(f"{image.name}-*.tar") if path != self.path(image))

    def missing(self, wanted: Iterable[Image]) -> list[Image]:
        """The images to make, each once: those without an archive. An application's missing bases come before it."""
        steps: dict[Image, None] = {}
        for image in wanted:
            if not self.path(image).is_file():
                bases = image.bases if isinstance(image, Application) else ()
                steps |= dict.fromkeys([*(base for _, base in bases if not self.path(base).is_file()), image])
        return list(steps)

    def add(self, image: Image, archive: Path) -> None:
        """Take over a finished archive from the same file system; of this image's others, keep the recently used."""
        with archive.open("rb") as written:
            os.fsync(written.fileno())
        archive.replace(self.path(image))
        used = sorted(self.folder.glob(f"{image.name}-*.tar"), key=lambda path: path.stat().st_atime, reverse=True)
        for path in used[KEPT:]:
            path.unlink(missing_ok=True)

    def use(self, image: Image) -> Path:
        """The archive's path; from now on it counts as recently used."""
        path = self.path(image)
        os.utime(path, (time.time(), path.stat().st_mtime))  # when it was made stays: importers tell archives by it
        return path

    @contextmanager
    def locked(self, progress: Progress) -> Generator[None]:
        """Hold the folder against other builds; afterwards nothing unfinished is left. Raises ImageError."""
        with locked(self.folder / "lock", progress, "images: waiting for another build"):
            self._clean()
            free = shutil.disk_usage(self.folder).free
            if free < SPACE:
                hint = "Free some space, or name a folder on another disk in JOURNAL_CACHE."
                here = f"below {self.folder} there are {free / GIB:.1f} GiB"
                raise ImageError(f"Images need {SPACE / GIB:.0f} GiB of free disk; {here}", hint)
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
