"""Archives are told apart by what they are made from; the ones that nobody uses go."""

import os
from pathlib import Path

import pytest

from local.images.catalog import Image
from local.images.store import Store


def image(name: str, digit: str) -> Image:
    return Image(name=name, reference=f"localhost/journal/{name}:v1.0.0-{digit * 8}", digest=digit * 64)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path, "buildah")


def test_only_the_recently_used_archives_of_an_image_are_kept(store: Store) -> None:
    versions, other = [image("frontend", digit) for digit in "abcde"], image("python", "1")
    for age, version in enumerate(versions):
        store.path(version).touch()
        os.utime(store.path(version), (1000 - age, 1000 - age))
    store.path(other).touch()
    store.use(versions[4])
    store.prune(versions[0])
    assert [store.has(version) for version in versions] == [True, True, False, False, True]
    assert store.has(other)


def test_use_leaves_the_time_by_which_importers_tell_archives(store: Store) -> None:
    python = image("python", "1")
    store.path(python).touch()
    os.utime(store.path(python), (1000, 1000))
    assert store.use(python).stat().st_mtime == 1000


def test_archives_of_two_builders_are_not_mixed(store: Store) -> None:
    python = image("python", "1")
    assert store.path(python) != Store(store.folder, "docker").path(python)
