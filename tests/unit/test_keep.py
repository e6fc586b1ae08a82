""".ci/keep moves a tag to the images that a stack runs; the AWS CLI is a script here."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT

DIGEST = f"sha256:{'0' * 64}"
IMAGE = f"journal/frontend:v1@{DIGEST}"
KNOWN = """case "$2" in batch-get-image) echo '{"schemaVersion": 2}' ;; esac"""


def keep(folder: Path, *words: str, answer: str = KNOWN) -> subprocess.CompletedProcess[str]:
    aws = folder / "aws"
    aws.write_text(f'#!/usr/bin/env bash\necho "$@" >> {folder}/calls\n{answer}\n')
    aws.chmod(0o755)
    (folder / "calls").touch()
    environment = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}
    return subprocess.run([ROOT / ".ci" / "keep", *words], env=environment, capture_output=True, text=True, check=False)


def test_the_tag_goes_to_each_digest(tmp_path: Path) -> None:
    other = f"journal/fileserver:v1@{DIGEST}"
    run = keep(tmp_path, "dev", IMAGE, other)
    assert (run.returncode, run.stderr) == (0, "")
    tagged = [line for line in (tmp_path / "calls").read_text().splitlines() if "put-image" in line]
    assert len(tagged) == 2
    for line, repository in zip(tagged, ("journal/frontend", "journal/fileserver"), strict=True):
        assert f"--repository-name {repository} --image-tag deployed-dev --image-digest {DIGEST}" in line


@pytest.mark.parametrize("image", ["", "journal/frontend:v1", f"journal/frontend@{DIGEST}", f"a/b:v1@{DIGEST}0", "x@y"])
def test_what_is_no_pinned_image_is_refused_before_any_call(tmp_path: Path, image: str) -> None:
    run = keep(tmp_path, "dev", IMAGE, image)
    assert run.returncode == 2
    assert f"keep: {image!r}".replace("'", '"') in run.stderr.replace("'", '"')
    assert "REPOSITORY:TAG@DIGEST" in run.stderr
    assert (tmp_path / "calls").read_text() == ""


@pytest.mark.parametrize("words", [(), ("dev",)])
def test_without_a_stack_and_images_it_says_how_it_is_called(tmp_path: Path, words: tuple[str, ...]) -> None:
    run = keep(tmp_path, *words)
    assert run.returncode == 2
    assert "usage: keep STACK REPOSITORY:TAG@DIGEST..." in run.stderr


def test_an_image_that_is_not_there_is_named(tmp_path: Path) -> None:
    run = keep(tmp_path, "dev", IMAGE, answer="echo None")
    assert run.returncode == 1
    assert f"journal/frontend has no image {DIGEST}" in run.stderr
    assert "put-image" not in (tmp_path / "calls").read_text()


def test_a_tag_that_is_there_already_is_well_and_another_refusal_is_told(tmp_path: Path) -> None:
    for error, status in (("ImageAlreadyExistsException", 0), ("AccessDeniedException", 1)):
        refuse = f'case "$2" in batch-get-image) echo m ;; *) echo "An error occurred ({error})" >&2; exit 254 ;; esac'
        run = keep(tmp_path, "dev", IMAGE, answer=refuse)
        assert run.returncode == status
        assert (error in run.stderr) == (status == 1)
