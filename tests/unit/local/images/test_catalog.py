"""An image is named by what it is made from."""

import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from components import versions
from local.images import catalog, context, debian
from local.images.errors import ImageError
from tests.conftest import settings_of

DOCKERFILE = """\
ARG PYTHON_BASE=docker.io/library/python:3.11-slim-bookworm
ARG NGINX_BASE=docker.io/library/nginx:1.22
FROM ${PYTHON_BASE} AS build
FROM ${NGINX_BASE}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "frontend"
    for name, text in {
        "Dockerfile": DOCKERFILE,
        "VERSION": "1.2.3\n",
        "journal/app.py": "app = 1\n",
        "tests/test_app.py": "",
        "journal/__pycache__/app.cpython-311.pyc": "",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def test_a_reference_holds_version_and_content(folder: Path) -> None:
    image = catalog.application(folder)
    assert image.reference == f"localhost/journal/frontend:v1.2.3-{image.commit}"
    assert len(image.commit) == 8
    assert image.digest.startswith(image.commit)


def test_the_same_sources_elsewhere_have_the_same_name(folder: Path, tmp_path: Path) -> None:
    clone = tmp_path / "clone" / "frontend"
    context.stage(folder, clone)
    assert catalog.application(clone) == replace(catalog.application(folder), folder=clone)


CHANGES: dict[str, Callable[[Path], object]] = {
    "content": lambda folder: (folder / "journal/app.py").write_text("app = 2\n"),
    "new file": lambda folder: (folder / "journal/new.py").touch(),
    "removed file": lambda folder: (folder / "journal/app.py").unlink(),
    "renamed file": lambda folder: (folder / "journal/app.py").rename(folder / "journal/other.py"),
    "executable bit": lambda folder: (folder / "journal/app.py").chmod(0o755),
    "version": lambda folder: (folder / "VERSION").write_text("1.2.4\n"),
    "base": lambda folder: (folder / "Dockerfile").write_text(DOCKERFILE.replace("nginx:1.22", "nginx:1.23")),
}
NO_CHANGES: dict[str, Callable[[Path], object]] = {
    "a test": lambda folder: (folder / "tests/test_app.py").write_text("changed"),
    "byte code": lambda folder: (folder / "journal/__pycache__/app.cpython-311.pyc").write_text("changed"),
    "byte code beside its source": lambda folder: (folder / "journal/app.pyc").write_text("new"),
    "mode for others": lambda folder: (folder / "journal/app.py").chmod(0o600),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_change_gives_a_new_name(folder: Path, change: Callable[[Path], object]) -> None:
    before = catalog.application(folder).reference
    change(folder)
    assert catalog.application(folder).reference != before


@pytest.mark.parametrize("change", NO_CHANGES.values(), ids=NO_CHANGES.keys())
def test_what_is_not_in_the_image_does_not_change_its_name(folder: Path, change: Callable[[Path], object]) -> None:
    before = catalog.application(folder)
    change(folder)
    assert catalog.application(folder) == before


def test_the_base_recipes_are_part_of_the_name(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = catalog.application(folder).reference
    recipes = tmp_path / "bases"
    recipes.mkdir()
    for name in ("debian", "nginx", "python"):
        text = (catalog.RECIPES / f"{name}.Dockerfile").read_text()
        (recipes / f"{name}.Dockerfile").write_text(f"{text}# changed\n")
    monkeypatch.setattr(catalog, "RECIPES", recipes)
    assert catalog.application(folder).reference != before


def test_what_the_root_file_system_holds_is_part_of_the_name(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = catalog.application(folder).reference
    monkeypatch.setattr(debian, "definition", lambda suite: f"{suite} with more packages")
    assert catalog.application(folder).reference != before


def test_git_decides_what_is_a_source(folder: Path) -> None:
    subprocess.run(["git", "init", "--quiet", str(folder)], check=True)
    (folder / ".gitignore").write_text("*.log\n")
    before = catalog.application(folder).reference
    (folder / "debug.log").write_text("ignored")
    assert catalog.application(folder).reference == before
    (folder / "new.py").write_text("not ignored, not yet added")
    assert catalog.application(folder).reference != before


def test_a_staged_context_holds_the_sources_alone(folder: Path, tmp_path: Path) -> None:
    (folder / "journal/app.py").chmod(0o700)
    staged = tmp_path / "staged"
    context.stage(folder, staged)
    assert context.files(staged) == [Path("Dockerfile"), Path("VERSION"), Path("journal/app.py")]
    assert not (staged / "tests").exists()
    assert (staged / "journal/app.py").stat().st_mode & 0o777 == 0o755
    assert (staged / "journal/app.py").stat().st_mtime == context.EPOCH


def test_bases_are_read_from_the_dockerfile(folder: Path) -> None:
    assert [(argument, base.name, base.reference) for argument, base in catalog.application(folder).bases] == [
        ("PYTHON_BASE", "python", "docker.io/library/python:3.11-slim-bookworm"),
        ("NGINX_BASE", "nginx", "docker.io/library/nginx:1.22"),
    ]


def test_a_base_nobody_can_make_is_named_with_the_known_ones() -> None:
    with pytest.raises(ImageError, match=r"postgres") as error:
        catalog.base("postgres", "docker.io/library/postgres:16")
    assert error.value.hint == "Known are: haproxy, nginx, python, valkey."


def test_a_base_on_another_system_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "python.Dockerfile").write_text("FROM localhost/journal/debian:sid\n")
    monkeypatch.setattr(catalog, "RECIPES", tmp_path)
    with pytest.raises(ImageError, match=r"python\.Dockerfile starts from no Debian suite") as error:
        catalog.base("python", "docker.io/library/python:3.11")
    assert "localhost/journal/debian:bookworm or localhost/journal/debian:trixie" in error.value.hint


@pytest.mark.parametrize("version", ["", "1.0", "v1.0.0", "latest", "1.0.0+build", "1.0.0-"])
def test_a_version_that_is_no_tag_is_refused(folder: Path, version: str) -> None:
    (folder / "VERSION").write_text(version)
    with pytest.raises(ImageError, match="VERSION holds"):
        catalog.application(folder)


def test_references_of_this_checkout() -> None:
    references = catalog.references()
    assert list(references) == ["frontend", "fileserver", "redis", "redis-write"]
    assert references["redis"] == settings_of("local")["redis"]["image"]


@pytest.mark.parametrize(("name", "reference"), [("valkey", catalog.VALKEY), ("haproxy", versions.HAPROXY_IMAGE)])
def test_servers_come_from_the_suite_that_has_them(name: str, reference: str) -> None:
    assert catalog.base(name, reference).suite == "trixie"


def test_this_machine_and_the_cloud_run_the_same_line_of_valkey() -> None:
    here, cloud = (reference.rpartition(".")[0] for reference in (catalog.VALKEY, versions.VALKEY_IMAGE))
    assert here == cloud


def test_the_recipe_installs_the_version_that_the_reference_names() -> None:
    version = catalog.VALKEY.rpartition(":")[2]
    assert f"grep -F v={version} " in catalog.base("valkey", catalog.VALKEY).recipe.read_text()
    version = versions.HAPROXY_IMAGE.rpartition(":")[2]
    assert f"grep -F 'version {version}'" in catalog.base("haproxy", versions.HAPROXY_IMAGE).recipe.read_text()
