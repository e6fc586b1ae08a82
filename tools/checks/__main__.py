"""The checks behind `make test`: `python -m tools.checks COMMAND`."""

from typing import Annotated

import typer

from tools import stack
from tools.checks import manifests, workflows
from tools.failures import failures

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__)


@app.command("manifests")
def check_manifests(
    names: Annotated[
        list[str] | None, typer.Option("--stack", help="A stack; may be given again. All, without.")
    ] = None,
) -> None:
    """Render stacks and ask kubeconform, kube-score and checkov of their manifests."""
    with failures():
        manifests.run(stack.names() if names is None else names)


@app.command("workflows")
def check_workflows() -> None:
    """Ask actionlint of .github/workflows."""
    with failures():
        workflows.run()


app()
