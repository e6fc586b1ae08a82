""".ci/configure writes what is deployed into a stack's configuration; the Pulumi CLI is a script here."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT

NEW, NEW_PAGE = f"journal/frontend:v2@sha256:{'2' * 64}", f"journal/fileserver:v2@sha256:{'2' * 64}"
AUTH, OLD_AUTH = (f"journal/auth:v{number}@sha256:{str(number) * 64}" for number in (2, 1))
OLD, OLD_PAGE = f"journal/frontend:v1@sha256:{'1' * 64}", f"journal/fileserver:v1@sha256:{'1' * 64}"
RELEASE = "journal:frontend.release"


def history(frontend: str = OLD, **release: Any) -> list[Any]:
    """The history of a stack that runs these."""
    tiers = {"frontend": {"image": frontend, "release": release}, "fileserver": {"image": OLD_PAGE}}
    config = {f"journal:{tier}": {"value": json.dumps(value)} for tier, value in tiers.items()}
    return [{"kind": "update", "result": "succeeded", "config": config, "environment": {}}]


def with_sign_in(runs: list[Any]) -> list[Any]:
    runs[0]["config"]["journal:login"] = {"value": json.dumps({"image": OLD_AUTH})}
    return runs


def configure(folder: Path, *words: str, runs: list[Any], login: bool = False) -> subprocess.CompletedProcess[str]:
    (folder / "history").write_text(json.dumps(runs))
    (folder / "pulumi").write_text(
        f"""#!/usr/bin/env bash
case "$1 $2" in
  "stack history") cat {folder}/history ;;
  "config get") [ "$*" = "config get --stack prod --path journal:login" ] && {str(login).lower()} ;;
  *) echo "$@" >> {folder}/calls ;;
esac
"""
    )
    (folder / "pulumi").chmod(0o755)
    (folder / "calls").touch()
    environment = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}
    script = ROOT / ".ci" / "configure"
    return subprocess.run([script, *words], env=environment, capture_output=True, text=True, check=False)


def configured(folder: Path, *words: str, runs: list[Any], login: bool = False) -> dict[str, str]:
    """What is set afterwards. What was there before is taken away first."""
    run = configure(folder, "prod", *words, runs=runs, login=login)
    assert (run.returncode, run.stderr) == (0, "")
    calls = [line.split() for line in (folder / "calls").read_text().splitlines()]
    assert all(
        call[:4] in (["config", "set", "--stack", "prod"], ["config", "rm", "--stack", "prod"]) for call in calls
    )
    removed = [call[5] for call in calls if call[1] == "rm"]
    assert removed == [f"{RELEASE}.candidate", f"{RELEASE}.share"]
    after = calls.index(["config", "rm", "--stack", "prod", "--path", f"{RELEASE}.share"])
    assert all("release" not in call[5] for call in calls[:after] if call[1] == "set")
    return {call[5]: call[6] for call in calls if call[1] == "set"}


def test_a_whole_deployment_sets_both_images(tmp_path: Path) -> None:
    found = configured(tmp_path, "0", NEW, NEW_PAGE, AUTH, runs=history(candidate=NEW, share=100))
    assert found == {"journal:frontend.image": NEW, "journal:fileserver.image": NEW_PAGE}


@pytest.mark.parametrize("release", [{}, {"strategy": "canary", "candidate": NEW, "share": 25}])
def test_a_step_keeps_what_runs_and_adds_a_candidate(tmp_path: Path, release: dict[str, Any]) -> None:
    assert configured(tmp_path, "50", NEW, NEW_PAGE, AUTH, runs=history(**release)) == {
        "journal:frontend.image": OLD,
        "journal:fileserver.image": OLD_PAGE,
        f"{RELEASE}.candidate": NEW,
        f"{RELEASE}.share": "50",
    }


@pytest.mark.parametrize("runs", [[], history(NEW)])
def test_where_there_is_nothing_to_compare_with_there_is_no_candidate(tmp_path: Path, runs: list[Any]) -> None:
    found = configured(tmp_path, "25", NEW, NEW_PAGE, AUTH, runs=runs)
    assert found == {"journal:frontend.image": NEW, "journal:fileserver.image": NEW_PAGE}


def test_an_abort_leaves_what_ran_before_alone(tmp_path: Path) -> None:
    found = configured(tmp_path, "abort", runs=history(strategy="canary", candidate=NEW, share=25))
    assert found == {"journal:frontend.image": OLD, "journal:fileserver.image": OLD_PAGE}


def test_the_sign_in_gets_its_image_where_the_stack_has_one(tmp_path: Path) -> None:
    found = configured(tmp_path, "0", NEW, NEW_PAGE, AUTH, runs=with_sign_in(history()), login=True)
    assert found["journal:login.image"] == AUTH


@pytest.mark.parametrize(("runs", "image"), [(with_sign_in(history()), OLD_AUTH), (history(), AUTH)])
def test_a_step_keeps_the_sign_in_that_runs(tmp_path: Path, runs: list[Any], image: str) -> None:
    """And gives one to a stack that has none yet."""
    found = configured(tmp_path, "50", NEW, NEW_PAGE, AUTH, runs=runs, login=True)
    assert found["journal:login.image"] == image


@pytest.mark.parametrize(
    "words", [(), ("prod",), ("prod", "25"), ("prod", "25", NEW), ("prod", "25", NEW, NEW_PAGE), ("prod", "abort", NEW)]
)
def test_otherwise_it_says_how_it_is_called(tmp_path: Path, words: tuple[str, ...]) -> None:
    run = configure(tmp_path, *words, runs=[])
    assert run.returncode == 2
    assert run.stderr.startswith("usage: configure STACK SHARE FRONTEND FILESERVER AUTH")
    assert (tmp_path / "calls").read_text() == ""
