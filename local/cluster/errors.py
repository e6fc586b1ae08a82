"""What a failed cluster tells its user."""

from pathlib import Path

TAIL = 15  # lines of a log that an error shows


class ClusterError(Exception):
    """The cluster cannot be built, started, stopped or used.

    message: what failed and how. hint: what the user can do. log_tail: the last lines of the log that matters.
    """

    def __init__(self, message: str, hint: str = "", log_tail: str = "") -> None:
        super().__init__(message)
        self.message, self.hint, self.log_tail = message, hint, log_tail

    def __str__(self) -> str:
        return "\n".join(part for part in (self.message, self.log_tail, self.hint) if part)


def tail(text: str, lines: int = TAIL) -> str:
    """The last lines of `text` that say something."""
    return "\n".join([line.rstrip() for line in text.splitlines() if line.strip()][-lines:])


def tail_of(path: Path, lines: int = TAIL) -> str:
    """The last lines of a file; none when it is not there."""
    try:
        with path.open("rb") as file:
            file.seek(max(path.stat().st_size - 64 * 1024, 0))
            return tail(file.read().decode(errors="replace"), lines)
    except OSError:
        return ""
