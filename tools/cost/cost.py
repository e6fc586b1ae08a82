"""What a stack's resources cost a month, as a pure function of them and of one dated price list (docs/prices.yaml)."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from components.settings.values import quantity
from tools.failures import Failure
from tools.recording import Registration

FILE = Path("docs") / "prices.yaml"
GIB = 1024**3
BOTTLEROCKET_GIB = 2
"""Size of a disk whose size the image decides: Bottlerocket's system volume (its README, Default volumes)."""


@dataclass(frozen=True)
class Line:
    """what: the thing, for a reader. count: how many units. price: dollars per unit. hours: of a month; 1 where the
    unit is a month already. estimate: whether the price or the count is no list figure."""

    what: str
    count: float
    unit: str
    price: float
    hours: float
    estimate: bool = False

    @property
    def month(self) -> float:
        return self.count * self.price * self.hours


@dataclass(frozen=True)
class Bill:
    """left_out: what is billed besides, in words."""

    lines: Sequence[Line]
    left_out: Sequence[str]

    @property
    def month(self) -> float:
        return sum(line.month for line in self.lines)


@dataclass(frozen=True)
class Prices:
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

    def line(self, what: str, count: float, key: str, *, estimate: bool = False) -> Line:
        entry = self._entry(self.prices, key, "price")
        unit = str(entry["per"])
        return Line(what, count, unit, float(entry["price"]), self.hours if unit == "hour" else 1, estimate)

    def instance(self, what: str, count: int, type_: str, *, spot: bool) -> Line:
        price = float(self._entry(self.instances, type_, "instance type")["price"])
        return Line(what, count, "hour", price * (self.spot_share if spot else 1), self.hours, estimate=spot)

    def _entry(self, table: Mapping[str, Mapping[str, Any]], key: str, kind: str) -> Mapping[str, Any]:
        if key not in table:
            raise Failure(f"There is no price of {kind} {key}.", f"Add it to {FILE}, with its source.")
        return table[key]


def prices(table: Mapping[str, Any]) -> Prices:
    """The price list as its file has it."""
    return Prices(
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


def bill(registrations: Iterable[Registration], list_: Prices) -> Bill:
    """What the resources cost a month. Raises Failure for a type of AWS or an instance type that has no price."""
    resources = {r.urn: r for r in registrations if r.custom and not r.read_id}
    lines: list[Line] = []
    for r in sorted(resources.values(), key=lambda r: (r.type, r.urn)):
        rule = RULES.get(r.type)
        if rule is not None:
            lines += rule(r, list_, resources)
        elif r.package == "aws" and r.type not in list_.free and r.type not in list_.by_use:
            raise Failure(
                f"{r.label}: whether {r.type} costs anything is not known.",
                f"Say so in {FILE} (`free` or `by_use`), or give it a price there and a rule in local/stacks/cost.py.",
            )
    volumes = [line for line in lines if line.what.startswith(VOLUMES)]
    if volumes and any(r.kind == "Plan" for r in resources.values()):
        size = sum(line.count for line in volumes)
        lines.append(list_.line("backup: one full copy of the data volumes", size, "backup-volume", estimate=True))
    types = {r.type for r in resources.values()}
    used = [text for type_, text in list_.by_use.items() if type_ in types]
    return Bill(_merged(lines), [*used, *(list_.always_left_out if lines else [])])


Resources = Mapping[str, Registration]
VOLUMES = "volumes of "


def _cluster(r: Registration, list_: Prices, _: Resources) -> Iterator[Line]:
    yield list_.line("EKS control plane", 1, "eks-cluster")


def _nodes(r: Registration, list_: Prices, resources: Resources) -> Iterator[Line]:
    """The nodes of the desired size and their disks. The first instance type is the preferred one."""
    template = next(
        (resources[urn] for urn in r.dependencies if urn in resources and resources[urn].kind == "LaunchTemplate"), None
    )
    given = template.inputs if template is not None else {}
    types = r.inputs.get("instanceTypes", [given["instanceType"]] if "instanceType" in given else [])
    if not types:
        raise Failure(f"{r.label} names no instance type.", "A cost needs one: set instanceTypes.")
    spot, count = r.inputs.get("capacityType") == "SPOT", int(r.inputs["scalingConfig"]["desiredSize"])
    yield list_.instance(f"nodes {r.name}: {types[0]}{' Spot' if spot else ''}", count, types[0], spot=spot)
    disks = [d.get("ebs", {}) for d in given.get("blockDeviceMappings", [])] or [{"volumeSize": r.inputs["diskSize"]}]
    size = sum(int(disk.get("volumeSize", BOTTLEROCKET_GIB)) for disk in disks)
    yield list_.line(f"disks of nodes {r.name}", count * size, "gp3")


def _stateful_set(r: Registration, list_: Prices, _: Resources) -> Iterator[Line]:
    spec = r.inputs["spec"]
    for claim in spec.get("volumeClaimTemplates", []):
        size = _gib(claim["spec"]["resources"]["requests"]["storage"])
        yield list_.line(f"{VOLUMES}{r.name}", int(spec.get("replicas", 1)) * size, "gp3")


def _claim(r: Registration, list_: Prices, _: Resources) -> Iterator[Line]:
    yield list_.line(f"{VOLUMES}{r.name}", _gib(r.inputs["spec"]["resources"]["requests"]["storage"]), "gp3")


def _load_balancer(r: Registration, list_: Prices, _: Resources) -> Iterator[Line]:
    yield list_.line("load balancer", 1, "load-balancer")
    mappings = r.inputs.get("subnetMappings", [])
    own = len(r.inputs.get("subnets", [])) + len([m for m in mappings if "allocationId" not in m])
    if not r.inputs.get("internal") and own:
        yield list_.line("public addresses of the load balancer", own, "public-ipv4")


def _endpoint(r: Registration, list_: Prices, _: Resources) -> Iterator[Line]:
    if r.inputs.get("vpcEndpointType", "Gateway") == "Interface":
        yield list_.line(
            "interface endpoints, one a service and zone", len(r.inputs["subnetIds"]), "interface-endpoint"
        )


def _one(what: str, key: str) -> Callable[[Registration, Prices, Resources], Iterable[Line]]:
    return lambda _r, list_, _resources: [list_.line(what, 1, key)]


RULES: Mapping[str, Callable[[Registration, Prices, Resources], Iterable[Line]]] = {
    "aws:ec2/eip:Eip": _one("public addresses of NAT gateways", "public-ipv4"),
    "aws:ec2/natGateway:NatGateway": _one("NAT gateways", "nat-gateway"),
    "aws:ec2/vpcEndpoint:VpcEndpoint": _endpoint,
    "aws:eks/cluster:Cluster": _cluster,
    "aws:eks/nodeGroup:NodeGroup": _nodes,
    "aws:kms/key:Key": _one("KMS keys", "kms-key"),
    "aws:lb/loadBalancer:LoadBalancer": _load_balancer,
    "aws:route53/zone:Zone": _one("DNS zone", "hosted-zone"),
    "kubernetes:apps/v1:StatefulSet": _stateful_set,
    "kubernetes:core/v1:PersistentVolumeClaim": _claim,
}


def _merged(lines: Iterable[Line]) -> list[Line]:
    """Lines of one thing as one line; those that come to nothing are left away."""
    found: dict[tuple[str, float], Line] = {}
    for line in lines:
        key = (line.what, line.price)
        count = found[key].count + line.count if key in found else line.count
        found[key] = Line(line.what, count, line.unit, line.price, line.hours, line.estimate)
    return sorted((line for line in found.values() if line.count), key=lambda line: (-line.month, line.what))


def _gib(size: str) -> float:
    return float(quantity(size) / GIB)
