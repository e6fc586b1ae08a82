"""The builder for whoever has Docker and asks for it: the same Dockerfiles on the upstream base images."""

import subprocess
from collections.abc import Callable, Sequence

from local.images import context
from local.images.builder import Builder
from local.images.catalog import Application, Image
from local.images.errors import ImageError


class DockerBuilder(Builder):
    """Builds, pulls and saves by `docker`."""

    makes_bases = False

    def check(self) -> None:
        """Raise ImageError when Docker's daemon does not answer."""
        try:
            subprocess.run(["docker", "info"], capture_output=True, timeout=30, check=True)
        except (OSError, subprocess.SubprocessError) as error:
            hint = "Start Docker, or run it without BUILDER=docker."
            raise ImageError("BUILDER=docker, but `docker info` fails", hint) from error

    def build(self, images: Sequence[Image], begin: Callable[[str], None]) -> None:
        """Make the archives of `images`; call `begin` with the name of each."""
        self.clear_logs()
        for image in images:
            begin(image.name)
            self._make(image)

    def _make(self, image: Image) -> None:
        if isinstance(image, Application):
            sources = self.store.work / image.name
            context.stage(image.folder, sources)
            arguments = [f"--build-arg=VERSION={image.version}", f"--build-arg=COMMIT={image.commit}"]
            self.run(image.name, ["docker", "build", *arguments, f"--tag={image.reference}", str(sources)])
        else:
            self.run(image.name, ["docker", "pull", image.reference])
        archive = self.store.work / f"{image.name}.tar"
        archive.parent.mkdir(parents=True, exist_ok=True)
        self.run(image.name, ["docker", "save", f"--output={archive}", image.reference])
        self.store.add(image, archive)
