"""One at a time: a lock on a file, held by one process and gone with it."""

import fcntl
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from tools.progress import Progress


@contextmanager
def locked(path: Path, progress: Progress | None = None, waiting: str = "") -> Generator[None]:
    """Hold the lock; while another process has it, wait, and say so once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if progress is not None:
                progress.step(waiting)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
