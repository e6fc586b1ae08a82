"""What a failed cluster tells its user."""

from pathlib import Path

from tools.failures import TAIL, Failure, tail


class ClusterError(Failure):
    """The cluster cannot be built, started, stopped or used."""


def tail_of(path: Path, lines: int = TAIL) -> str:
    """The last lines of a file; none when it is not there."""
    try:
        with path.open("rb") as file:
            file.seek(max(path.stat().st_size - 64 * 1024, 0))
            return tail(file.read().decode(errors="replace"), lines)
    except OSError:
        return ""
