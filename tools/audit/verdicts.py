"""What judges say, as a table on the terminal and in a file."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.markup import escape
from rich.table import Table

COLUMNS = ("judge", "version", "looked at", "failed", "skipped")


@dataclass(frozen=True, kw_only=True)
class Skipped:
    """What is not asked. reason: one that a sceptical reader would accept."""

    what: str
    reason: str
    times: int = 1


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a judge has against the project.

    version: its own, "" when it was not run at all. failed: a line for each finding that nobody has answered.
    """

    judge: str
    version: str
    looked_at: str
    failed: Sequence[str] = ()
    skipped: Sequence[Skipped] = ()

    @property
    def cells(self) -> tuple[str, ...]:
        ran = str(len(self.failed)) if self.version else "not run"
        return self.judge, self.version, self.looked_at, ran, str(sum(one.times for one in self.skipped))


def markdown(verdicts: Sequence[Verdict]) -> str:
    """The table, every finding, and each skip with its reason."""
    lines = ["# Audit", "", _row(COLUMNS), _row(["---"] * len(COLUMNS)), *(_row(one.cells) for one in verdicts)]
    if found := [f"- {one.judge}: {line}" for one in verdicts for line in one.failed]:
        lines += ["", "## Failed", "", *found]
    rows = [(v.judge, skip.what, str(skip.times), skip.reason) for v in verdicts for skip in v.skipped]
    if rows:
        heading = ("judge", "what", "times", "why it is skipped")
        lines += ["", "## Skipped", "", _row(heading), _row(["---"] * len(heading)), *map(_row, rows)]
    return "\n".join(lines) + "\n"


def table(verdicts: Sequence[Verdict]) -> Table:
    made = Table(title="Audit", title_justify="left")
    for column in COLUMNS:
        made.add_column(column, justify="right" if column in ("failed", "skipped") else "left")
    for verdict in verdicts:
        style = "red" if verdict.failed else None if verdict.version else "dim"
        made.add_row(*map(escape, verdict.cells), style=style)
    return made


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"
