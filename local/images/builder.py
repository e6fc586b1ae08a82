"""What a builder of images is, and how it runs programs: each with a log, and gone with whoever started it."""

import os
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from local.images.catalog import Image
from local.images.errors import ImageError, remedy, tail
from local.images.store import Store

# In mount and process namespaces of its own: nothing that it mounts or starts outlives this process, even a killed one.
CONTAINED = (
    *("setpriv", "--pdeathsig", "KILL"),
    *("unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "--mount-proc"),
    "--",
)


class Builder(ABC):
    """Makes images into the archives of `store`, with a log for each in the folder `logs`.

    makes_bases: whether it makes base images too; a builder that does not pulls them.
    """

    makes_bases: ClassVar[bool]

    def __init__(self, store: Store, logs: Path) -> None:
        self.store, self.logs = store, logs

    @abstractmethod
    def check(self) -> None:
        """Raise ImageError when this machine lacks what the builder needs."""

    @abstractmethod
    def build(self, images: Sequence[Image], begin: Callable[[str], None]) -> None:
        """Make `images`, of which bases come before what is built on them; call `begin` with the name of each.

        The caller holds the store's lock. Raises ImageError.
        """

    def clear_logs(self) -> None:
        """Remove the logs of the build before."""
        for log in self.logs.glob("images-*.log"):
            log.unlink(missing_ok=True)

    def run(self, name: str, command: Sequence[str], variables: Mapping[str, str] | None = None) -> None:
        """Run a command of the build of image `name`; its output goes to that image's log. Raises ImageError."""
        log = self.logs / f"images-{name}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        start = log.stat().st_size if log.exists() else 0
        with log.open("ab") as output:
            result = subprocess.run(
                [*CONTAINED, *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(variables or {})},
                check=False,
            )
        if result.returncode != 0:
            with log.open("rb") as written:
                written.seek(start)
                last = tail(written.read().decode(errors="replace"))
            message = f"Image {name} failed: {command[0]} ended with status {result.returncode} (whole log: {log})"
            raise ImageError(message, remedy(last), last)
