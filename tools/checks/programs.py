"""The programs: Go ones built from the modules that go.mod pins, checkov in an environment of its own."""

import json
import shutil
import subprocess
from pathlib import Path

from local.cluster.programs import KEEP, digest
from tools import environments, golang, paths
from tools.checks.findings import Objects
from tools.failures import Failure
from tools.lock import locked
from tools.progress import Progress

HERE = Path(__file__).parent
FLAGS = ("-trimpath", "-ldflags", "-s -w")
CHECKOV_LOCK = HERE / "checkov.lock"


def build(progress: Progress) -> Path:
    """The folder of the Go programs, built when go.mod, go.sum or Go are others than before. Raises Failure."""
    go = golang.find((HERE / "go.mod").read_text())
    home = paths.cache() / "checks"
    folder = home / digest(HERE, [go.version, go.target, *FLAGS])
    with locked(home / "lock", progress, "wait for another build"):
        if not folder.exists():
            unfinished = home / "unfinished"
            shutil.rmtree(unfinished, ignore_errors=True)
            golang.install(HERE, ["tool"], FLAGS, unfinished, progress, what="kubeconform, kube-score, actionlint")
            unfinished.rename(folder)
        folder.touch()
        _prune(home)
    return folder


def _prune(home: Path) -> None:
    builds = sorted((p for p in home.iterdir() if p.is_dir()), key=lambda p: p.stat().st_mtime)
    for old in builds[:-KEEP]:
        shutil.rmtree(old, ignore_errors=True)


def checkov() -> Path:
    """The checkov program, installed by hash. Raises Failure."""
    return environments.prepare("checkov", CHECKOV_LOCK).parent / "checkov"


def answer(command: list[str], allowed: tuple[int, ...] = (0, 1)) -> str:
    """What a program prints. Raises Failure when its status is none of those that stand for an answer."""
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode not in allowed:
        tail = "\n".join([*run.stdout.splitlines()[-10:], *run.stderr.splitlines()[-10:]])
        raise Failure(f"{Path(command[0]).name} ended with {run.returncode}.", "What it said stands above.", tail)
    return run.stdout


def answered(command: list[str]) -> Objects:
    """The JSON that a program prints. Raises Failure."""
    text = answer(command)
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        raise Failure(f"{Path(command[0]).name} printed no JSON.", "What it said stands above.", text[-1000:]) from None
