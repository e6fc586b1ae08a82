"""Finished images are found again; what is missing is made once."""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from local.images import store as store_module
from local.images.build import build, make, plan
from local.images.builder import Builder
from local.images.catalog import Application, Base, Image
from local.images.errors import ImageError
from local.images.store import Store


def base(name: str, reference: str, digit: str) -> Base:
    return Base(name=name, reference=reference, digest=digit * 64, recipe=Path(f"{name}.Dockerfile"), suite="trixie")


def application(name: str, digit: str, *bases: Base) -> Application:
    return Application(
        name=name,
        reference=f"localhost/journal/{name}:v1.0.0-{digit * 8}",
        digest=digit * 64,
        folder=Path(name),
        version="1.0.0",
        bases=tuple((f"{base.name.upper()}_BASE", base) for base in bases),
    )


PYTHON = base("python", "docker.io/library/python:3.11", "1")
NGINX = base("nginx", "docker.io/library/nginx:1.22", "2")
VALKEY = base("valkey", "docker.io/valkey/valkey:8.1.1", "3")
FRONTEND = application("frontend", "a", PYTHON)
FILESERVER = application("fileserver", "b", PYTHON, NGINX)
WANTED = [FRONTEND, FILESERVER, VALKEY]


class FakeBuilder(Builder):
    makes_bases = True

    def __init__(self, store: Store) -> None:
        super().__init__(store, store.folder / "logs")
        self.made, self.fails = list[str](), False

    def check(self) -> None:
        pass

    def build(self, images: Sequence[Image], begin: Callable[[str], None]) -> None:
        begin("debian-trixie")
        for image in images:
            begin(image.name)
            self.store.work.mkdir(exist_ok=True)
            unfinished = self.store.work / "unfinished.tar"
            unfinished.write_text(image.reference)
            if self.fails:
                raise ImageError("broken")
            self.store.add(image, unfinished)
            self.made.append(image.name)


class Steps:
    def __init__(self) -> None:
        self.steps: list[tuple[str, int | None, int | None]] = []
        self.told = threading.Event()

    def step(self, name: str, done: int | None = None, total: int | None = None) -> None:
        self.steps.append((name, done, total))
        self.told.set()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "images", "buildah")


@pytest.fixture
def builder(store: Store) -> FakeBuilder:
    return FakeBuilder(store)


def test_bases_come_first_and_once() -> None:
    planned = plan(WANTED, lambda image: False, bases=True)
    assert planned == [PYTHON, FRONTEND, NGINX, FILESERVER, VALKEY]


def test_a_base_that_is_there_is_not_made_again() -> None:
    assert plan(WANTED, lambda image: image in (PYTHON, VALKEY), bases=True) == [FRONTEND, NGINX, FILESERVER]


def test_a_base_nobody_needs_is_not_made() -> None:
    assert plan(WANTED, lambda image: image in (FRONTEND, FILESERVER), bases=True) == [VALKEY]


def test_docker_makes_no_bases() -> None:
    assert plan(WANTED, lambda image: False, bases=False) == WANTED


def test_what_is_cached_is_not_made(store: Store, builder: FakeBuilder) -> None:
    first = make(WANTED, store, builder, Steps())
    assert builder.made == ["python", "frontend", "nginx", "fileserver", "valkey"]
    builder.made.clear()
    assert make(WANTED, store, builder, Steps()) == first
    assert builder.made == []
    assert {reference: path.read_text() for reference, path in first.items()} == {
        image.reference: image.reference for image in WANTED
    }


def test_progress_counts_the_images(store: Store, builder: FakeBuilder) -> None:
    steps = Steps()
    make([FRONTEND], store, builder, steps)
    assert steps.steps == [
        ("image debian-trixie", 0, 2),
        ("image python", 0, 2),
        ("image frontend", 1, 2),
        ("images", 2, 2),
    ]


def test_a_failed_build_leaves_nothing_unfinished_and_can_run_again(store: Store, builder: FakeBuilder) -> None:
    builder.fails = True
    with pytest.raises(ImageError, match="broken"):
        make(WANTED, store, builder, Steps())
    assert [path.name for path in store.folder.iterdir()] == ["lock"]
    builder.fails = False
    make(WANTED, store, builder, Steps())
    assert store.has(FRONTEND)


def test_what_a_killed_build_left_is_removed(store: Store, builder: FakeBuilder) -> None:
    (store.work / "storage").mkdir(parents=True)
    (store.work / "storage" / "layer").touch()
    make([VALKEY], store, builder, Steps())
    assert not store.work.exists()


def test_two_builds_at_once_make_each_image_once(store: Store, builder: FakeBuilder) -> None:
    threads = [threading.Thread(target=make, args=(WANTED, store, builder, Steps())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(builder.made) == ["fileserver", "frontend", "nginx", "python", "valkey"]


def test_who_waits_is_told(store: Store) -> None:
    steps, entered = Steps(), threading.Event()

    def second() -> None:
        with store.locked(steps):
            entered.set()

    waiting = threading.Thread(target=second)
    with store.locked(Steps()):
        waiting.start()
        assert steps.told.wait(timeout=30)
        assert not entered.is_set()
    waiting.join()
    assert entered.is_set()
    assert steps.steps == [("images: waiting for another build", None, None)]


def test_a_full_disk_is_named_before_anything_is_made(
    store: Store, builder: FakeBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "SPACE_BASES", 1 << 60)
    with pytest.raises(ImageError, match="GiB of free disk") as error:
        make(WANTED, store, builder, Steps())
    assert "JOURNAL_CACHE" in error.value.hint
    assert builder.made == []


def test_an_unknown_builder_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUILDER", "podman")
    with pytest.raises(ImageError, match="BUILDER is 'podman'"):
        build(Steps())
