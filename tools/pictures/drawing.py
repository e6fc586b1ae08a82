"""Boxes within boxes, in rows, with arrows between siblings: laid out and written as SVG, the same each time."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape

PADDING, GAP, ROW_GAP, HEAD, LINE = 14, 14, 40, 26, 17
TITLE_WIDTH, LINE_WIDTH = 8.4, 6.8
"""Pixels that a character takes at most, on average, in 13 pixels bold and 12 pixels plain."""
MAX_ROW = 1500
STYLES: Mapping[str, tuple[str, str]] = {
    "account": ("#fdfdfb", "#7d8998"),
    "network": ("#f4f0fb", "#8256d0"),
    "zone": ("#fbf9ff", "#b8a3e0"),
    "subnet": ("#ffffff", "#b8a3e0"),
    "edge": ("#ffffff", "#8256d0"),
    "cluster": ("#eef6ff", "#2f6fd0"),
    "nodes": ("#ffffff", "#c76a15"),
    "group": ("#f7fbff", "#8fb4ea"),
    "workload": ("#ffffff", "#2f6fd0"),
    "data": ("#ffffff", "#1f8a4c"),
    "service": ("#ffffff", "#7d8998"),
}
Edge = tuple[str, str]


@dataclass
class Box:
    """A box: `children` by key, and `edges` between them with how many dependencies each stands for.

    x, y: of the upper left corner within the box around it, once it is laid out.
    """

    key: str
    title: str
    style: str
    lines: list[str] = field(default_factory=list)
    children: dict[str, "Box"] = field(default_factory=dict)
    edges: dict[Edge, int] = field(default_factory=dict)
    x: float = 0
    y: float = 0
    width: float = 0
    height: float = 0

    @property
    def bottom(self) -> float:
        return self.y + self.height


def forward_and_back(children: Sequence[str], edges: Mapping[Edge, int]) -> tuple[set[Edge], set[Edge]]:
    """Edges without a circle, the weightier first; and those that would close one."""
    kept: set[Edge] = set()
    back: set[Edge] = set()
    for edge in sorted(edges, key=lambda e: (-edges[e], e)):
        (back if reaches(edge[1], edge[0], kept) else kept).add(edge)
    return {e for e in kept if e[0] in children and e[1] in children}, back


def reaches(start: str, goal: str, edges: set[Edge]) -> bool:
    seen, todo = {start}, [start]
    while todo:
        here = todo.pop()
        if here == goal:
            return True
        new = {b for a, b in edges if a == here} - seen
        seen |= new
        todo += sorted(new)
    return False


def reduced(edges: set[Edge]) -> set[Edge]:
    """The edges that no other path stands for."""
    return {edge for edge in edges if not reaches(edge[0], edge[1], edges - {edge})}


def rows(children: Mapping[str, Box], edges: set[Edge]) -> list[list[Box]]:
    """Each box below all that lead to it."""
    level: dict[str, int] = {}

    def depth(key: str) -> int:
        if key not in level:
            level[key] = 1 + max((depth(a) for a, b in edges if b == key), default=-1)
        return level[key]

    found: list[list[Box]] = []
    for key in children:
        while len(found) <= depth(key):
            found.append([])
        found[depth(key)].append(children[key])
    return [piece for row in found for piece in _wrapped(sorted(row, key=lambda b: (b.style, b.key)))]


def _wrapped(row: list[Box]) -> Iterator[list[Box]]:
    """A row that is too wide, as several."""
    piece: list[Box] = []
    for box in row:
        if piece and sum(b.width + GAP for b in piece) + box.width > MAX_ROW:
            yield piece
            piece = []
        piece.append(box)
    if piece:
        yield piece


def lay_out(box: Box) -> None:
    """Give a box and all in it their sizes, and its children places relative to it."""
    for child in box.children.values():
        lay_out(child)
    text = max([len(box.title) * TITLE_WIDTH, *(len(line) * LINE_WIDTH for line in box.lines)])
    width, y = text, HEAD + len(box.lines) * LINE
    if box.children:
        kept, _ = forward_and_back(list(box.children), box.edges)
        column = [[child] for child in box.children.values()]
        arranged = column if box.style == "zone" else rows(box.children, reduced(kept))
        width = max([text, *(sum(b.width + GAP for b in row) - GAP for row in arranged)])
        linked = {a for a, _ in kept}
        for row in arranged:
            x = PADDING + (width - sum(b.width + GAP for b in row) + GAP) / 2
            for child in row:
                child.x, child.y = x, y + 4
                x += child.width + GAP
            y = max(b.bottom for b in row) + (ROW_GAP if any(b.key in linked for b in row) else GAP) - 4
        y = max(b.bottom for b in box.children.values())
    box.width, box.height = width + 2 * PADDING, y + (PADDING if box.children else 8)


def svg(box: Box, legend: Sequence[str]) -> str:
    """The picture, a text; the legend's lines stand below."""
    lay_out(box)
    width, height = round(box.width + 40), round(box.height + 48 + LINE * len(legend))
    body = "\n".join(_drawn(box, 20, 20))
    note = "\n".join(
        f'<text x="20" y="{box.height + 44 + LINE * number:.0f}" class="l">{escape(line)}</text>'
        for number, line in enumerate(legend)
    )
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">
<title>{escape(box.title)}</title>
<style>
text {{ font-family: system-ui, "DejaVu Sans", sans-serif; fill: #1c2530; }}
.t {{ font-size: 13px; font-weight: 600; }} .l {{ font-size: 12px; fill: #4a5563; }}
path {{ fill: none; stroke: #7a8696; stroke-width: 1.3; }}
</style>
<defs><marker id="a" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto-start-reverse">
<path d="M0 0 8 4 0 8z" style="fill:#7a8696;stroke:none"/></marker></defs>
<rect width="{width}" height="{height}" fill="#ffffff"/>
{body}
{note}
</svg>
"""


def _drawn(box: Box, left: float, top: float) -> Iterator[str]:
    x, y = left + box.x, top + box.y
    fill, stroke = STYLES[box.style]
    yield (
        f'<rect x="{x:.0f}" y="{y:.0f}" width="{box.width:.0f}" height="{box.height:.0f}" rx="6" '
        f'fill="{fill}" stroke="{stroke}" stroke-width="1.3"/>'
    )
    yield f'<text x="{x + PADDING:.0f}" y="{y + 19:.0f}" class="t">{escape(box.title)}</text>'
    for number, line in enumerate(box.lines):
        yield f'<text x="{x + PADDING:.0f}" y="{y + 19 + (number + 1) * LINE:.0f}" class="l">{escape(line)}</text>'
    yield from _arrows(box, x, y)
    for child in box.children.values():
        yield from _drawn(child, x, y)


def _arrows(box: Box, left: float, top: float) -> Iterator[str]:
    """Drawn before the children, so that a long one runs behind the boxes in its way."""
    kept, back = forward_and_back(list(box.children), box.edges)
    forward = reduced(kept)
    for a, b in sorted(forward):
        start, end = box.children[a], box.children[b]
        x1 = left + start.x + start.width * _share(box, b, [t for s, t in forward if s == a])
        x2 = left + end.x + end.width * _share(box, a, [s for s, t in forward if t == b])
        y1, y2 = top + start.bottom, top + end.y
        bend = max(14.0, min(60.0, (y2 - y1) / 2))
        both = ' marker-start="url(#a)"' if (b, a) in back else ""
        curve = f"M{x1:.0f} {y1:.0f}C{x1:.0f} {y1 + bend:.0f} {x2:.0f} {y2 - bend:.0f} {x2:.0f} {y2 - 1:.0f}"
        yield f'<path d="{curve}" marker-end="url(#a)"{both}/>'


def _share(box: Box, key: str, others: Sequence[str]) -> float:
    """Where on a box's side the arrow to `key` ends, among those to `others`: a share of its width."""
    from_the_left = sorted(others, key=lambda other: (box.children[other].x, other))
    return (from_the_left.index(key) + 1) / (len(others) + 1)
