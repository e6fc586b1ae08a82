"""The builder that needs neither Docker nor a registry: mmdebstrap makes the bases, buildah all images."""

import os
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from local.images import context, debian, pip
from local.images.buildah import Buildah
from local.images.catalog import BASES, Application, Image
from local.images.command import clear, run, write_private
from local.images.errors import ImageError
from local.images.store import Store
from local.packages import APT

DEBIAN = "localhost/journal/debian:bookworm"
PROGRAMS = ("mmdebstrap", "buildah")
WORKERS = 2
Kind = TypeVar("Kind", bound=Image)


class DaemonlessBuilder:
    """One run of builds. The store is locked; what is not finished lies in its work folder and ends with it."""

    makes_bases = True

    def __init__(self, store: Store, logs: Path, environment: Mapping[str, str] = os.environ) -> None:
        self._store, self._logs, self._work, self._environment = store, logs, store.work, environment
        self._buildah = Buildah(store.work)

    def check(self) -> None:
        """Raise ImageError when a program is missing or the user is not root."""
        missing = [APT[program] for program in PROGRAMS if shutil.which(program) is None]
        if missing:
            names = " ".join(missing)
            raise ImageError(
                f"Images are made by {' and '.join(PROGRAMS)}; missing: {names}", f"apt-get install {names}"
            )
        if os.geteuid() != 0:
            raise ImageError("Images are made by root", "Run it as root, or with BUILDER=docker.")

    def build(self, images: Sequence[Image], begin: Callable[[str], None]) -> None:
        """Make the archives of `images`, bases first; `begin` is told each name, and `debian`, on which bases stand."""
        applications = [image for image in images if isinstance(image, Application)]
        bases = [image for image in images if not isinstance(image, Application)]
        clear(self._logs)
        self._buildah.prepare()
        if bases:
            begin("debian")
            self._make_debian()
            self._each(self._make_base, bases, begin)
        self._load({base for image in applications for _, base in image.bases} - set(bases))
        index = self._package_index()
        self._each(lambda image: self._make_application(image, index), applications, begin)

    def _each(self, make: Callable[[Kind], None], images: Iterable[Kind], begin: Callable[[str], None]) -> None:
        def announced(image: Kind) -> None:
            begin(image.name)
            make(image)

        with ThreadPoolExecutor(max_workers=WORKERS) as pool:
            list(pool.map(announced, images))

    def _make_debian(self) -> None:
        folder, apt = self._work / "debian", self._work / "apt"
        for path in (folder, apt / "etc", apt / "lists"):
            path.mkdir(parents=True)
        sources, reach = debian.machine_sources(), debian.machine_reach()
        files = [write_private(self._work / "sources.list", sources)] if sources else []
        options = [write_private(self._work / "reach.conf", reach)] if reach else []
        command = debian.arguments(apt, folder / "root.tar", files, options)
        # With a fixed time the layer depends on the packages alone.
        self._run("debian", command, {"SOURCE_DATE_EPOCH": str(context.EPOCH)})
        self._run("debian", self._buildah.build(DEBIAN, folder, BASES / "debian.Dockerfile", {}))

    def _make_base(self, image: Image) -> None:
        cache = self._work / "apt" / f"cache-{image.name}"
        cache.mkdir()
        apt = {
            self._work / "apt/etc": "/etc/apt",
            self._work / "apt/lists": "/var/lib/apt/lists",
            cache: "/var/cache/apt",
        }
        volumes = [f"{here}:{there}" for here, there in apt.items()]
        recipe = BASES / f"{image.name}.Dockerfile"
        self._run(image.name, self._buildah.build(image.reference, self._work / "debian", recipe, {}, volumes))
        self._save(image)

    def _make_application(self, image: Application, volumes: Sequence[str]) -> None:
        sources = self._work / image.name
        context.stage(image.folder, sources)
        arguments = {argument: base.reference for argument, base in image.bases}
        arguments |= {"VERSION": image.version, "COMMIT": image.commit}
        command = self._buildah.build(image.reference, sources, sources / "Dockerfile", arguments, volumes)
        self._run(image.name, command)
        self._save(image)

    def _package_index(self) -> list[str]:
        """Volumes that let pip reach the package index as it does on this machine."""
        values = pip.options(self._environment)
        bundle = pip.ca_bundle(self._environment)
        configuration = write_private(self._work / "pip.conf", pip.configuration(values))
        volumes = [f"{configuration}:{pip.IMAGE_CONFIGURATION}:ro"]
        volumes += [f"{bundle}:{pip.IMAGE_CA_BUNDLE}:ro"] if bundle else []
        return volumes + [f"{folder}:{folder}:ro" for folder in pip.link_folders(values)]

    def _load(self, bases: Iterable[Image]) -> None:
        for image in bases:
            self._run(image.name, self._buildah.load(self._store.path(image)))

    def _save(self, image: Image) -> None:
        archive = self._work / f"{image.name}.tar"
        self._run(image.name, self._buildah.save(image.reference, archive))
        self._store.add(image, archive)

    def _run(self, name: str, command: Sequence[str], variables: Mapping[str, str] | None = None) -> None:
        environment = self._buildah.environment() | dict(variables or {})
        run(f"Image {name}", command, self._logs / f"images-{name}.log", environment)
