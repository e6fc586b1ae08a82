"""Measures what the project promises to be quick, as ratios within one run where a ratio says more than a time."""

import json
import subprocess
import sys
import time
from typing import Any

from rich.table import Table

from tools import stack
from tools.failures import Failure
from tools.terminal import Steps, console

CLIENTS, SECONDS = 50, 5
PARTS = {
    "start Python, load the terminal program": ["-m", "local", "--help"],
    "load the SDK, register the program": ["-m", "tools.bench_program"],
}
RECORDED, IMPORTS = ("-m", "tools", "preview", "--stack", "prod"), ("-m", "tools.bench_imports")


def run(*, restart: bool) -> None:
    """Measure and print a table. `restart`: from nothing running, first. Raises Failure."""
    with Steps() as steps:
        rows: list[tuple[str, str, str]] = []
        with steps.step("preview of prod"):
            rows += _preview()
        if restart:
            with steps.step("remove everything"):
                _local("-m", "local", "down")
            with steps.step("from nothing running to the first correct HTTPS answer"):
                seconds = _local("-m", "local", "up")
            rows.append(("make up from nothing running, all cached", f"{seconds:.1f} s", "42 s"))
        with steps.step("make up with nothing changed"):
            _local("-m", "local", "up")
            again = min(_local("-m", "local", "up") for _ in range(3))
        with steps.step("make preview with nothing changed"):
            preview = min(_local("-m", "local", "preview") for _ in range(3))
        with steps.step("its parts"):
            parts = {name: min(_local(*arguments) for _ in range(3)) for name, arguments in PARTS.items()}
        rows.append(("make up with nothing changed, refresh included", f"{again:.1f} s", "8 s"))
        rows.append(("make preview with nothing changed", f"{preview:.1f} s", "6 s"))
        rows.append(("  up as a ratio to preview", f"{again / preview:.2f}", ""))
        rows += [(f"  {name}", f"{seconds:.1f} s", "") for name, seconds in parts.items()]
        with steps.step(f"reads and writes, {CLIENTS} clients"):
            rows += _load()
    table = Table(title="Bench", title_justify="left")
    for column in ("what", "figure", "aim"):
        table.add_column(column, justify="right" if column == "figure" else "left")
    for row in rows:
        table.add_row(*row)
    console.print(table)


def _preview() -> list[tuple[str, str, str]]:
    """A preview without a cloud, against loading what it needs: the rest is ours."""
    for arguments in (RECORDED, IMPORTS):
        _local(*arguments)  # warm
    preview, imports = (min(_local(*arguments) for _ in range(3)) for arguments in (RECORDED, IMPORTS))
    return [
        ("make preview STACK=prod, warm", f"{preview:.1f} s", "under 5 s"),
        ("  as a ratio to the imports alone", f"{preview / imports:.2f}", ""),
    ]


def _local(*arguments: str) -> float:
    """Seconds that a command of ours takes."""
    start = time.monotonic()
    done = subprocess.run([sys.executable, *arguments], cwd=stack.ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failure(f"{' '.join(arguments)} failed.", "Run it by itself.", (done.stdout + done.stderr)[-1500:])
    return time.monotonic() - start


def _load() -> list[tuple[str, str, str]]:
    rows, rounds = [], _measured()["rounds"]
    for figures in rounds:
        entries = figures["entries"]
        for what in ("reads", "writes"):
            rate = figures[f"{what}_per_second"]
            rows.append((f"{what} per second, {entries} entries", f"{rate:,.0f}", ""))
        rows.append((f"writes lost, {entries} entries", str(figures["lost"]), "0"))
    few, many = rounds[0], rounds[-1]
    ratio = many["reads_per_second"] / few["reads_per_second"]
    rows.append((f"reads with {many['entries']} against {few['entries']} entries", f"{ratio:.2f}", ""))
    return rows


def _measured() -> dict[str, Any]:
    found = json.loads((stack.STATE / "local.json").read_text())
    flags = ["--ca", found["ca"], "--address", found["address"], "--clients", str(CLIENTS), "--seconds", str(SECONDS)]
    command = [sys.executable, str(stack.ROOT / "apps" / "frontend" / "bench.py"), found["url"], *flags]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failure("The load generator failed.", "Is the journal up? See `make status`.", done.stderr[-1500:])
    return json.loads(done.stdout)
