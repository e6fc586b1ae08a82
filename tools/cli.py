"""What can be asked of a stack without a cluster and without credentials: `python -m tools COMMAND`."""

import json
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from components import settings
from tools import render, stack
from tools.failures import failures
from tools.terminal import console

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__)
Stack = Annotated[str, typer.Option("--stack", help=f"One of {', '.join(stack.names())}.")]
Markdown = Annotated[bool, typer.Option("--markdown", help="For a comment on GitHub.")]


@app.command()
def preview(
    name: Stack = "prod",
    every: Annotated[bool, typer.Option("--all", help="A line for each resource.")] = False,
) -> None:
    """Show all that a stack declares, as a tree."""
    with failures():
        render.show(name, every=every)


@app.command("render")
def write(name: Stack = "local") -> None:
    """Write a stack's manifests and resources to build/<stack>, secrets masked."""
    with failures():
        folder = render.render(name)
        console.print(f"wrote {folder.relative_to(stack.ROOT)}")


@app.command()
def diff(
    name: Stack = "local",
    base: Annotated[str, typer.Option(help="The commit to compare with.")] = "main",
    markdown: Markdown = False,
) -> None:
    """Compare a stack as it renders here with what another commit makes of it."""
    from tools import diff as comparison

    with failures():
        before, after = comparison.against(name, base)
        if markdown:
            typer.echo(comparison.markdown(name, base, before, after), nl=False)
            return
        changes, text = comparison.resources(before, after), comparison.manifests(before, after)
        if not changes and not text:
            console.print(f"Stack {name} renders as in {base}: nothing changes.")
            return
        styles = {"+": "green", "-": "red", "@": "cyan", "~": "yellow"}
        for line in (*text.splitlines(), "", *comparison.details(changes), ""):
            console.print(Text(line, style=styles.get(line[:1], "")), soft_wrap=True)
        table = Table("type", title=f"Resources of {name} against {base}", title_justify="left")
        for column in ("added", "removed", "changed"):
            table.add_column(column, justify="right")
        for type_, *counts in comparison.summary(changes):
            table.add_row(type_, *map(str, counts))
        console.print(table)


@app.command()
def stacks() -> None:
    """Every setting in which the environments differ, one stack a column."""
    from tools import settings_table

    with failures():
        names = settings_table.environments()
        table = Table(title="Where the stacks differ", title_justify="left")
        table.add_column("setting", no_wrap=True)
        for name in names:
            table.add_column(name, overflow="fold")
        for key, values in settings_table.table({name: settings_table.settings_of(name) for name in names}):
            table.add_row(key, *values)
        console.print(table)


@app.command()
def cost(
    name: Annotated[str | None, typer.Option("--stack", help="Without it, every stack in AWS.")] = None,
    markdown: Markdown = False,
) -> None:
    """What a stack costs a month, by line, from the prices in docs/prices.yaml."""
    from tools.cost import report as bill

    with failures():
        names = bill.stacks() if name is None else [name]
        if markdown:
            typer.echo(bill.markdown(names), nl=False)
        else:
            bill.show(names)


@app.command()
def pictures() -> None:
    """Draw docs/stacks/<stack>.svg, the architecture of each stack as its program declares it."""
    from tools.pictures import picture

    with failures():
        for name in stack.names():
            path = picture.write(name)
            console.print(f"wrote {path.relative_to(stack.ROOT)}")


@app.command()
def graph(name: Stack = "prod") -> None:
    """The chains that decide how long a stack takes to make and to destroy, by public figures."""
    from tools import durations
    from tools.recording import graph as graphs

    with failures():
        made = graphs.Graph(render.record(name).registrations)
        table = durations.load()
        paths = {
            "Making": made.critical_path(table.seconds),
            "Destroying": made.destroy_path(lambda r: table.seconds(r, "delete")),
        }
        for title, path in paths.items():
            shown = Table("from", "takes", "type", "name", title=f"{title} stack {name}", title_justify="left")
            for step in path:
                if step.seconds:
                    r = step.registration
                    shown.add_row(durations.minutes(step.start), durations.minutes(step.seconds), r.kind, r.name)
            shown.add_section()
            shown.add_row(durations.minutes(graphs.total(path)), "", "in all", "")
            console.print(shown)
        console.print(f"Figures and their sources: {durations.TABLE}", style="dim")


@app.command()
def schema() -> None:
    """Write docs/stack.schema.json, by which editors check Pulumi.<stack>.yaml, and docs/settings.md from it."""
    from tools import settings_reference

    files = {
        "stack.schema.json": json.dumps(settings.schema(), indent=2) + "\n",
        "settings.md": settings_reference.markdown(),
    }
    for name, text in files.items():
        path = stack.ROOT / "docs" / name
        path.write_text(text)
        console.print(f"wrote {path.relative_to(stack.ROOT)}")
