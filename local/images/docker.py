"""The builder for whoever has Docker and asks for it: the same Dockerfiles on the upstream base images."""

import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from local.images import context
from local.images.catalog import Application, Image
from local.images.command import clear, run
from local.images.errors import ImageError
from local.images.store import Store


class DockerBuilder:
    """Builds and saves by `docker`."""

    makes_bases = False

    def __init__(self, store: Store, logs: Path) -> None:
        self._store, self._logs = store, logs

    def check(self) -> None:
        """Raise ImageError when Docker's daemon does not answer."""
        try:
            subprocess.run(["docker", "info"], capture_output=True, timeout=30, check=True)
        except (OSError, subprocess.SubprocessError) as error:
            raise ImageError(
                "BUILDER=docker, but `docker info` fails", "Start Docker, or leave BUILDER away."
            ) from error

    def build(self, images: Sequence[Image], begin: Callable[[str], None]) -> None:
        """Make the archives of `images`; `begin` is told each name."""
        clear(self._logs)
        for image in images:
            begin(image.name)
            self._make(image)

    def _make(self, image: Image) -> None:
        if isinstance(image, Application):
            sources = self._store.work / image.name
            context.stage(image.folder, sources)
            arguments = [f"--build-arg=VERSION={image.version}", f"--build-arg=COMMIT={image.commit}"]
            self._run(image, ["docker", "build", *arguments, f"--tag={image.reference}", str(sources)])
        else:
            self._run(image, ["docker", "pull", image.reference])
        archive = self._store.work / f"{image.name}.tar"
        self._run(image, ["docker", "save", f"--output={archive}", image.reference])
        self._store.add(image, archive)

    def _run(self, image: Image, command: Sequence[str]) -> None:
        run(f"Image {image.name}", command, self._logs / f"images-{image.name}.log")
