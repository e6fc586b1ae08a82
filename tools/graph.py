"""What depends on what among a stack's resources: in which order they are made and destroyed, and what takes longest.

A resource comes after its dependencies, its parent and its provider, and is destroyed before them (Pulumi does so too).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from tools.failures import Failure
from tools.resource import Resource

Seconds = Callable[[Resource], float]


@dataclass(frozen=True)
class Step:
    """One resource on a critical path. start: seconds since the beginning. seconds: how long it takes."""

    resource: Resource
    start: float
    seconds: float


class Graph:
    """before: URNs by URN, of what must directly be there before a resource."""

    def __init__(self, resources: Iterable[Resource]) -> None:
        self.nodes: Mapping[str, Resource] = {r.urn: r for r in sorted(resources, key=lambda r: r.urn)}
        self.before = {urn: self._before(r) & self.nodes.keys() for urn, r in self.nodes.items()}

    @staticmethod
    def _before(r: Resource) -> frozenset[str]:
        by_property = {urn for urns in r.property_dependencies.values() for urn in urns}
        return frozenset({*r.dependencies, *by_property, r.parent, r.provider.urn if r.provider else ""} - {r.urn})

    @cached_property
    def levels(self) -> Mapping[str, int]:
        """How many steps of making others each resource waits for. Raises Failure for a circle."""
        found: dict[str, int] = {}
        left = dict(self.before)
        while left:
            ready = [urn for urn, before in left.items() if before <= found.keys()]
            if not ready:
                raise Failure(f"Resources wait for each other: {', '.join(sorted(left))}")
            for urn in ready:
                found[urn] = 1 + max((found[b] for b in left.pop(urn)), default=-1)
        return found

    @cached_property
    def ancestors(self) -> Mapping[str, frozenset[str]]:
        """All that must be there before each resource, directly or not."""
        found: dict[str, frozenset[str]] = {}
        for urn in self.order:
            found[urn] = self.before[urn].union(*(found[b] for b in self.before[urn]))
        return found

    @cached_property
    def order(self) -> list[str]:
        """URNs in an order in which they can be made, the same each time."""
        return sorted(self.nodes, key=lambda urn: (self.levels[urn], urn))

    @cached_property
    def after(self) -> Mapping[str, frozenset[str]]:
        """URNs by URN, of what directly needs a resource."""
        found: dict[str, set[str]] = {urn: set() for urn in self.nodes}
        for urn, before in self.before.items():
            for b in before:
                found[b].add(urn)
        return {urn: frozenset(after) for urn, after in found.items()}

    @cached_property
    def destroy_order(self) -> list[list[str]]:
        """URNs in batches, each destroyed at once when the one before is gone."""
        batch: dict[str, int] = {}
        for urn in reversed(self.order):
            batch[urn] = 1 + max((batch[a] for a in self.after[urn]), default=-1)
        return [sorted(u for u in batch if batch[u] == n) for n in range(max(batch.values(), default=-1) + 1)]

    def missing(self, dependents: Iterable[Resource], dependencies: Iterable[Resource]) -> list[str]:
        """Each pair "A may outlive B" of a dependent and a dependency between which the graph has no path."""
        wanted = list(dependencies)
        return [
            f"{dependent.label} may outlive {dependency.label}"
            for dependent in dependents
            for dependency in wanted
            if dependency.urn != dependent.urn and dependency.urn not in self.ancestors[dependent.urn]
        ]

    def critical_path(self, seconds: Seconds) -> list[Step]:
        """The chain of resources that decides how long making all of them takes."""
        return self._longest(self.order, self.before, seconds)

    def destroy_path(self, seconds: Seconds) -> list[Step]:
        """The chain of resources that decides how long destroying all of them takes."""
        return self._longest(list(reversed(self.order)), self.after, seconds)

    def _longest(self, order: list[str], waits_for: Mapping[str, frozenset[str]], seconds: Seconds) -> list[Step]:
        end: dict[str, float] = {}
        last: dict[str, str] = {}
        for urn in order:
            begin = 0.0
            for other in sorted(waits_for[urn]):
                if end[other] > begin:
                    begin, last[urn] = end[other], other
            end[urn] = begin + seconds(self.nodes[urn])
        urn = max(order, key=lambda u: end[u], default="")
        path: list[Step] = []
        while urn:
            took = seconds(self.nodes[urn])
            path.append(Step(self.nodes[urn], end[urn] - took, took))
            urn = last.get(urn, "")
        return path[::-1]


def total(path: list[Step]) -> float:
    """Seconds from the beginning of a path to its end."""
    return path[-1].start + path[-1].seconds if path else 0.0
