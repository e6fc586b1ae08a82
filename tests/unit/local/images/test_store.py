"""Archives are told apart by what they are made from; the ones that nobody uses go."""

import os
import threading
from pathlib import Path

import pytest

from local.images import store as store_module
from local.images.errors import ImageError
from local.images.store import Store
from tests.unit.local.images.examples import FILESERVER, FRONTEND, NGINX, PYTHON, VALKEY, RecordedSteps, application
from tools.progress import NO_PROGRESS

WANTED = [FRONTEND, FILESERVER, VALKEY]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def test_bases_come_first_and_once(store: Store) -> None:
    assert store.missing(WANTED) == [PYTHON, FRONTEND, NGINX, FILESERVER, VALKEY]


def test_a_base_that_is_there_is_not_made_again(store: Store) -> None:
    store.path(PYTHON).touch()
    store.path(VALKEY).touch()
    assert store.missing(WANTED) == [FRONTEND, NGINX, FILESERVER]


def test_a_base_nobody_needs_is_not_made(store: Store) -> None:
    store.path(FRONTEND).touch()
    store.path(FILESERVER).touch()
    assert store.missing(WANTED) == [VALKEY]


def test_only_the_recently_used_archives_of_an_image_are_kept(store: Store) -> None:
    versions = [application("frontend", digit) for digit in "abcd"]
    for age, version in enumerate(versions):
        store.path(version).touch()
        os.utime(store.path(version), (1000 - age, 1000 - age))
    store.path(PYTHON).touch()
    store.use(versions[3])
    newest, finished = application("frontend", "e"), store.folder / "finished.tar"
    finished.touch()
    store.add(newest, finished)
    assert store.missing([*versions, newest, PYTHON]) == versions[1:3]


def test_use_leaves_the_time_by_which_importers_tell_archives(store: Store) -> None:
    store.path(PYTHON).touch()
    os.utime(store.path(PYTHON), (1000, 1000))
    assert store.use(PYTHON).stat().st_mtime == 1000


def test_what_a_killed_build_left_is_removed(store: Store) -> None:
    (store.work / "storage").mkdir(parents=True)
    (store.work / "storage" / "layer").touch()
    with store.locked(NO_PROGRESS):
        assert not store.work.exists()


def test_who_waits_is_told(store: Store) -> None:
    steps, entered = RecordedSteps(), threading.Event()

    def second() -> None:
        with store.locked(steps):
            entered.set()

    waiting = threading.Thread(target=second)
    with store.locked(NO_PROGRESS):
        waiting.start()
        assert steps.told.wait(timeout=30)
        assert not entered.is_set()
    waiting.join()
    assert entered.is_set()
    assert steps.steps == [("images: waiting for another build", None, None)]


def test_a_full_disk_is_named_before_anything_is_made(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "SPACE", 1 << 60)
    with pytest.raises(ImageError, match="GiB of free disk") as error, store.locked(NO_PROGRESS):
        pytest.fail("a build began")
    assert "JOURNAL_CACHE" in error.value.hint
