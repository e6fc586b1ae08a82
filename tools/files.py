"""Files and folders that are written whole or not at all."""

import os
import shutil
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from tools.lock import locked
from tools.progress import Progress

DIGEST_LENGTH = 12
KEEP = 3  # builds of one thing, the most recently used


@contextmanager
def replacing(path: Path) -> Generator[Path]:
    """Give a path in the same folder to write to, and put what was written there in the place of `path`.

    A reader of `path`, and whoever comes after a killed writer, finds the old file or the new one. When the block
    raises, `path` stays as it was. Two writers of one path at once need a lock.
    """
    temporary = path.with_name(f"{path.name}.new")
    temporary.unlink(missing_ok=True)
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_atomically(path: Path, content: str | bytes, *, mode: int = 0o644) -> None:
    """Write a file as `replacing` does. mode: its permissions from the first moment, whatever the umask is."""
    with replacing(path) as temporary:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, mode)
            file.write(content.encode() if isinstance(content, str) else content)


def built_once(folder: Path, make: Callable[[Path], None], progress: Progress | None = None) -> Path:
    """Have `make` fill a folder unless it exists, and return it: it is complete or not there.

    The folder's name ends in a digest of 12 hexadecimal digits of all that goes into it. Of the folders with the same
    name before the digest, the three most recently used stay. Only one process builds at a time; others wait for it.
    """
    kind = folder.name[:-DIGEST_LENGTH]
    if not folder.exists():
        with locked(folder.parent / f"{kind}lock", progress, "wait for another build"):
            if not folder.exists():
                unfinished = folder.parent / f"{kind}unfinished"
                shutil.rmtree(unfinished, ignore_errors=True)
                make(unfinished)
                unfinished.rename(folder)
                folder.touch()
                builds = folder.parent.glob(kind + "[0-9a-f]" * DIGEST_LENGTH)
                for old in sorted(builds, key=lambda build: build.stat().st_mtime)[:-KEEP]:
                    shutil.rmtree(old, ignore_errors=True)
    folder.touch()
    return folder
