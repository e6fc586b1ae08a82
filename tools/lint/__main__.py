"""The linters behind `make test`: `python -m tools.lint COMMAND`."""

from typing import Annotated

import typer

from tools import stack
from tools.failures import Failure, failures
from tools.lint import linters, manifests
from tools.terminal import Steps, console

WORKFLOWS = stack.ROOT / ".github" / "workflows"
app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__)


@app.command("manifests")
def lint_manifests(
    names: Annotated[
        list[str] | None, typer.Option("--stack", help="A stack; may be given again. All, without.")
    ] = None,
) -> None:
    """Render stacks and lint their manifests with kubeconform, kube-score and checkov."""
    with failures():
        manifests.run(stack.names() if names is None else names)


@app.command("workflows")
def lint_workflows() -> None:
    """Lint .github/workflows with actionlint."""
    with failures():
        files = sorted(WORKFLOWS.glob("*.y*ml"))
        if not files:
            raise Failure(f"There is no workflow in {WORKFLOWS.relative_to(stack.ROOT)}.")
        with Steps() as steps, steps.step("build actionlint") as step:
            program = linters.build(step) / "actionlint"
        if found := linters.actionlint(program, files):
            raise Failure("actionlint finds mistakes in the workflows.", log_tail=found)
        console.print(f"{len(files)} workflows are fine")


app()
