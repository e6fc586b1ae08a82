"""The error of this package."""

from pathlib import Path

from tools.failures import TAIL, Failure, tail


class ClusterError(Failure):
    """The cluster cannot be built, started, stopped or used."""


def tail_of(path: Path, lines: int = TAIL) -> str:
    """The last lines of a file; an empty string when it cannot be read."""
    try:
        with path.open("rb") as file:
            file.seek(max(path.stat().st_size - 64 * 1024, 0))
            return tail(file.read().decode(errors="replace"), lines)
    except OSError:
        return ""
