"""The doctor's report on the terminal: quotas, then the other checks, and last what to do."""

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from tools.doctor.findings import Finding, Report, Verdict
from tools.terminal import console

WORDS = {
    Verdict.OK: ("fits", "green"),
    Verdict.UNKNOWN: ("unknown", "dim"),
    Verdict.WARNING: ("warning", "yellow"),
    Verdict.PROBLEM: ("problem", "red"),
}


def show(reports: Sequence[Report]) -> None:
    """Print the reports; problems and their remedies last."""
    for report in reports:
        console.print(_quotas(report) if report.quotas else f"{_stacks(report)} {report.title}")
        answers = [f for f in report.findings if f.verdict is Verdict.OK]
        if answers:
            console.print(_answers(answers))
        for finding in report.to_do:
            _to_do(finding)
        console.print(_sum(report), style="bold", end="\n\n")


def _quotas(report: Report) -> Table:
    """Columns that say nothing are left out, so that the rest fits into 80 characters."""
    columns = {"needs": "needs", "all stacks": "all_need", "in use": "used", "quota": "limit"}
    if not report.asked:
        del columns["in use"]
    if all(finding.needs == finding.all_need for finding in report.quotas):
        del columns["all stacks"]
    table = Table(title=f"{_stacks(report)} {report.title}", title_justify="left")
    table.add_column("quota", min_width=16, overflow="fold")
    for column in columns:
        table.add_column(column, justify="right")
    table.add_column("verdict")
    for finding in report.quotas:
        table.add_row(finding.subject, *(getattr(finding, name) for name in columns.values()), _verdict(finding))
    return table


def _stacks(report: Report) -> str:
    return "Stacks" if "," in report.title.partition(" in ")[0] else "Stack"


def _answers(findings: Sequence[Finding]) -> Table:
    table = Table("asked", "answer")
    for finding in findings:
        table.add_row(Text(finding.subject), Text(finding.says))
    return table


def _verdict(finding: Finding) -> Text:
    word, style = WORDS[finding.verdict]
    return Text(word, style=style)


def _to_do(finding: Finding) -> None:
    """One line that says what it is, and one to copy from."""
    console.print(Text.assemble(_verdict(finding), f": {finding.subject}: {finding.says}"), soft_wrap=True)
    if finding.remedy:
        console.print(Text(f"  → {finding.remedy}"), soft_wrap=True)


def _sum(report: Report) -> str:
    counts = {v: sum(f.verdict is v for f in report.to_do) for v in (Verdict.PROBLEM, Verdict.WARNING, Verdict.UNKNOWN)}
    parts = [
        f"{count} {WORDS[v][0]}{'s' if count > 1 and v is not Verdict.UNKNOWN else ''}"
        for v, count in counts.items()
        if count
    ]
    if not parts:
        return "All is well."
    asked = "" if report.asked else "The account was not asked: "
    return f"{asked}{', '.join(parts)}. {'A deployment now would fail.' if report.fails else ''}".rstrip()
