"""Images that a test makes for itself."""

from pathlib import Path

from local import cluster
from local.images.builder import Builder, make
from local.images.catalog import application
from local.images.store import Store
from tools import paths
from tools.progress import NO_PROGRESS


def imported(folder: Path) -> str:
    """The reference of an application's image, built from its folder and in the cluster."""
    store, image = Store(paths.cache() / "images"), application(folder)
    archives = make([image], store, Builder(store, paths.state() / "logs").build, NO_PROGRESS)
    cluster.import_images(list(archives.values()))
    return image.reference
