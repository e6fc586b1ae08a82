"""The images that the cluster runs, built on this machine."""

from local.images.builder import build
from local.images.catalog import references
from local.images.errors import ImageError

__all__ = ["ImageError", "build", "references"]
