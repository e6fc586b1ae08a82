""".ci/previous takes the assets out of the images that stacks run; the AWS CLI and Docker are scripts here."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT

DEPLOYED = """case "$*" in *deployed-prod*) echo "(ImageNotFoundException)" >&2; exit 254 ;; *) echo sha256:1 ;; esac"""
DOCKER = """case "$1" in create) echo c1 ;; cp) echo module > "${4:?}/app.js" ;; esac"""


def previous(folder: Path, *words: str, aws: str = DEPLOYED, docker: str = DOCKER) -> subprocess.CompletedProcess[str]:
    for name, script in (("aws", aws), ("docker", docker)):
        (folder / name).write_text(f'#!/usr/bin/env bash\necho "{name} $@" >> {folder}/calls\n{script}\n')
        (folder / name).chmod(0o755)
    environment = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", "TARGET": str(folder / "previous")}
    return subprocess.run([ROOT / ".ci/previous", *words], env=environment, capture_output=True, text=True, check=False)


def test_each_stack_s_page_is_kept_and_one_that_never_ran_is_told(tmp_path: Path) -> None:
    run = previous(tmp_path, "registry.example")
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.splitlines() == ["dev runs sha256:1.", "staging runs sha256:1.", "prod was never deployed."]
    assert (tmp_path / "previous" / "app.js").exists()
    calls = [line for line in (tmp_path / "calls").read_text().splitlines() if line.startswith("docker")]
    assert calls[:3] == [
        "docker create --quiet registry.example/journal/fileserver@sha256:1",
        f"docker cp --quiet c1:/srv/journal/assets/. {tmp_path}/previous",
        "docker rm c1",
    ]


@pytest.mark.parametrize(
    ("aws", "docker"), [("echo AccessDenied >&2; exit 254", DOCKER), (DEPLOYED, "echo refused >&2; exit 1")]
)
def test_what_fails_ends_the_job(tmp_path: Path, aws: str, docker: str) -> None:
    run = previous(tmp_path, "registry.example", aws=aws, docker=docker)
    assert run.returncode != 0
    assert run.stderr.strip() in {"AccessDenied", "refused"}


def test_without_a_registry_it_says_how_it_is_called(tmp_path: Path) -> None:
    run = previous(tmp_path)
    assert (run.returncode, run.stderr.strip()) == (2, "usage: previous REGISTRY")
