"""The making of images without a daemon or a registry: mmdebstrap makes file systems, buildah the images on them."""

import json
import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from local.images import context, debian, pip, previous
from local.images.catalog import DEBIAN, RECIPES, Application, Base, Image, deployed
from local.images.errors import ImageError, remedy
from local.images.store import Store
from tools import paths
from tools.failures import tail
from tools.files import write_atomically
from tools.progress import Progress

WORKERS = 2
# In mount and process namespaces of its own: nothing that it mounts or starts outlives this process, even a killed one.
CONTAINED = (
    *("setpriv", "--pdeathsig", "KILL"),
    *("unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "--mount-proc"),
    "--",
)
_POLICY = {"default": [{"type": "insecureAcceptAnything"}]}  # Images come from our own archives only.


def build(progress: Progress) -> dict[str, Path]:
    """Make the images that the cluster runs; returns their archives by reference. Raises ImageError."""
    store = Store(paths.cache() / "images")
    return make(list(deployed().values()), store, Builder(store, paths.state() / "logs").build, progress)


def make(
    wanted: Sequence[Image], store: Store, builder: Callable[[Sequence[Image], Progress], None], progress: Progress
) -> dict[str, Path]:
    """The archives of `wanted`, by reference; `builder` makes those that the store lacks."""
    if store.missing(wanted):
        with store.locked(progress):
            # Another build may have made them while this one waited.
            if missing := store.missing(wanted):
                builder(missing, progress)
    return {image.reference: store.use(image) for image in wanted}


class Builder:
    """Makes images into the archives of `store`, with a log for each in the folder `logs`.

    buildah's storage and configuration, and all that is unfinished, lie in the store's work folder and go with it.
    """

    def __init__(self, store: Store, logs: Path) -> None:
        self._store, self._work, self._logs = store, store.work, logs
        self._policy = f"--signature-policy={self._work / 'policy.json'}"
        self._variables = {
            "CONTAINERS_STORAGE_CONF": str(self._work / "storage.conf"),
            "CONTAINERS_REGISTRIES_CONF": "/dev/null",
            "CONTAINERS_CONF": str(self._work / "containers.conf"),
            "TMPDIR": str(self._work / "tmp"),
            "SOURCE_DATE_EPOCH": str(context.EPOCH),  # with a fixed time a file system depends on its packages alone
        }

    def build(self, images: Sequence[Image], progress: Progress) -> None:
        """Make `images`, of which bases are made first. The caller holds the store's lock. Raises ImageError."""
        if os.geteuid() != 0:
            raise ImageError("Images are made by root", "Run it as root.")
        bases = [image for image in images if isinstance(image, Base)]
        applications = [image for image in images if isinstance(image, Application)]
        for log in self._logs.glob("images-*.log"):
            log.unlink(missing_ok=True)
        self._configure()

        def take(steps: Mapping[str, Callable[[], None]]) -> None:
            """Take the steps, WORKERS at a time, each announced by its name."""

            def announced(name: str) -> None:
                progress.step(f"image {name}", len(images) - len(self._store.missing(images)), len(images))
                steps[name]()

            with ThreadPoolExecutor(max_workers=WORKERS) as pool:
                list(pool.map(announced, steps))

        take({f"debian-{suite}": partial(self._make_debian, suite) for suite in sorted({base.suite for base in bases})})
        take({image.name: partial(self._make_base, image) for image in bases})
        for base in {base for image in applications for _, base in image.bases} - set(bases):
            archive = f"docker-archive:{self._store.path(base)}"
            self.run(base.name, ["buildah", "pull", "--quiet", self._policy, archive])
        index = pip.volumes(os.environ, self._work)
        take({image.name: partial(self._make_application, image, index) for image in applications})
        progress.step("images", len(images), len(images))

    def _configure(self) -> None:
        (self._work / "tmp").mkdir(parents=True)
        (self._work / "policy.json").write_text(json.dumps(_POLICY))
        # Without it, buildah makes /etc/cni on the machine.
        (self._work / "containers.conf").write_text(f'[network]\nnetwork_config_dir = "{self._work}/networks"\n')
        folder = self._work / "storage"
        for driver in ("overlay", "vfs"):  # vfs copies whole file systems, and works on every disk
            settings = f'driver = "{driver}"\ngraphroot = "{folder}/root"\nrunroot = "{folder}/run"\n'
            (self._work / "storage.conf").write_text(f"[storage]\n{settings}")
            command = [*CONTAINED, "buildah", "info"]
            probe = subprocess.run(command, env=os.environ | self._variables, capture_output=True, check=False)
            if probe.returncode == 0:
                break

    def _make_debian(self, suite: str) -> None:
        """Make the image that the bases of a suite start from, and leave apt's configuration and lists beside it."""
        folder = self._work / suite
        root, apt = folder / "root", folder / "apt"
        for path in (root, apt / "etc", apt / "lists"):
            path.mkdir(parents=True)
        sources = debian.sources(suite, _output(debian.LIST_TARGETS))
        connection = debian.connection_options(_output(("apt-config", "dump")))
        write_atomically(folder / "sources.list", sources, mode=0o600)  # both may hold passwords
        write_atomically(folder / "connection.conf", connection, mode=0o600)
        mirrors = [folder / "sources.list"] if sources else []
        command = debian.arguments(suite, apt, root / "root.tar", mirrors, [folder / "connection.conf"])
        self.run(f"debian-{suite}", command)
        self._buildah_build(f"debian-{suite}", f"{DEBIAN}:{suite}", root, RECIPES / "debian.Dockerfile", [])

    def _make_base(self, image: Base) -> None:
        apt = self._work / image.suite / "apt"
        cache = apt / f"cache-{image.name}"
        cache.mkdir()
        mounts = {apt / "etc": "/etc/apt", apt / "lists": "/var/lib/apt/lists", cache: "/var/cache/apt"}
        volumes = [f"--volume={here}:{there}" for here, there in mounts.items()]
        self._buildah_build(image.name, image.reference, RECIPES, image.recipe, volumes)
        self._save(image)

    def _make_application(self, image: Application, volumes: Sequence[str]) -> None:
        sources = self._work / image.name
        context.stage(image.folder, sources)
        if image.name in previous.KEPT:
            previous.collect(self._store.others(image), previous.KEPT[image.name], sources / "previous")
        arguments = {argument: base.reference for argument, base in image.bases}
        arguments |= {"VERSION": image.version, "COMMIT": image.commit}
        flags = [f"--build-arg={name}={value}" for name, value in arguments.items()]
        flags += [f"--volume={volume}" for volume in volumes]
        self._buildah_build(image.name, image.reference, sources, sources / "Dockerfile", flags)
        self._save(image)

    def _buildah_build(self, name: str, reference: str, folder: Path, dockerfile: Path, flags: Sequence[str]) -> None:
        command = ["buildah", "build", "--isolation=chroot", "--pull-never", "--format=docker", self._policy]
        self.run(name, [*command, *flags, f"--tag={reference}", f"--file={dockerfile}", str(folder)])

    def _save(self, image: Image) -> None:
        archive = self._work / f"{image.name}.tar"
        # An archive holds the image under its full name.
        target = f"docker-archive:{archive}:{image.reference}"
        self.run(image.name, ["buildah", "push", "--quiet", self._policy, image.reference, target])
        self._store.add(image, archive)

    def run(self, name: str, command: Sequence[str]) -> None:
        """Run a command of the build of image `name`; its output goes to that image's log. Raises ImageError."""
        log = self._logs / f"images-{name}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            result = subprocess.run(
                [*CONTAINED, *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=os.environ | self._variables,
                check=False,
            )
        if result.returncode != 0:
            last = tail(log.read_text(errors="replace"))
            message = f"Image {name} failed: {command[0]} ended with status {result.returncode} (whole log: {log})"
            raise ImageError(message, remedy(last), last)


def _output(command: Sequence[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
