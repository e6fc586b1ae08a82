"""Make the images that the cluster runs, but only those that the store lacks."""

import os
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from local.images.buildah import BuildahBuilder
from local.images.builder import Builder
from local.images.catalog import Application, Image, deployed
from local.images.docker import DockerBuilder
from local.images.errors import ImageError
from local.images.store import Store
from tools import paths
from tools.progress import Progress


def build(progress: Progress) -> dict[str, Path]:
    """Make the images that the cluster runs; returns their archives by reference. Raises ImageError.

    `BUILDER=docker` in the environment has Docker build them, on the upstream base images.
    """
    name = os.environ.get("BUILDER") or "buildah"
    store, logs = Store(paths.cache() / "images", name), paths.state() / "logs"
    match name:
        case "buildah":
            builder: Builder = BuildahBuilder(store, logs)
        case "docker":
            builder = DockerBuilder(store, logs)
        case _:
            raise ImageError(f"BUILDER is {name!r}", "It is buildah (the default) or docker.")
    return make(list(deployed().values()), store, builder, progress)


def make(wanted: Sequence[Image], store: Store, builder: Builder, progress: Progress) -> dict[str, Path]:
    """The archives of `wanted`, by reference; those that the store lacks are made by `builder`."""
    if plan(wanted, store.has, bases=builder.makes_bases):
        builder.check()
        with store.locked(progress):
            # Another build may have made them while this one waited.
            _make_missing(plan(wanted, store.has, bases=builder.makes_bases), store, builder, progress)
    return {image.reference: store.use(image) for image in wanted}


def plan(wanted: Iterable[Image], has: Callable[[Image], bool], *, bases: bool) -> list[Image]:
    """The images to make, each once. With `bases`, an application's base images come before it."""
    steps: dict[Image, None] = {}
    for image in wanted:
        if not has(image):
            below = image.bases if bases and isinstance(image, Application) else ()
            steps |= dict.fromkeys([*(base for _, base in below if not has(base)), image])
    return list(steps)


def _make_missing(missing: Sequence[Image], store: Store, builder: Builder, progress: Progress) -> None:
    if not missing:
        return
    store.require_space(bases=not all(isinstance(image, Application) for image in missing))
    names, begun, lock = {image.name for image in missing}, 0, threading.Lock()

    def begin(name: str) -> None:
        nonlocal begun
        with lock:
            progress.step(f"image {name}", begun, len(missing))
            begun += name in names

    builder.build(missing, begin)
    progress.step("images", len(missing), len(missing))
    for image in missing:
        store.prune(image)
