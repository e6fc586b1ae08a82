"""The terminal program behind the Makefile: `python -m local COMMAND`."""

# What speaks to a cluster is imported when used: a stack's preview must not wait for it.

import os
import subprocess
import sys
from typing import Annotated

import typer

from local import release_cli
from tools.failures import Failure, failures
from tools.terminal import console

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__)
app.add_typer(release_cli.app, name="release")
LOG_LINES = 100
PASSED_ON = {
    "allow_extra_args": True,
    "ignore_unknown_options": True,
    "allow_interspersed_args": False,
    "help_option_names": [],
}
"""For another program's arguments: all of them are its own, `--` and `--help` too."""
Role = Annotated[str, typer.Option("--role", help="admin, operator or viewer.")]


@app.command()
def build() -> None:
    """Build the programs and images that `up` runs, and start nothing: about twenty minutes on a new machine."""
    from local import lifecycle

    with failures():
        lifecycle.build()


@app.command()
def up() -> None:
    """Serve the journal: build what is missing, start the cluster, deploy stack `local`."""
    from local import lifecycle

    with failures():
        lifecycle.up()


@app.command()
def preview(
    refresh: Annotated[bool, typer.Option(help="Ask the cluster first, which finds what was changed by hand.")] = False,
) -> None:
    """Show what `up` would change, field by field."""
    from local import lifecycle

    with failures():
        lifecycle.preview(refresh=refresh)


@app.command()
def rotate(name: Annotated[str, typer.Argument(help="The stack.")] = "local") -> None:
    """Give Redis its next password while it serves: no request fails, and no pod restarts."""
    from local import lifecycle

    with failures():
        lifecycle.rotate(name)


@app.command()
def user(
    name: Annotated[str, typer.Argument(help="Who; without it, all are listed.")] = "",
    remove: Annotated[bool, typer.Option(help="Take the user away.")] = False,
) -> None:
    """Let somebody sign in: asks for the password, or reads one line of stdin, and keeps its hash in the cluster."""
    from local import users
    from local.access import access

    with failures():
        here = access()
        if not name:
            console.print("\n".join(users.names(here)) or "Nobody can sign in yet: make user NAME=…")
            return
        known = users.checked_name(name)
        if remove:
            users.remove(here, known)
            console.print(f"{known} can't sign in any more. Tokens that {known} has are valid until they end.")
            return
        if sys.stdin.isatty():
            password = typer.prompt(f"Password of {known}", hide_input=True, confirmation_prompt=True)
        else:
            password = sys.stdin.readline().rstrip("\r\n")
        users.put(here, known, users.hashed(password))
        if users.tier_runs(here):
            console.print(f"{known} can sign in, once the pods have it: in a moment.")
        else:
            console.print(f"{known} is kept, and can sign in once the stack has journal:login (docs/runbooks.md).")


@app.command()
def workflow(
    name: Annotated[str, typer.Argument(help="The template; without it, all are listed.")] = "",
    parameters: Annotated[list[str] | None, typer.Argument(help="NAME=VALUE, as the template has them.")] = None,
) -> None:
    """Run a workflow of the stack from its template, print what it says, and end with 1 when a step failed."""
    from local import workflows
    from local.access import access

    with failures():
        here = access()
        known = workflows.templates(here)
        if not name:
            console.print(workflows.listed(known))
            return
        workflows.run(here, workflows.chosen(name, known), parameters or [])


@app.command()
def refresh() -> None:
    """Take into the state what the cluster has, whoever changed it."""
    from local import lifecycle

    with failures():
        lifecycle.refresh()


@app.command(context_settings=PASSED_ON)
def pulumi(context: typer.Context) -> None:
    """Run the Pulumi CLI on the stack: `stack`, `stack history`, `state`, `refresh`, `cancel`, …"""
    from local import lifecycle
    from local.pulumi.deployment import NEEDS_A_LANGUAGE_HOST

    with failures():
        if context.args[:1] and context.args[0] in NEEDS_A_LANGUAGE_HOST:
            raise Failure(
                f"`pulumi {context.args[0]}` runs the program, and needs Pulumi's language host for Python.",
                "Run `make up`, `make preview` or `make refresh`: they are Pulumi's own, with the program inside.",
            )
        lifecycle.command(context.args)


@app.command()
def down() -> None:
    """Remove the stack and the cluster; KEEP_DATA=1 keeps the volumes. Built programs and images stay cached."""
    from local import lifecycle

    with failures():
        lifecycle.down()


@app.command()
def status() -> None:
    """Tiers, autoscalers, versions that answer, Redis, certificates. Status 1 when something is not well."""
    from local import show
    from local.access import access

    with failures():
        here = access()
        ready = show.tiers(here)
        ready &= show.autoscalers(here)
        show.versions()
        ready &= show.redis(here)
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
    from local.access import access

    with failures():
        here = access()
        found = [pod["metadata"] for pod in here.json("get", "pods", "-A")["items"]]
        namespaces = {m.get("labels", {}).get("app.kubernetes.io/name"): m["namespace"] for m in found}
        namespace = namespaces.get(tier)
        if namespace is None:
            known = ", ".join(sorted(name for name in namespaces if name is not None))
            raise Failure(f"There is no tier {tier!r}.", f"Tiers: {known}." if known else "No tier has a pod.")
        wanted = ["-n", namespace, "logs", "-l", f"app.kubernetes.io/name={tier}", f"--tail={LOG_LINES}"]
        flags = ["--prefix", "--all-containers", "--max-log-requests=20", *(["--follow"] if follow else [])]
        raise typer.Exit(subprocess.run([*here.command(), *wanted, *flags], check=False).returncode)


@app.command()
def backup(stack: Annotated[str, typer.Option(help="The stack that the cluster must run.")] = "local") -> None:
    """Back up Redis' data now, and the cluster's own where it was built here, and say where the backups are."""
    from local import backups
    from local.access import access

    with failures():
        here = access()
        backups.backup(here, stack)
        if here.own:
            backups.back_up_cluster()


@app.command()
def restore(
    source: Annotated[str, typer.Argument(help="The backup's name, as `backup` says it.")] = "",
    stack: Annotated[str, typer.Option(help="The stack that the cluster must run.")] = "local",
    yes: Annotated[bool, typer.Option(help="Don't ask.")] = False,
) -> None:
    """Put a backup in the place of the data that there is."""
    from local import backups
    from local.access import access

    with failures():
        if not source:
            raise Failure("Which backup? There is no FROM.", "make restore FROM=local-20261127T180000Z.rdb")
        of_cluster = backups.is_of_cluster(source)
        here = None if of_cluster else access()
        what = "All objects of the local cluster, and Pulumi's state of it," if of_cluster else "All entries"
        if not yes and typer.prompt(f"{what} are replaced. Type the stack's name, {stack}, to go on") != stack:
            raise Failure("That is not the stack's name; nothing was changed.")
        if here is None:
            backups.restore_cluster(source)
        else:
            backups.restore(here, stack, source)


@app.command(context_settings=PASSED_ON)
def kubectl(context: typer.Context, role: Role = "admin") -> None:
    """Run kubectl on the stack's cluster."""
    from local.access import access
    from local.people import access_as, role_of

    with failures():
        known = role_of(role)
        here = access_as(access(), known)
        raise typer.Exit(subprocess.run([*here.command(), *context.args], check=False).returncode)


@app.command()
def shell(role: Role = "admin") -> None:
    """A shell in which kubectl and helm speak to the stack's cluster."""
    from local.access import access
    from local.people import access_as, role_of

    with failures():
        known = role_of(role)
        here = access_as(access(), known)
    folders = [str(program.parent) for program in (here.kubectl, here.helm) if program is not None]
    environment = {**os.environ, "PATH": os.pathsep.join([*folders, os.environ.get("PATH", "")])}
    if here.kubeconfig is not None:
        environment["KUBECONFIG"] = str(here.kubeconfig)
    console.print(f"kubectl and helm speak to the stack's cluster here, as {role}; `exit` leaves.")
    raise typer.Exit(subprocess.run([os.environ.get("SHELL", "/bin/sh")], env=environment, check=False).returncode)


def main() -> None:
    sys.exit(app())
