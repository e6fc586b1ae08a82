"""The builder that needs neither Docker nor a registry: mmdebstrap makes file systems, buildah images."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from local.images import context, debian, pip
from local.images.builder import Builder
from local.images.catalog import DEBIAN, RECIPES, Application, Base, Image
from local.images.errors import ImageError
from local.images.store import Store
from tools.packages import APT

PROGRAMS = ("mmdebstrap", "buildah")
WORKERS = 2
_POLICY = {"default": [{"type": "insecureAcceptAnything"}]}  # Images come from our own archives only.


class Buildah:
    """buildah's command lines, with its storage and configuration in the folder `work`, apart from the machine's."""

    def __init__(self, work: Path) -> None:
        self._work = work
        self._policy = f"--signature-policy={work / 'policy.json'}"

    def environment(self) -> dict[str, str]:
        """The variables that keep it away from the machine's own storage and configuration."""
        files = {f"CONTAINERS_{kind.upper()}_CONF": self._work / f"{kind}.conf" for kind in ("storage", "registries")}
        files |= {"CONTAINERS_CONF": self._work / "containers.conf", "TMPDIR": self._work / "tmp"}
        return {name: str(path) for name, path in files.items()}

    def prepare(self) -> None:
        """Write the configuration into `work`, with the overlay driver where the file system can do it."""
        (self._work / "tmp").mkdir(parents=True)
        (self._work / "policy.json").write_text(json.dumps(_POLICY))
        (self._work / "registries.conf").write_text("unqualified-search-registries = []\n")
        (self._work / "containers.conf").write_text("")
        self._use_driver("overlay")
        probe = subprocess.run(
            ["buildah", "info"], env=os.environ | self.environment(), capture_output=True, check=False
        )
        if probe.returncode != 0:
            self._use_driver("vfs")

    def _use_driver(self, driver: str) -> None:
        root = self._work / "storage"
        settings = {"driver": driver, "graphroot": f"{root}/root", "runroot": f"{root}/run"}
        lines = [f'{name} = "{value}"\n' for name, value in settings.items()]
        (self._work / "storage.conf").write_text("".join(["[storage]\n", *lines]))

    def build(
        self, reference: str, folder: Path, dockerfile: Path, arguments: Mapping[str, str], volumes: Iterable[str] = ()
    ) -> list[str]:
        """The command that builds `reference` from `folder`; `volumes` (host:image[:ro]) are mounted meanwhile."""
        return [
            *("buildah", "build", "--isolation=chroot", "--pull-never", "--format=docker", self._policy),
            *(f"--build-arg={name}={value}" for name, value in arguments.items()),
            *(f"--volume={volume}" for volume in volumes),
            *(f"--tag={reference}", f"--file={dockerfile}", str(folder)),
        ]

    def save(self, reference: str, archive: Path) -> list[str]:
        """The command that writes the image as a docker-archive under its full name."""
        return ["buildah", "push", "--quiet", self._policy, reference, f"docker-archive:{archive}:{reference}"]

    def load(self, archive: Path) -> list[str]:
        """The command that reads a docker-archive back, under the name it holds."""
        return ["buildah", "pull", "--quiet", self._policy, f"docker-archive:{archive}"]


class BuildahBuilder(Builder):
    """One run of builds. What is not finished lies in the store's work folder and goes with it."""

    makes_bases = True

    def __init__(self, store: Store, logs: Path, environment: Mapping[str, str] = os.environ) -> None:
        super().__init__(store, logs)
        self._work, self._environment, self._buildah = store.work, environment, Buildah(store.work)

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
        """Make the archives of `images`; call `begin` with the name of each, and of each Debian suite below them."""
        bases = [image for image in images if isinstance(image, Base)]
        applications = [image for image in images if isinstance(image, Application)]
        self.clear_logs()
        self._buildah.prepare()
        suites = sorted({image.suite for image in bases})
        self._each(begin, {f"debian-{suite}": partial(self._make_debian, suite) for suite in suites})
        self._each(begin, {image.name: partial(self._make_base, image) for image in bases})
        self._load({base for image in applications for _, base in image.bases} - set(bases))
        index = self._package_index()
        self._each(begin, {image.name: partial(self._make_application, image, index) for image in applications})

    def _each(self, begin: Callable[[str], None], steps: Mapping[str, Callable[[], None]]) -> None:
        """Take the steps, WORKERS at a time, each announced by its name."""

        def announced(name: str) -> None:
            begin(name)
            steps[name]()

        with ThreadPoolExecutor(max_workers=WORKERS) as pool:
            list(pool.map(announced, steps))

    def _make_debian(self, suite: str) -> None:
        """Make the image that the bases of a suite start from, and leave apt's configuration and lists beside it."""
        folder = self._work / suite
        root, apt = folder / "root", folder / "apt"
        for path in (root, apt / "etc", apt / "lists"):
            path.mkdir(parents=True)
        sources, connection = debian.machine_sources(suite), debian.machine_connection_options()
        files = [write_private(folder / "sources.list", sources)] if sources else []
        options = [write_private(folder / "connection.conf", connection)] if connection else []
        command = debian.arguments(suite, apt, root / "root.tar", files, options)
        # With a fixed time the layer depends on the packages alone.
        self._run(f"debian-{suite}", command, {"SOURCE_DATE_EPOCH": str(context.EPOCH)})
        command = self._buildah.build(f"{DEBIAN}:{suite}", root, RECIPES / "debian.Dockerfile", {})
        self._run(f"debian-{suite}", command)

    def _make_base(self, image: Base) -> None:
        apt, folder = self._work / image.suite / "apt", self._work / image.name
        cache = apt / f"cache-{image.name}"
        cache.mkdir()
        folder.mkdir()
        mounts = {apt / "etc": "/etc/apt", apt / "lists": "/var/lib/apt/lists", cache: "/var/cache/apt"}
        volumes = [f"{here}:{there}" for here, there in mounts.items()]
        self._run(image.name, self._buildah.build(image.reference, folder, image.recipe, {}, volumes))
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

    def _load(self, bases: Iterable[Base]) -> None:
        for image in bases:
            self._run(image.name, self._buildah.load(self.store.path(image)))

    def _save(self, image: Image) -> None:
        archive = self._work / f"{image.name}.tar"
        self._run(image.name, self._buildah.save(image.reference, archive))
        self.store.add(image, archive)

    def _run(self, name: str, command: Sequence[str], variables: Mapping[str, str] | None = None) -> None:
        self.run(name, command, self._buildah.environment() | dict(variables or {}))


def write_private(path: Path, text: str) -> Path:
    """Write what may hold a password into a new file that its owner alone can read."""
    path.touch(mode=0o600)
    path.write_text(text)
    return path
