"""What is missing is made once, by buildah in folders of its own, without a daemon or a registry."""

import json
import os
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from local.images import builder as builder_module
from local.images import catalog, debian
from local.images.builder import Builder, make
from local.images.catalog import Image
from local.images.errors import ImageError
from local.images.store import Store
from tests.unit.local.images.examples import FILESERVER, FRONTEND, PYTHON, VALKEY, RecordedSteps
from tools.progress import NO_PROGRESS, Progress

WANTED = [FRONTEND, FILESERVER, VALKEY]
# Stands for mmdebstrap and buildah: writes down how it is called, and writes the archive of a push.
PROGRAM = """#!/usr/bin/env python3
import json, os, sys
program, arguments = os.path.basename(sys.argv[0]), sys.argv[1:]
variables = {name: value for name, value in os.environ.items() if name.startswith("CONTAINERS_") or name == "TMPDIR"}
with open(os.environ["CALLS"], "a") as calls:
    calls.write(json.dumps([program, arguments, variables]) + "\\n")
if arguments[0] == "push":
    open(arguments[-1].split(":")[1], "w").write(arguments[-1].split(":", 2)[2])
"""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "images")


class FakeBuilder:
    def __init__(self, store: Store) -> None:
        self.store, self.made, self.fails = store, list[str](), False

    def build(self, images: Sequence[Image], progress: Progress) -> None:
        for image in images:
            self.store.work.mkdir(exist_ok=True)
            unfinished = self.store.work / "unfinished.tar"
            unfinished.write_text(image.reference)
            if self.fails:
                raise ImageError("broken")
            self.store.add(image, unfinished)
            self.made.append(image.name)


def test_what_is_cached_is_not_made(store: Store) -> None:
    builder = FakeBuilder(store)
    first = make(WANTED, store, builder.build, NO_PROGRESS)
    assert builder.made == ["python", "frontend", "nginx", "fileserver", "valkey"]
    builder.made.clear()
    assert make(WANTED, store, builder.build, NO_PROGRESS) == first
    assert builder.made == []
    assert {reference: path.read_text() for reference, path in first.items()} == {
        image.reference: image.reference for image in WANTED
    }


def test_a_failed_build_leaves_nothing_unfinished_and_can_run_again(store: Store) -> None:
    builder = FakeBuilder(store)
    builder.fails = True
    with pytest.raises(ImageError, match="broken"):
        make(WANTED, store, builder.build, NO_PROGRESS)
    assert [path.name for path in store.folder.iterdir()] == ["lock"]
    builder.fails = False
    make(WANTED, store, builder.build, NO_PROGRESS)
    assert store.missing(WANTED) == []


def test_two_builds_at_once_make_each_image_once(store: Store) -> None:
    builder = FakeBuilder(store)
    threads = [threading.Thread(target=make, args=(WANTED, store, builder.build, NO_PROGRESS)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(builder.made) == ["fileserver", "frontend", "nginx", "python", "valkey"]


@pytest.fixture
def builder(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Builder:
    """A builder whose programs are there and do little; they run where they are, and write down their calls."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("mmdebstrap", "buildah"):
        (programs / name).write_text(PROGRAM)
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(builder_module, "CONTAINED", ())
    apt = {debian.LIST_TARGETS: "https://user:secret@mirror.test/|trixie|main|Debian\n", ("apt-config", "dump"): ""}
    monkeypatch.setattr(builder_module, "_output", apt.__getitem__)
    return Builder(store, tmp_path / "logs")


def calls(tmp_path: Path) -> list[tuple[str, list[str], dict[str, str]]]:
    return [json.loads(line) for line in (tmp_path / "calls").read_text().splitlines()]


def test_an_application_is_built_on_its_base_and_that_on_debian(builder: Builder, store: Store, tmp_path: Path) -> None:
    (tmp_path / "frontend").mkdir()
    steps, frontend = RecordedSteps(), replace(FRONTEND, folder=tmp_path / "frontend")
    store.work.mkdir(parents=True)
    builder.build([PYTHON, frontend], steps)
    assert steps.steps == [
        ("image debian-trixie", 0, 2),
        ("image python", 0, 2),
        ("image frontend", 1, 2),
        ("images", 2, 2),
    ]
    called = [(program, arguments[0], arguments[-1]) for program, arguments, _ in calls(tmp_path)]
    work = store.work
    assert called == [
        ("buildah", "info", "info"),
        ("mmdebstrap", "--mode=root", f"{work}/trixie/sources.list"),
        ("buildah", "build", f"{work}/trixie/root"),
        ("buildah", "build", str(catalog.RECIPES)),
        ("buildah", "push", f"docker-archive:{work}/python.tar:{PYTHON.reference}"),
        ("buildah", "build", f"{work}/frontend"),
        ("buildah", "push", f"docker-archive:{work}/frontend.tar:{frontend.reference}"),
    ]
    assert store.path(frontend).read_text() == frontend.reference
    assert (work / "trixie/sources.list").read_text() == "deb https://user:secret@mirror.test/ trixie main\n"
    assert (work / "trixie/sources.list").stat().st_mode & 0o777 == 0o600


def test_buildah_keeps_away_from_registries_and_from_the_machine_s_storage(
    builder: Builder, store: Store, tmp_path: Path
) -> None:
    (tmp_path / "frontend").mkdir()
    store.work.mkdir(parents=True)
    builder.build([PYTHON, replace(FRONTEND, folder=tmp_path / "frontend")], NO_PROGRESS)
    found = calls(tmp_path)
    (arguments,) = [arguments for _, arguments, _ in found if f"--tag={FRONTEND.reference}" in arguments]
    assert {"--isolation=chroot", "--pull-never", f"--signature-policy={store.work}/policy.json"} < set(arguments)
    assert {f"--build-arg=PYTHON_BASE={PYTHON.reference}", "--build-arg=VERSION=1.0.0"} < set(arguments)
    assert f"--volume={store.work}/pip.conf:/etc/pip.conf:ro" in arguments
    (variables,) = {tuple(sorted(variables.items())) for _, _, variables in found}
    assert dict(variables) == {
        "CONTAINERS_CONF": f"{store.work}/containers.conf",
        "CONTAINERS_REGISTRIES_CONF": "/dev/null",
        "CONTAINERS_STORAGE_CONF": f"{store.work}/storage.conf",
        "TMPDIR": f"{store.work}/tmp",
    }
    networks = f'network_config_dir = "{store.work}/networks"'
    assert networks in (store.work / "containers.conf").read_text(), "or it makes /etc/cni"


def test_a_base_that_is_there_is_loaded(builder: Builder, store: Store, tmp_path: Path) -> None:
    (tmp_path / "frontend").mkdir()
    store.work.mkdir(parents=True)
    builder.build([replace(FRONTEND, folder=tmp_path / "frontend")], NO_PROGRESS)
    called = [(program, arguments[0], arguments[-1]) for program, arguments, _ in calls(tmp_path)]
    assert called[1] == ("buildah", "pull", f"docker-archive:{store.path(PYTHON)}")
    assert [name for _, name, _ in called[2:]] == ["build", "push"]


def test_root_alone_makes_images(builder: Builder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(ImageError, match="made by root"):
        builder.build([PYTHON], NO_PROGRESS)
    assert not (tmp_path / "calls").exists()


def test_a_failed_step_is_named_with_the_end_of_its_log(builder: Builder, tmp_path: Path) -> None:
    log = tmp_path / "logs/images-redis.log"
    builder.run("redis", ["echo", "earlier"])
    with pytest.raises(ImageError) as error:
        builder.run("redis", ["sh", "-c", "seq 20; echo; echo E: Failed to fetch; exit 3"])
    assert error.value.message == f"Image redis failed: sh ended with status 3 (whole log: {log})"
    assert error.value.log_tail.splitlines() == [*map(str, range(7, 21)), "E: Failed to fetch"]
    assert "apt-get update" in error.value.hint
    assert log.read_text().startswith("earlier\n1\n")


def test_logs_of_the_build_before_are_removed_and_no_others(builder: Builder, store: Store, tmp_path: Path) -> None:
    builder.run("redis", ["echo", "earlier"])
    (tmp_path / "logs/kubelet.log").touch()
    store.work.mkdir(parents=True)
    builder.build([], NO_PROGRESS)
    assert [path.name for path in (tmp_path / "logs").iterdir()] == ["kubelet.log"]
