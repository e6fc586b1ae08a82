"""The terminal program behind the Makefile: `python -m local COMMAND`."""

import json
import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import Annotated

import typer

from components import settings
from local import bench, check, lifecycle, render, show, stack
from local.access import access
from local.failures import KNOWN, Failure, told
from local.terminal import console, fail

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__)
LOG_LINES = 100


@contextmanager
def failures() -> Generator[None]:
    """A known error ends the command with a panel and status 1; Ctrl-C with status 130."""
    try:
        yield
    except KNOWN as error:
        failure = told(error)
        fail(failure.message, failure.hint, failure.log_tail)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        console.print("\nInterrupted. Run the same command again to go on.")
        raise typer.Exit(130) from None


@app.command()
def up() -> None:
    """Serve the journal: build what is missing, start the cluster, deploy stack `local`."""
    with failures():
        lifecycle.up()


@app.command()
def preview(
    name: Annotated[
        str, typer.Option("--stack", help="Another stack is shown without a cluster, as a tree.")
    ] = "local",
) -> None:
    """Show what `up` would change, field by field; of another stack, all that it declares."""
    with failures():
        if name == lifecycle.STACK:
            lifecycle.preview()
        else:
            render.show(name)


@app.command("render")
def write(name: Annotated[str, typer.Option("--stack", help="local, dev, prod")] = "local") -> None:
    """Write a stack's manifests and resources to build/<stack>, secrets masked. Needs no cluster."""
    with failures():
        folder = render.render(name)
        console.print(f"wrote {folder.relative_to(stack.ROOT)}")


@app.command()
def down() -> None:
    """Remove the stack and the cluster; built programs and images stay cached."""
    with failures():
        lifecycle.down()


@app.command()
def status() -> None:
    """The tiers, the certificates and the cluster's components. Status 1 when a tier is not ready."""
    with failures():
        here = access()
        ready = show.tiers(here)
        show.certificates(here)
        if here.own:
            show.components()
    if not ready:
        raise typer.Exit(1)


@app.command()
def logs(
    tier: Annotated[str, typer.Argument(help="frontend, fileserver, redis, traefik, pebble, …")],
    follow: Annotated[bool, typer.Option(help="Go on as lines come in.")] = False,
) -> None:
    """The last lines of every pod of a tier."""
    with failures():
        here = access()
        pods = here.json("get", "pods", "-A", "-l", f"app.kubernetes.io/name={tier}")["items"]
        if not pods:
            found = here.json("get", "pods", "-A")["items"]
            tiers = {pod["metadata"].get("labels", {}).get("app.kubernetes.io/name", "") for pod in found} - {""}
            raise Failure(f"There is no tier {tier!r}.", f"Tiers: {', '.join(sorted(tiers))}.")
        namespace = pods[0]["metadata"]["namespace"]
        wanted = ["-n", namespace, "logs", "-l", f"app.kubernetes.io/name={tier}", f"--tail={LOG_LINES}"]
        flags = ["--prefix", "--all-containers", "--max-log-requests=20", *(["--follow"] if follow else [])]
        raise typer.Exit(subprocess.run([*here.command(), *wanted, *flags], check=False).returncode)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def kubectl(context: typer.Context) -> None:
    """Run kubectl on the stack's cluster."""
    with failures():
        raise typer.Exit(subprocess.run([*access().command(), *context.args], check=False).returncode)


@app.command()
def shell() -> None:
    """A shell in which kubectl and helm speak to the stack's cluster."""
    with failures():
        here = access()
    folders = [str(program.parent) for program in (here.kubectl, here.helm) if program is not None]
    environment = {**os.environ, "PATH": os.pathsep.join([*folders, os.environ.get("PATH", "")])}
    if here.kubeconfig is not None:
        environment["KUBECONFIG"] = str(here.kubeconfig)
    console.print("kubectl and helm speak to the stack's cluster here; `exit` leaves.")
    raise typer.Exit(subprocess.run([os.environ.get("SHELL", "/bin/sh")], env=environment, check=False).returncode)


@app.command("test")
def run_tests(quick: Annotated[bool, typer.Option(help="Only what needs no cluster.")] = False) -> None:
    """Run every test of the project, stage by stage."""
    with failures():
        check.run(quick=quick)


@app.command("bench")
def measure(
    restart: Annotated[bool, typer.Option(help="Take everything down first, and time the way from nothing.")] = True,
) -> None:
    """Measure start, repeated `up`, reads and writes."""
    with failures():
        bench.run(restart=restart)


@app.command()
def schema() -> None:
    """Write docs/stack.schema.json, by which editors check Pulumi.<stack>.yaml."""
    path = stack.ROOT / "docs" / "stack.schema.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(settings.schema(), indent=2) + "\n")
    console.print(f"wrote {path.relative_to(stack.ROOT)}")


def main() -> None:
    sys.exit(app())
