"""The architecture of a stack, drawn from what its program registers.

Account, network, zones, cluster and namespaces are boxes around what is in them; what has no box of its own hands its
dependencies on. An arrow leads from a box to what must be there first, as far as no other arrow says so already.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tools import render, stack
from tools.pictures.architecture import Atlas
from tools.pictures.drawing import Box, svg
from tools.recording.graph import Graph

FOLDER = Path("docs") / "stacks"
LEGEND = (
    "An arrow leads to what must be there first;",
    "with two heads, each has parts that wait for parts of the other.",
    "Drawn by `make pictures`.",
)


def path_of(name: str) -> Path:
    return stack.ROOT / FOLDER / f"{name}.svg"


def write(name: str) -> Path:
    """Draw a stack into docs/stacks; the file."""
    path = path_of(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(draw(name, Graph(render.record(name).registrations)))
    return path


def draw(name: str, graph: Graph) -> str:
    """The picture of a stack's resources, SVG."""
    return svg(boxes(f"Stack {name}", graph), LEGEND)


def boxes(title: str, graph: Graph) -> Box:
    """The resources as boxes within boxes, their dependencies as edges between siblings."""
    root, atlas = Box("", title, "account"), Atlas(graph)
    placed: dict[str, tuple[str, ...]] = {}
    for urn in sorted(graph.nodes):
        spot = atlas.place(graph.nodes[urn])
        if spot is None:
            continue
        box = root
        for frame in spot.frames:
            box = box.children.setdefault(frame.key, Box(frame.key, frame.title, frame.style))
        if spot.line and spot.line not in box.lines:
            box.lines.append(spot.line)
        placed[urn] = tuple(frame.key for frame in spot.frames)
    for urn, path in placed.items():
        for other in drawn_before(urn, placed, graph):
            _link(root, path, placed[other])
    return root


def drawn_before(urn: str, drawn: Mapping[str, Any], graph: Graph) -> set[str]:
    """What a resource waits for and that is drawn, by way of what is not."""
    found: set[str] = set()
    seen, todo = {urn}, [urn]
    while todo:
        for other in graph.before[todo.pop()] - seen:
            seen.add(other)
            if other in drawn:
                found.add(other)
            else:
                todo.append(other)
    return found


def _link(root: Box, path: tuple[str, ...], other: tuple[str, ...]) -> None:
    """An edge between the outermost boxes in which two places differ; none where one is within the other.

    Zones are alike, and what they share (a route table) has no box: between them no arrow says anything.
    """
    box = root
    for a, b in zip(path, other, strict=False):
        if a != b:
            if {box.children[a].style, box.children[b].style} != {"zone"}:
                box.edges[a, b] = box.edges.get((a, b), 0) + 1
            return
        box = box.children[a]
