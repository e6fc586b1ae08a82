"""Programs that build: run with a log each, and gone with whoever started them."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from local.images.errors import ImageError, remedy, tail

# In mount and process namespaces of its own: nothing that it mounts or starts outlives this process, even a killed one.
CONTAINED = (
    *("setpriv", "--pdeathsig", "KILL"),
    *("unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "--mount-proc"),
    "--",
)


def clear(logs: Path) -> None:
    """Remove the logs of the build before."""
    for log in logs.glob("images-*.log"):
        log.unlink(missing_ok=True)


def write_private(path: Path, text: str) -> Path:
    """Write what may hold a password, for its owner alone."""
    path.touch(mode=0o600)
    path.write_text(text)
    return path


def run(step: str, command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None) -> None:
    """Run `command` contained, its output appended to `log`; raise ImageError naming `step` when it fails."""
    log.parent.mkdir(parents=True, exist_ok=True)
    start = log.stat().st_size if log.exists() else 0
    with log.open("ab") as output:
        result = subprocess.run(
            [*CONTAINED, *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
            check=False,
        )
    if result.returncode != 0:
        with log.open("rb") as written:
            written.seek(start)
            last = tail(written.read().decode(errors="replace"))
        message = f"{step} failed: {command[0]} ended with status {result.returncode} (whole log: {log})"
        raise ImageError(message, remedy(last), last)
