"""What a stack costs a month: an estimate from its resources and one dated price list (docs/prices.yaml)."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from rich.table import Table

from components.settings.node_groups import NODE_GROUP_LABEL
from tools import cloud, stack
from tools.failures import Failure
from tools.resource import Resource
from tools.terminal import console
from tools.volumes import claimed_gib, launch_template, node_gib

COLUMNS = ("what", "count", "unit", "$ a unit", "hours", "$ a month")
FILE = Path("docs") / "prices.yaml"


@dataclass(frozen=True)
class LineItem:
    """One line of an estimate.

    what: the thing, for a reader. count: how many units. price: dollars per unit. hours: of a month; 1 where the unit
    is a month already. approximate: whether the price or the count is not a list figure.
    """

    what: str
    count: float
    unit: str
    price: float
    hours: float
    approximate: bool = False

    @property
    def month(self) -> float:
        return self.count * self.price * self.hours


@dataclass(frozen=True)
class Estimate:
    """The cost of one stack. left_out: what AWS charges for besides, in words."""

    lines: Sequence[LineItem]
    left_out: Sequence[str]

    @property
    def month(self) -> float:
        return sum(line.month for line in self.lines)


@dataclass(frozen=True)
class PriceList:
    """The price list. `price` raises Failure, naming the file, for what it does not have."""

    region: str
    date: str
    hours: float
    prices: Mapping[str, Mapping[str, Any]]
    instances: Mapping[str, Mapping[str, Any]]
    spot_share: float
    by_use: Mapping[str, str]
    free: frozenset[str]
    always_left_out: Sequence[str] = field(default_factory=list)

    def line(self, what: str, count: float, key: str, *, approximate: bool = False) -> LineItem:
        entry = self._entry(self.prices, key, "price")
        unit = str(entry["per"])
        return LineItem(what, count, unit, float(entry["price"]), self.hours if unit == "hour" else 1, approximate)

    def instance(self, what: str, count: int, type_: str, *, spot: bool) -> LineItem:
        price = float(self._entry(self.instances, type_, "instance type")["price"])
        return LineItem(what, count, "hour", price * (self.spot_share if spot else 1), self.hours, approximate=spot)

    def _entry(self, table: Mapping[str, Mapping[str, Any]], key: str, kind: str) -> Mapping[str, Any]:
        if key not in table:
            raise Failure(f"There is no price of {kind} {key}.", f"Add it to {FILE}, with its source.")
        return table[key]


def read_prices() -> PriceList:
    """The price list in docs/prices.yaml."""
    table = yaml.safe_load((stack.ROOT / FILE).read_text())
    return PriceList(
        region=table["region"],
        date=str(table["date"]),
        hours=float(table["hours"]),
        prices=table["prices"],
        instances=table["instances"],
        spot_share=float(table["spot"]["share"]),
        by_use=table["by_use"],
        free=frozenset(table["free"]),
        always_left_out=table["always_left_out"],
    )


def estimate(declared: Iterable[Resource], price_list: PriceList) -> Estimate:
    """What the resources cost a month. Raises Failure for a type of AWS or an instance type that has no price."""
    resources = {r.urn: r for r in declared if r.custom and not r.is_read}
    lines: list[LineItem] = []
    for r in sorted(resources.values(), key=lambda r: (r.type, r.urn)):
        rule = RULES.get(r.type)
        if rule is not None:
            lines += rule(r, price_list, resources)
        elif r.package == "aws" and r.type not in price_list.free and r.type not in price_list.by_use:
            raise Failure(
                f"{r.label}: whether {r.type} costs anything is not known.",
                f"Say so in {FILE} (`free` or `by_use`), or give it a price there and a rule in tools/cost.py.",
            )
    size = sum(line.count for line in lines if line.what.startswith(VOLUMES))
    rules = [rule for r in resources.values() if r.kind == "Plan" for rule in r.inputs.get("rules", [])]
    if size and rules:
        lines.append(
            price_list.line("backup: one full copy of the data volumes", size, "backup-volume", approximate=True)
        )
    if size and any(rule.get("copyActions") for rule in rules):
        what = "backup in another region: one full copy of the data volumes"
        lines.append(price_list.line(what, size, "backup-volume", approximate=True))
    types = {r.type for r in resources.values()}
    used = [text for type_, text in price_list.by_use.items() if type_ in types]
    return Estimate(_merged(lines), [*used, *(price_list.always_left_out if lines else [])])


Resources = Mapping[str, Resource]
VOLUMES = "volumes of "


def _cluster(r: Resource, price_list: PriceList, _: Resources) -> Iterator[LineItem]:
    yield price_list.line("EKS control plane", 1, "eks-cluster")


def _nodes(r: Resource, price_list: PriceList, resources: Resources) -> Iterator[LineItem]:
    """The nodes of the desired size and their disks, by group of the settings. The first instance type is preferred."""
    given = launch_template(r, resources)
    types = r.inputs.get("instanceTypes", [given["instanceType"]] if "instanceType" in given else [])
    if not types:
        raise Failure(f"{r.label} names no instance type.", "A cost needs one: set instanceTypes.")
    spot, count = r.inputs.get("capacityType") == "SPOT", int(r.inputs["scalingConfig"]["desiredSize"])
    group = r.inputs.get("labels", {}).get(NODE_GROUP_LABEL, r.name)
    yield price_list.instance(f"nodes {group}: {types[0]}{' Spot' if spot else ''}", count, types[0], spot=spot)
    yield price_list.line(f"disks of nodes {group}", count * node_gib(r, resources), "gp3")


def _volumes(r: Resource, price_list: PriceList, resources: Resources) -> Iterator[LineItem]:
    yield price_list.line(f"{VOLUMES}{r.name}", claimed_gib(r, resources), "gp3")


def _load_balancer(r: Resource, price_list: PriceList, _: Resources) -> Iterator[LineItem]:
    yield price_list.line("load balancer", 1, "load-balancer")
    mappings = r.inputs.get("subnetMappings", [])
    own = len(r.inputs.get("subnets", [])) + len([m for m in mappings if "allocationId" not in m])
    if not r.inputs.get("internal") and own:
        yield price_list.line("public addresses of the load balancer", own, "public-ipv4")


def _endpoint(r: Resource, price_list: PriceList, _: Resources) -> Iterator[LineItem]:
    if r.inputs.get("vpcEndpointType", "Gateway") == "Interface":
        yield price_list.line(
            "interface endpoints, one a service and zone", len(r.inputs["subnetIds"]), "interface-endpoint"
        )


def _one(what: str, key: str) -> Callable[[Resource, PriceList, Resources], Iterable[LineItem]]:
    return lambda _r, price_list, _resources: [price_list.line(what, 1, key)]


RULES: Mapping[str, Callable[[Resource, PriceList, Resources], Iterable[LineItem]]] = {
    "aws:amp/scraper:Scraper": _one("collector of metrics", "metrics-collector"),
    "aws:cloudwatch/metricAlarm:MetricAlarm": _one("alarms of CloudWatch", "alarm"),
    "aws:ec2/eip:Eip": _one("public addresses of NAT gateways", "public-ipv4"),
    "aws:ec2/natGateway:NatGateway": _one("NAT gateways", "nat-gateway"),
    "aws:ec2/vpcEndpoint:VpcEndpoint": _endpoint,
    "aws:eks/cluster:Cluster": _cluster,
    "aws:eks/nodeGroup:NodeGroup": _nodes,
    "aws:kms/key:Key": _one("KMS keys", "kms-key"),
    "aws:lb/loadBalancer:LoadBalancer": _load_balancer,
    "aws:route53/zone:Zone": _one("DNS zone", "hosted-zone"),
    "kubernetes:apps/v1:StatefulSet": _volumes,
    "kubernetes:core/v1:PersistentVolumeClaim": _volumes,
}


def _merged(lines: Iterable[LineItem]) -> list[LineItem]:
    """Lines of one thing as one line; those that come to nothing are left away."""
    found: dict[tuple[str, float], LineItem] = {}
    for line in lines:
        key = (line.what, line.price)
        count = found[key].count + line.count if key in found else line.count
        found[key] = LineItem(line.what, count, line.unit, line.price, line.hours, line.approximate)
    return sorted((line for line in found.values() if line.count), key=lambda line: (-line.month, line.what))


def of_stack(name: str, price_list: PriceList) -> Estimate:
    """What a stack costs. Raises Failure where the price list is of another region, or has a gap."""
    config = stack.read(name)
    aws = config.get(f"{stack.PROJECT}:aws")
    if not isinstance(aws, dict):
        raise Failure(f"Stack {name} is not in AWS: it costs nothing there.", f"In AWS: {', '.join(stack.in_aws())}.")
    if aws.get("region") != price_list.region:
        raise Failure(
            f"{FILE} has the prices of {price_list.region}; stack {name} is in {aws.get('region')}.",
            "Look the prices of that region up and put them, with their sources, into the file.",
        )
    return estimate(cloud.record(name).registrations, price_list)


def show(names: Sequence[str]) -> None:
    """Print each stack's estimate, and the sum of all."""
    price_list = read_prices()
    estimates = {name: of_stack(name, price_list) for name in names}
    for name, each in estimates.items():
        console.print(_table(name, each))
        console.print(f"Left out: {'; '.join(each.left_out)}.\n", style="dim")
    if len(estimates) > 1:
        console.print(f"All: $ {sum(each.month for each in estimates.values()):,.2f} a month")
    console.print(f"~: an estimate. {_source(price_list)}", style="dim")


def markdown(names: Sequence[str]) -> str:
    """Each stack's estimate, for a comment."""
    price_list = read_prices()
    return "\n".join(_markdown(name, of_stack(name, price_list), price_list) for name in names)


def _cells(line: LineItem) -> tuple[str, ...]:
    mark = "~" if line.approximate else ""
    hours = f"{line.hours:g}" if line.unit == "hour" else ""
    return (line.what, f"{line.count:g}", line.unit, f"{mark}{line.price:.5g}", hours, f"{mark}{line.month:,.2f}")


def _table(name: str, each: Estimate) -> Table:
    table = Table(title=f"Stack {name}, a month", title_justify="left", show_footer=True)
    for number, column in enumerate(COLUMNS):
        footer = "in all" if number == 0 else f"{each.month:,.2f}" if number == len(COLUMNS) - 1 else ""
        table.add_column(column, footer, justify="left" if column in ("what", "unit") else "right")
    for line in each.lines:
        table.add_row(*_cells(line))
    return table


def _markdown(name: str, each: Estimate, price_list: PriceList) -> str:
    rows = [f"| {' | '.join(_cells(line))} |" for line in each.lines]
    return "\n".join(
        [
            f"**{name}: $ {each.month:,.2f} a month**\n",
            f"| {' | '.join(COLUMNS)} |",
            "|---|---:|---|---:|---:|---:|",
            *rows,
            f"\nLeft out: {'; '.join(each.left_out)}.",
            f"~: an estimate. {_source(price_list)}\n",
        ]
    )


def _source(price_list: PriceList) -> str:
    return f"Prices of {price_list.region} as of {price_list.date}, on demand, before taxes: {FILE}."
