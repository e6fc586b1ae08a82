"""Builds of Go programs are kept by what they are made of."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tools import golang
from tools.failures import Failure
from tools.progress import NO_PROGRESS

Build = Callable[..., Path]


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Build:
    """Builds the sources in `tmp_path/sources` with a make of its own, which writes what go.mod says."""
    monkeypatch.setattr(golang, "find", lambda go_mod: golang.Go("1.26.4", "linux/amd64"))
    monkeypatch.setattr(golang, "_size", lambda folder: 16 * golang.GIB)  # it counts each file of Go's caches
    sources = tmp_path / "sources"
    sources.mkdir()

    def make(target: Path) -> None:
        target.mkdir()
        (target / "program").write_text((sources / "go.mod").read_text())

    def run(go_mod: str, *salt: str, make: Callable[[Path], None] = make) -> Path:
        (sources / "go.mod").write_text(go_mod)
        return golang.built(tmp_path / "home", sources, salt, make, NO_PROGRESS)

    return run


def refuse(target: Path) -> None:
    target.mkdir()
    raise Failure("the compiler failed")


def test_a_build_is_made_once(build: Build) -> None:
    folder = build("one", "-s")
    assert (folder / "program").read_text() == "one"
    assert build("one", "-s", make=refuse) == folder


def test_other_sources_and_other_flags_are_other_builds(build: Build) -> None:
    assert len({build("one", "-s"), build("two", "-s"), build("two", "-w")}) == 3


def test_a_build_that_fails_leaves_nothing_to_find(build: Build) -> None:
    with pytest.raises(Failure, match="the compiler failed"):
        build("one", make=refuse)
    assert (build("one") / "program").read_text() == "one"


def test_the_builds_that_were_used_last_are_kept(build: Build) -> None:
    folders = [build(f"version {number}") for number in range(golang.KEEP)]
    for age, folder in enumerate(reversed(folders)):
        os.utime(folder, (1_000 - age, 1_000 - age))
    assert build("version 0") == folders[0]
    newest = build("another")
    assert {folder for folder in folders if folder.exists()} == {folders[0], *folders[2:]}
    assert newest.exists()
