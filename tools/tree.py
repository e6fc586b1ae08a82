"""A stack as a tree: components as branches, what they make as leaves, and how many there are of each type."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby

from rich.columns import Columns
from rich.console import RenderableType
from rich.text import Text
from rich.tree import Tree

from tools import cloud, stack
from tools.graph import Graph
from tools.resource import Resource
from tools.terminal import console


def show(name: str, *, every: bool = False) -> None:
    """Print a stack as a tree, with the count of each type. every: a line for each resource."""
    resources = cloud.record(name).registrations
    console.print(tree(f"{stack.PROJECT}-{name}", resources, every=every))
    console.print(*counts(resources), sep="\n")


def short(type_: str) -> str:
    """A type as Pulumi's CLI shows it: `aws:ec2:Subnet` for `aws:ec2/subnet:Subnet`."""
    package, module, kind = type_.split(":", 2)
    folder, _, name = module.partition("/")
    return f"{package}:{folder}:{kind}" if name.lower() == kind.lower() else type_


def tree(title: str, resources: Iterable[Resource], *, every: bool = False) -> Tree:
    """Siblings in the order in which they are complete; those of one type share a line unless `every` has its own."""
    graph = Graph(resources)
    children: dict[str, list[Resource]] = {}
    for r in graph.nodes.values():
        children.setdefault(r.parent if r.parent in graph.nodes else "", []).append(r)
    root = Tree(f"[bold]{title}[/bold]")
    _grow(root, "", children, graph, every=every)
    return root


def counts(resources: Sequence[Resource]) -> list[RenderableType]:
    """How many resources of each type, by package, and in all."""
    found = Counter((r.package, short(r.type).partition(":")[2]) for r in resources)
    shown: list[RenderableType] = []
    for package, group in groupby(sorted(found.items()), key=lambda item: item[0][0]):
        types = sorted(((name, count) for (_, name), count in group), key=lambda t: (-t[1], t[0]))
        shown.append(Text(f"{package}: {sum(count for _, count in types)}", style="bold"))
        shown.append(Columns([f"{count:4d} {name}" for name, count in types], equal=True, column_first=True))
    return [*shown, Text(f"{len(resources)} in all", style="bold")]


def _grow(branch: Tree, urn: str, children: Mapping[str, list[Resource]], graph: Graph, *, every: bool) -> None:
    level = sorted(children.get(urn, []), key=lambda r: (_done(r.urn, children, graph), r.type, r.name))
    leaves = [r for r in level if r.urn not in children]
    for r in (r for r in level if r.urn in children):
        line = Text.assemble((r.name, "bold"), "  ", (f"{short(r.type)}, {_size(r.urn, children)} inside", "dim"))
        _grow(branch.add(line), r.urn, children, graph, every=every)
    for type_, group in groupby(sorted(leaves, key=lambda r: r.type), key=lambda r: r.type):
        names = [r.name for r in group]
        for shown in [[name] for name in names] if every else [names]:
            branch.add(_leaf(type_, shown))


def _leaf(type_: str, names: Sequence[str]) -> Text:
    number = f" ({len(names)})" if len(names) > 1 else ""
    line = Text.assemble(f"{_kind(type_)}{number}  ", (", ".join(names), "dim"))
    line.no_wrap, line.overflow = True, "ellipsis"
    return line


def _kind(type_: str) -> str:
    """`Deployment` of Kubernetes, `ec2:Subnet` of AWS."""
    package, _, rest = short(type_).partition(":")
    return rest.rpartition(":")[2] if package == "kubernetes" else rest if package == "aws" else f"{package}:{rest}"


def _done(urn: str, children: Mapping[str, list[Resource]], graph: Graph) -> int:
    """The level at which a resource and all inside it are there."""
    return max([graph.levels[urn], *(_done(r.urn, children, graph) for r in children.get(urn, []))])


def _size(urn: str, children: Mapping[str, list[Resource]]) -> int:
    return sum(1 + _size(r.urn, children) for r in children.get(urn, []))
