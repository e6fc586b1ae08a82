"""promtool: whether Prometheus takes the alarm rules, and whether they come when they should."""

import re
import subprocess
import tempfile
from pathlib import Path

from components.observability import rules, watch_of
from components.settings import Settings
from tools import golang, paths, stack
from tools.audit.verdicts import Verdict
from tools.progress import Progress

SOURCES = stack.ROOT / "tools" / "promtool"
MODULE = "github.com/prometheus/prometheus"
FLAGS = ["-tags=remove_all_sd", *golang.build_flags()]
"""Without what finds targets in clouds: 250 packages less, and no rule needs them (Prometheus, plugins/)."""
EXAMPLE = rules.Watched(servers=3, backup_seconds=3600, jobs=("api", "edge"), runbooks="https://runbooks.test")
"""What alarms_test.yaml is written for."""


def build(progress: Progress) -> Path:
    """The program. Raises Failure."""

    def make(target: Path) -> None:
        golang.install(SOURCES, [f"{MODULE}/cmd/promtool"], FLAGS, target, progress, what="promtool")

    return golang.built(paths.cache() / "promtool", SOURCES, FLAGS, make, progress) / "promtool"


def of_alarms(progress: Progress) -> Verdict:
    """The rules of every stack that has alarms are read, and an example's are tried on metrics that are made up."""
    program, failed = build(progress), []
    texts = {name: text for name in stack.in_aws() if (text := _rules_of(name)) is not None}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for name, text in texts.items():
            (folder / f"{name}.yaml").write_text(text)
            failed += said(program, folder, "check", "rules", "--lint-fatal", f"{name}.yaml")
        (folder / "rules.yaml").write_text(rules.text(EXAMPLE))
        (folder / "alarms_test.yaml").write_text((SOURCES / "alarms_test.yaml").read_text())
        failed += said(program, folder, "test", "rules", "alarms_test.yaml")
    return Verdict(
        judge="promtool",
        version=golang.module_versions((SOURCES / "go.mod").read_text())[MODULE].removeprefix("v"),
        looked_at=f"the alarm rules of {', '.join(texts)}, and when they come",
        failed=failed,
    )


def said(program: Path, folder: Path, *words: str) -> list[str]:
    """What promtool has against it, by line; nothing where it ends with 0."""
    run = subprocess.run([str(program), *words], cwd=folder, capture_output=True, text=True, check=False)
    if run.returncode == 0:
        return []
    lines = [line.strip() for line in (run.stdout + run.stderr).splitlines()]
    return [line for line in lines if line and not re.match(r"(Checking|Unit Testing|FAILED|SUCCESS)\b", line)]


def _rules_of(name: str) -> str | None:
    found = stack.checked(stack.config_of(name), name)
    watch = watch_of(found) if isinstance(found, Settings) else None
    return None if watch is None else watch.rules
