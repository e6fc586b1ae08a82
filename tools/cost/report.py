"""The monthly cost of stacks, as a table for the terminal or for a comment on GitHub."""

from collections.abc import Sequence

import yaml
from rich.table import Table

from tools import render, stack
from tools.cost.cost import FILE, Bill, Line, Prices, bill, prices
from tools.failures import Failure
from tools.terminal import console

COLUMNS = ("what", "count", "unit", "$ a unit", "hours", "$ a month")


def stacks() -> list[str]:
    """The stacks that are in AWS."""
    return [name for name in stack.names() if _in_aws(name)]


def of(name: str, list_: Prices) -> Bill:
    """What a stack costs. Raises Failure where the price list is of another region, or has a gap."""
    config = stack.read(name)
    aws = config.get(f"{stack.PROJECT}:aws")
    if not isinstance(aws, dict):
        raise Failure(f"Stack {name} is not in AWS: it costs nothing there.", f"In AWS: {', '.join(stacks())}.")
    if aws.get("region") != list_.region:
        raise Failure(
            f"{FILE} has the prices of {list_.region}; stack {name} is in {aws.get('region')}.",
            "Look the prices of that region up and put them, with their sources, into the file.",
        )
    return bill(render.record(name).registrations, list_)


def show(names: Sequence[str]) -> None:
    """Print each stack's bill, and the sum of all."""
    list_ = price_list()
    bills = {name: of(name, list_) for name in names}
    for name, each in bills.items():
        console.print(_table(name, each))
        console.print(f"Left out: {'; '.join(each.left_out)}.\n", style="dim")
    if len(bills) > 1:
        console.print(f"All: $ {sum(each.month for each in bills.values()):,.2f} a month")
    console.print(f"~: an estimate. {_source(list_)}", style="dim")


def markdown(names: Sequence[str]) -> str:
    """Each stack's bill, for a comment."""
    list_ = price_list()
    return "\n".join(_markdown(name, of(name, list_), list_) for name in names)


def price_list() -> Prices:
    return prices(yaml.safe_load((stack.ROOT / FILE).read_text()))


def _in_aws(name: str) -> bool:
    return isinstance(stack.read(name).get(f"{stack.PROJECT}:aws"), dict)


def _cells(line: Line) -> tuple[str, ...]:
    mark = "~" if line.estimate else ""
    hours = f"{line.hours:g}" if line.unit == "hour" else ""
    return (line.what, f"{line.count:g}", line.unit, f"{mark}{line.price:.5g}", hours, f"{mark}{line.month:,.2f}")


def _table(name: str, each: Bill) -> Table:
    table = Table(title=f"Stack {name}, a month", title_justify="left", show_footer=True)
    for number, column in enumerate(COLUMNS):
        footer = "in all" if number == 0 else f"{each.month:,.2f}" if number == len(COLUMNS) - 1 else ""
        table.add_column(column, footer, justify="left" if column in ("what", "unit") else "right")
    for line in each.lines:
        table.add_row(*_cells(line))
    return table


def _markdown(name: str, each: Bill, list_: Prices) -> str:
    rows = [f"| {' | '.join(_cells(line))} |" for line in each.lines]
    return "\n".join(
        [
            f"**{name}: $ {each.month:,.2f} a month**\n",
            f"| {' | '.join(COLUMNS)} |",
            "|---|---:|---|---:|---:|---:|",
            *rows,
            f"\nLeft out: {'; '.join(each.left_out)}.",
            f"~: an estimate. {_source(list_)}\n",
        ]
    )


def _source(list_: Prices) -> str:
    return f"Prices of {list_.region} as of {list_.date}, on demand, before taxes: {FILE}."
