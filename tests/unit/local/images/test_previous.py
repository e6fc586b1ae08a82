"""The next image keeps the assets of those in the store, whatever else lies there."""

import io
import json
import tarfile
from pathlib import Path, PurePosixPath

from local.images import previous
from local.images.store import Store
from tests.unit.local.images.examples import FILESERVER, FRONTEND

ASSETS = PurePosixPath("srv/journal/assets")


def tar(files: dict[str, bytes]) -> bytes:
    text = io.BytesIO()
    with tarfile.open(fileobj=text, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return text.getvalue()


def image(path: Path, *layers: dict[str, bytes]) -> Path:
    """A docker archive with these layers."""
    names = {f"{number}.tar": tar(files) for number, files in enumerate(layers)}
    manifest = json.dumps([{"Layers": list(names)}]).encode()
    path.write_bytes(tar({**names, "manifest.json": manifest}))
    return path


def collected(tmp_path: Path, *archives: Path) -> dict[str, bytes]:
    previous.collect(archives, ASSETS, tmp_path / "target")
    return {path.name: path.read_bytes() for path in (tmp_path / "target").iterdir()}


def test_the_assets_of_every_archive_are_kept(tmp_path: Path) -> None:
    one = image(
        tmp_path / "1.tar",
        {"etc/passwd": b"root", "srv/journal/assets/a.js": b"old"},
        {"srv/journal/assets/a.js": b"a", "srv/journal/assets/a.js.gz": b"z", "srv/journal/index.html": b"page"},
    )
    two = image(tmp_path / "2.tar", {"srv/journal/assets/b.js": b"b", "srv/journal/previous/assets/a.js": b"a"})
    assert collected(tmp_path, one, two) == {"a.js": b"a", "b.js": b"b"}


def test_what_is_no_image_has_none(tmp_path: Path) -> None:
    (tmp_path / "text.tar").write_text("no archive")
    (tmp_path / "other.tar").write_bytes(tar({"a": b"b"}))
    assert collected(tmp_path, tmp_path / "text.tar", tmp_path / "other.tar") == {}


def test_the_store_knows_an_image_s_other_archives(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for name in (store.path(FILESERVER).name, store.path(FRONTEND).name, "fileserver-0123456789abcdef.tar"):
        (tmp_path / name).touch()
    assert store.others(FILESERVER) == [tmp_path / "fileserver-0123456789abcdef.tar"]
