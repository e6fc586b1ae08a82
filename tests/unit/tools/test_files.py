"""Files are written whole or not at all."""

import os
from pathlib import Path

import pytest

from tools.files import built_once, replacing, write_atomically


@pytest.mark.parametrize("content", ["täxt", b"bytes"])
def test_the_content_is_what_was_given(tmp_path: Path, content: str | bytes) -> None:
    path = tmp_path / "file"
    write_atomically(path, content)
    assert path.read_bytes() == (content.encode() if isinstance(content, str) else content)
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_the_mode_does_not_depend_on_the_umask(tmp_path: Path, mode: int) -> None:
    before = os.umask(0o077)
    try:
        write_atomically(tmp_path / "file", "", mode=mode)
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == mode


def test_a_failed_write_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    def fail() -> None:
        with replacing(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_what_a_killed_writer_left_is_no_obstacle(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.with_name("file.new").write_text("half")
    write_atomically(path, "whole")
    assert path.read_text() == "whole"


def build(target: Path) -> None:
    target.mkdir()
    (target / "program").write_text("built")


def test_a_folder_is_built_once(tmp_path: Path) -> None:
    folder = tmp_path / "cli-0123456789ab"
    assert built_once(folder, build) == folder
    (folder / "program").write_text("kept")
    built_once(folder, build)
    assert (folder / "program").read_text() == "kept"


def test_a_failed_build_leaves_no_folder_and_is_no_obstacle(tmp_path: Path) -> None:
    folder = tmp_path / "cli-0123456789ab"

    def fail(target: Path) -> None:
        build(target)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        built_once(folder, fail)
    assert not folder.exists()
    assert (built_once(folder, build) / "program").exists()


def test_the_three_builds_used_last_are_kept_and_other_things_are_left_alone(tmp_path: Path) -> None:
    other = built_once(tmp_path / "plugin-0123456789ab", build)
    for number in range(4):
        made = built_once(tmp_path / f"cli-{number:012x}", build)
        os.utime(made, (number, number))
    built_once(tmp_path / "cli-ffffffffffff", build)
    kept = {path.name for path in tmp_path.iterdir() if path.is_dir()}
    assert kept == {other.name, "cli-000000000002", "cli-000000000003", "cli-ffffffffffff"}
