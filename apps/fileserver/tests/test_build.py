"""The build: hashed names, references that hold, the same output for the same input."""

import gzip
import subprocess
import sys
from pathlib import Path

import pytest

from apps.fileserver.tests.nginx import FILESERVER

BUILD = FILESERVER / "build.py"


def run(source: Path, target: Path, *more: str | Path) -> subprocess.CompletedProcess[str]:
    arguments = [sys.executable, BUILD, source, target, "--version", "1.0.0", *more]
    return subprocess.run(arguments, capture_output=True, text=True, check=False)


def page_with(folder: Path, html: str, **assets: str) -> Path:
    """A source folder with one page and assets named like `app_js`."""
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text(html)
    for name, content in assets.items():
        (folder / "assets" / name.replace("_", ".")).write_text(content)
    return folder


def snapshot(folder: Path) -> dict[str, tuple[bytes, float]]:
    """Content and modification time of every file."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime) for path in files}


def test_the_same_sources_build_the_same_files(tmp_path: Path) -> None:
    for name in ("one", "two"):
        assert run(FILESERVER / "page", tmp_path / name).returncode == 0
    assert snapshot(tmp_path / "one") == snapshot(tmp_path / "two")


def test_a_change_in_a_module_renames_whatever_imports_it(tmp_path: Path) -> None:
    page = '<script src="/assets/app.js"></script>'
    app = 'import { a } from "./a.js";'
    run(page_with(tmp_path / "s1", page, app_js=app, a_js="export const a = 1;"), tmp_path / "t1")
    run(page_with(tmp_path / "s2", page, app_js=app, a_js="export const a = 2;"), tmp_path / "t2")
    first, second = ({path.name for path in (tmp_path / t / "assets").glob("*.js")} for t in ("t1", "t2"))
    assert len(first) == len(second) == 2
    assert first & second == set()


def test_a_page_of_the_same_size_gets_another_time(tmp_path: Path) -> None:
    """NGINX's ETag is made of time and size: a changed page must not look unchanged."""
    run(page_with(tmp_path / "s1", "<p>one"), tmp_path / "t1")
    run(page_with(tmp_path / "s2", "<p>two"), tmp_path / "t2")
    first, second = (tmp_path / target / "index.html" for target in ("t1", "t2"))
    assert first.stat().st_size == second.stat().st_size
    assert first.stat().st_mtime != second.stat().st_mtime


def test_compressed_copies_hold_the_same_bytes(site: Path) -> None:
    copies = list(site.rglob("*.gz"))
    assert copies
    for copy in copies:
        assert gzip.decompress(copy.read_bytes()) == copy.with_suffix("").read_bytes()


@pytest.mark.parametrize(
    ("html", "assets", "words"),
    [
        ('<script src="/assets/gone.js"></script>', {"app_js": ""}, "gone.js"),
        ("<p>{{unknown}}", {"app_js": ""}, "unknown"),
        ("<p>", {"app_js": 'import "./gone.js";'}, "gone.js"),
        ("<p>", {"a_js": 'import "./b.js";', "b_js": 'import "./a.js";'}, "circle"),
    ],
)
def test_a_wrong_reference_ends_the_build(tmp_path: Path, html: str, assets: dict[str, str], words: str) -> None:
    result = run(page_with(tmp_path / "source", html, **assets), tmp_path / "target")
    assert result.returncode == 1
    assert words in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "target").exists()


def test_a_used_target_is_refused(tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    (tmp_path / "target" / "mine").write_text("precious")
    result = run(FILESERVER / "page", tmp_path / "target")
    assert result.returncode == 1
    assert "not empty" in result.stderr


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.glob("*") if path.suffix != ".gz"}


def test_assets_of_the_version_before_are_kept_beside_the_own_ones(tmp_path: Path) -> None:
    page = '<script src="/assets/a.js"></script>'
    for version, other in (("one", "export {};"), ("two", "export {} ;")):
        run(
            page_with(tmp_path / version, page, a_js="export const same = 1;" * 9, b_js=other),
            tmp_path / f"{version}-t",
        )
    before = tmp_path / "one-t" / "assets"
    assert run(tmp_path / "two", tmp_path / "target", "--previous", before).returncode == 0
    own, kept = tmp_path / "target" / "assets", tmp_path / "target" / "previous" / "assets"
    assert snapshot(own) == snapshot(tmp_path / "two-t" / "assets")
    assert files(kept) == files(before) - files(own)
    assert len(files(kept)) == 1
    (name,) = files(kept)
    assert (kept / name).read_bytes() == (before / name).read_bytes()


def test_a_first_version_has_none_before_it(tmp_path: Path) -> None:
    assert run(FILESERVER / "page", tmp_path / "target", "--previous", tmp_path / "nothing").returncode == 0
    assert not (tmp_path / "target" / "previous").exists()


@pytest.mark.parametrize("name", ["app.js", "app.0123456789.js", "app.0123456789.html", "..js"])
def test_what_is_no_asset_of_a_build_is_not_kept(tmp_path: Path, name: str) -> None:
    (tmp_path / "before").mkdir()
    (tmp_path / "before" / name).write_text("changed")
    result = run(FILESERVER / "page", tmp_path / "target", "--previous", tmp_path / "before")
    assert result.returncode == 1
    assert name in result.stderr
    assert not (tmp_path / "target").exists()
