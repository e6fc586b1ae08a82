"""All judges, one after the other; the table goes to the terminal and to a file."""

from tools import stack
from tools.audit import judges, services
from tools.audit.alarms import of_alarms
from tools.audit.verdicts import Verdict, markdown, table
from tools.failures import Failure
from tools.terminal import Steps, console

FILE = stack.STATE / "audit.md"


def run() -> None:
    """Raises Failure when any judge has something against the project that nobody has answered."""
    verdicts: list[Verdict] = judges.of_manifests(stack.names())
    with Steps() as steps:
        with steps.step("actionlint") as step:
            verdicts.append(judges.of_workflows(step))
        with steps.step("promtool") as step:
            verdicts.append(of_alarms(step))
        with steps.step("pip-audit"):
            verdicts.append(judges.of_packages())
        with steps.step("govulncheck") as step:
            verdicts.append(judges.of_modules(step))
        for name in services.SERVICES:
            with steps.step(f"schemathesis asks {name}"):
                verdicts.append(judges.of_service(name))
        with steps.step("axe"):
            verdicts.append(judges.of_page())
    verdicts += judges.not_run()
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(markdown(verdicts))
    console.print(table(verdicts))
    console.print(f"Findings and reasons: {FILE.relative_to(stack.ROOT)}")
    if failed := [verdict.judge for verdict in verdicts if verdict.failed]:
        raise Failure(
            f"{', '.join(failed)} found something.",
            f"{FILE.relative_to(stack.ROOT)} says what. Mend it, or answer it in policy/skips.yaml.",
        )
