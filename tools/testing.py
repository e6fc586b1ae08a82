"""Every test of the project, stage by stage, with the time that each takes."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from rich.table import Table

from tools import environments, golang, packages, stack
from tools.failures import Failure
from tools.terminal import console

PYTHON = sys.executable
PYTEST = [PYTHON, "-m", "pytest", "-q"]
SLOWEST = ["--durations=25"]
LIVE = [*PYTEST, *SLOWEST, "--exitfirst"]
"""Minutes each: what failed is told at once, and the rest is not waited for."""
SIDE_BY_SIDE = ["-n", "auto", "--dist", "worksteal"]
LINT = [PYTHON, "-m", "tools.lint"]
FRONTEND = stack.ROOT / "apps" / "frontend"
APPLICATIONS = [FRONTEND, stack.ROOT / "apps" / "auth"]
"""Those with a Python environment of their own."""

GO = {"GOTOOLCHAIN": "local", "CGO_ENABLED": "0"}


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One stage: its commands, one after the other, in a folder of the project."""

    name: str
    commands: list[list[str]]
    folder: Path = stack.ROOT
    environment: dict[str, str] = field(default_factory=dict)


def quick_stages() -> list[Stage]:
    """What needs no cluster."""
    ty = str(Path(PYTHON).parent / "ty")
    platform = stack.ROOT / "local" / "cluster" / "platform"
    return [
        Stage(name="format", commands=[[PYTHON, "-m", "ruff", "format", "--check", "."]]),
        Stage(name="lint", commands=[[PYTHON, "-m", "ruff", "check", "."]]),
        Stage(name="types", commands=[[ty, "check"]]),
        Stage(name="unit", commands=[[*PYTEST, *SIDE_BY_SIDE, *SLOWEST, "tests/unit"]]),
        Stage(name="manifests", commands=[[*LINT, "manifests"], [*PYTEST, "tests/lint"]]),
        Stage(name="workflows", commands=[[*LINT, "workflows"]]),
        Stage(name="page", commands=[[*PYTEST, "apps/fileserver/tests"]]),
        *(_application(folder, ty) for folder in APPLICATIONS),
        Stage(
            name="node agent",
            commands=[["go", "vet", "./agent/...", "./policy/..."], ["go", "test", "./agent/...", "./policy/..."]],
            folder=platform,
            environment={**GO, "GOFLAGS": " ".join(["-buildvcs=false", *golang.COMPILE])},
        ),
    ]


def _application(folder: Path, ty: str) -> Stage:
    """The types and tests of an application, in its own environment."""
    python = str(environments.python_of(folder.name))
    name = {"frontend": "api"}.get(folder.name, folder.name)
    commands = [[ty, "check", "--python", python], [python, "-m", "pytest", "-q"]]
    return Stage(name=name, commands=commands, folder=folder)


def live_stages() -> list[Stage]:
    """What needs the running stack. `lifecycle` comes last: it starts and stops clusters of its own."""
    return [
        Stage(name="build", commands=[[PYTHON, "-m", "local", "build"]]),
        Stage(name="up", commands=[[PYTHON, "-m", "local", "up"]]),
        Stage(name="live", commands=[[*LIVE, "tests/live", "-m", "live and not lifecycle"]]),
        Stage(name="browser", commands=[[*LIVE, "tests/browser"]]),
        Stage(name="lifecycle", commands=[[*LIVE, "tests/live", "-m", "lifecycle"]]),
        Stage(name="down", commands=[[PYTHON, "-m", "local", "down"]]),
    ]


def run(*, quick: bool) -> None:
    """Run the stages; stop at the first that fails. Raises Failure."""
    begun, times = time.monotonic(), []
    try:
        _time(times, "prepare", lambda: _prepare(quick=quick))
        with nullcontext() if quick else _building_ahead():
            for stage in quick_stages():
                _time(times, stage.name, lambda stage=stage: _run(stage))
        for stage in [] if quick else live_stages():
            _time(times, stage.name, lambda stage=stage: _run(stage))
    finally:
        _table(times, time.monotonic() - begun)


@contextmanager
def _building_ahead() -> Generator[None]:
    """What `up` runs is built with the processor time that the quick stages leave.

    What is not finished by then, or fails, is left to the stage `build`, which shows how far it is.
    """
    command = ["nice", "-n", "19", PYTHON, "-m", "local", "build"]
    with subprocess.Popen(command, cwd=stack.ROOT, stdout=subprocess.DEVNULL, start_new_session=True) as ahead:
        try:
            yield
        finally:
            if ahead.poll() is None:
                os.killpg(ahead.pid, signal.SIGTERM)


def _time(times: list[tuple[str, float, bool]], name: str, work) -> None:  # noqa: ANN001
    console.rule(f"[bold]{name}[/bold]", align="left")
    start, ok = time.monotonic(), False
    try:
        work()
        ok = True
    finally:
        times.append((name, time.monotonic() - start, ok))


def _run(stage: Stage) -> None:
    for command in stage.commands:
        environment = {**os.environ, **stage.environment}
        if subprocess.run(command, cwd=stage.folder, env=environment, check=False).returncode != 0:
            raise Failure(f"Stage {stage.name} failed: {' '.join(command)}", "What failed stands above.")


def _prepare(*, quick: bool) -> None:
    """Packages and the applications' own environments."""
    wanted = {"redis-server": "redis-server", "nginx": "nginx-light"} if quick else packages.TEST_APT
    missing = packages.missing_packages(wanted)
    if missing:
        packages.install(missing)
    for folder in APPLICATIONS:
        environments.prepare(folder.name, folder / "requirements-dev.lock")


def _table(times: list[tuple[str, float, bool]], total: float) -> None:
    table = Table(title="Time per stage", title_justify="left")
    for column in ("stage", "seconds", ""):
        table.add_column(column, justify="right" if column == "seconds" else "left")
    for name, seconds, ok in times:
        table.add_row(name, f"{seconds:.1f}", "[green]ok[/green]" if ok else "[red]failed[/red]")
    table.add_row("all", f"{total:.1f}", "")
    console.print(table)
