"""What CI runs, linted."""

import subprocess

from tools import stack
from tools.checks import programs
from tools.failures import Failure
from tools.terminal import Steps, console

FOLDER = stack.ROOT / ".github" / "workflows"
ALONE = ("-shellcheck=", "-pyflakes=")
"""Whatever this machine has besides, the findings are the same."""


def run() -> None:
    """Lint all workflows. Raises Failure."""
    files = sorted(FOLDER.glob("*.y*ml"))
    if not files:
        raise Failure(f"There is no workflow in {FOLDER.relative_to(stack.ROOT)}.")
    with Steps() as steps, steps.step("build actionlint") as step:
        program = programs.build(step) / "actionlint"
    command = [str(program), *ALONE, *(str(path.relative_to(stack.ROOT)) for path in files)]
    if subprocess.run(command, cwd=stack.ROOT, check=False).returncode != 0:
        raise Failure("actionlint finds mistakes in the workflows.", "They stand above.")
    console.print(f"{len(files)} workflows are fine")
