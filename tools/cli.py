"""What can be asked of a stack without a cluster and without credentials: `python -m tools COMMAND`."""

import json
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from components import settings
from components.observability import dashboard
from tools import cloud, cost, diff, durations, graph, render, settings_reference, stack, tree
from tools.failures import failures
from tools.pictures import architecture, releases
from tools.terminal import console

DASHBOARD = stack.ROOT / "docs" / "dashboard.json"

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__)
Stack = Annotated[str, typer.Option("--stack", help=f"One of {', '.join(stack.names())}.")]
Markdown = Annotated[bool, typer.Option("--markdown", help="For a comment on GitHub.")]


@app.command("audit")
def ask_judges() -> None:
    """Ask judges that no one here wrote: kube-score, checkov, schemathesis, axe and others. Writes .state/audit.md."""
    from tools.audit import run as audit

    with failures():
        audit.run()


@app.command("preview")
def show_tree(
    name: Stack = "prod",
    every: Annotated[bool, typer.Option("--all", help="A line for each resource.")] = False,
) -> None:
    """Show all that a stack declares, as a tree."""
    with failures():
        tree.show(name, every=every)


@app.command("render")
def write_rendering(name: Stack = "local") -> None:
    """Write a stack's manifests and resources to build/<stack>, secrets masked."""
    with failures():
        folder = render.render(name)
        console.print(f"wrote {folder.relative_to(stack.ROOT)}")


@app.command("diff")
def compare_commits(
    name: Stack = "local",
    base: Annotated[str, typer.Option(help="The commit to compare with.")] = "main",
    markdown: Markdown = False,
) -> None:
    """Compare a stack as it renders here with what another commit makes of it."""
    with failures():
        before, after = diff.against(name, base)
        if markdown:
            typer.echo(diff.markdown(name, base, before, after), nl=False)
            return
        changes, text = diff.resources(before, after), diff.manifests(before, after)
        if not changes and not text:
            console.print(f"Stack {name} renders as in {base}: nothing changes.")
            return
        styles = {"+": "green", "-": "red", "@": "cyan", "~": "yellow"}
        for line in (*text.splitlines(), "", *diff.details(changes), ""):
            console.print(Text(line, style=styles.get(line[:1], "")), soft_wrap=True)
        table = Table("type", title=f"Resources of {name} against {base}", title_justify="left")
        for column in ("added", "removed", "changed"):
            table.add_column(column, justify="right")
        for type_, *counts in diff.summary(changes):
            table.add_row(type_, *map(str, counts))
        console.print(table)


@app.command("stacks")
def compare_settings() -> None:
    """Every setting in which the environments differ, one stack a column."""
    with failures():
        names = stack.environments()
        table = Table(title="Where the stacks differ", title_justify="left")
        table.add_column("setting", no_wrap=True)
        for name in names:
            table.add_column(name, overflow="fold")
        for key, values in stack.settings_that_differ({name: stack.settings_of(name) for name in names}):
            table.add_row(key, *values)
        console.print(table)


@app.command("cost")
def estimate_cost(
    name: Annotated[str | None, typer.Option("--stack", help="Without it, every stack in AWS.")] = None,
    markdown: Markdown = False,
) -> None:
    """What a stack costs a month, by line, from the prices in docs/prices.yaml."""
    with failures():
        names = stack.in_aws() if name is None else [name]
        if markdown:
            typer.echo(cost.markdown(names), nl=False)
        else:
            cost.show(names)


@app.command("doctor")
def examine_account(
    name: Annotated[str | None, typer.Option("--stack", help="Without it, every stack in AWS.")] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Ask nobody: compare with AWS's defaults.")] = False,
) -> None:
    """Ask the account what would stop a deployment: quotas, versions, zones, roles, images, name servers.

    It only reads. Without credentials it lists what the stacks need beside AWS's default quotas. It ends with
    status 1 where a deployment now fails for certain; what it could not ask, and what may fail later, does not.
    """
    from tools import doctor
    from tools.terminal import Steps

    with failures():
        names = stack.in_aws() if name is None else [name]
        with Steps() as steps:
            reports = doctor.examine(names, steps, offline=offline)
        doctor.show(reports)
    if any(report.fails for report in reports):
        raise typer.Exit(1)


@app.command("pictures")
def draw_pictures() -> None:
    """Draw each stack, docs/stacks/<stack>.svg, docs/images/releases.svg, and Grafana's docs/dashboard.json."""
    with failures():
        for name in stack.names():
            path = architecture.write(name)
            console.print(f"wrote {path.relative_to(stack.ROOT)}")
        console.print(f"wrote {releases.write().relative_to(stack.ROOT)}")
        DASHBOARD.write_text(dashboard.text())
        console.print(f"wrote {DASHBOARD.relative_to(stack.ROOT)}")


@app.command("graph")
def show_graph(name: Stack = "prod") -> None:
    """The chains that decide how long a stack takes to make and to destroy, by public figures."""
    with failures():
        resources = graph.Graph(cloud.record(name).registrations)
        table = durations.load()
        paths = {
            "Making": resources.critical_path(table.seconds),
            "Destroying": resources.destroy_path(lambda r: table.seconds(r, "delete")),
        }
        for title, path in paths.items():
            shown = Table("from", "takes", "type", "name", title=f"{title} stack {name}", title_justify="left")
            for step in path:
                if step.seconds:
                    r = step.resource
                    shown.add_row(durations.minutes(step.start), durations.minutes(step.seconds), r.kind, r.name)
            shown.add_section()
            shown.add_row(durations.minutes(graph.total(path)), "", "in all", "")
            console.print(shown)
        console.print(f"Figures and their sources: {durations.TABLE}", style="dim")


@app.command("schema")
def write_schema() -> None:
    """Write docs/stack.schema.json, by which editors check Pulumi.<stack>.yaml, and docs/settings.md from it."""
    files = {
        "stack.schema.json": json.dumps(settings.schema(), indent=2) + "\n",
        "settings.md": settings_reference.markdown(),
    }
    for name, text in files.items():
        path = stack.ROOT / "docs" / name
        path.write_text(text)
        console.print(f"wrote {path.relative_to(stack.ROOT)}")


@app.command("test")
def run_tests(quick: Annotated[bool, typer.Option(help="Only what needs no cluster.")] = False) -> None:
    """Run every test of the project, stage by stage."""
    from tools import testing

    with failures():
        testing.run(quick=quick)


@app.command("bench")
def measure(
    restart: Annotated[bool, typer.Option(help="Take everything down first, and time the way from nothing.")] = True,
) -> None:
    """Measure start, repeated `up`, a preview, reads and writes."""
    from tools import bench

    with failures():
        bench.run(restart=restart)
