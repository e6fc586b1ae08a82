"""docs/images/releases.svg: what each strategy of a release does to requests, second by second, as a drill saw it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from tools import stack

FIGURES = stack.ROOT / "docs" / "images" / "releases.json"
"""By drill: `seconds`, a list of how many API answers came from the current version, from the candidate, and were
503 or worse; `marks`, pairs of a second and what was done in it. A drill leaves its own in `.state/releases.json`."""
PICTURE = FIGURES.with_suffix(".svg")
WIDTH, HEIGHT, LEFT, TOP, STEP = 760, 110, 24, 78, 176
COLOURS = ("#2f6fd0", "#e0912f", "#c0392b")
NAMES = ("current version", "candidate", "refused: 503, Retry-After")


def write() -> Path:
    """Draws the picture anew; its path."""
    PICTURE.write_text(svg(json.loads(FIGURES.read_text())))
    return PICTURE


def svg(figures: Mapping[str, Mapping[str, Any]]) -> str:
    """A band for each drill, one below the other."""
    width, height = WIDTH + 2 * LEFT, TOP + STEP * len(figures)
    bands = [
        line
        for number, (title, drill) in enumerate(figures.items())
        for line in _band(title, drill["seconds"], drill["marks"], TOP + STEP * number)
    ]
    legend = [
        f'<rect x="{LEFT + 200 * number}" y="36" width="12" height="12" fill="{colour}"/>'
        f'<text x="{LEFT + 18 + 200 * number}" y="46" class="l">{escape(name)}</text>'
        for number, (name, colour) in enumerate(zip(NAMES, COLOURS, strict=True))
    ]
    body = "\n".join(legend + bands)
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">
<title>What each strategy of a release does to requests</title>
<style>
text {{ font-family: system-ui, "DejaVu Sans", sans-serif; fill: #1c2530; }}
.t {{ font-size: 13px; font-weight: 600; }} .l {{ font-size: 12px; fill: #4a5563; }}
line {{ stroke: #1c2530; stroke-width: 1; stroke-dasharray: 3 3; }}
</style>
<rect width="{width}" height="{height}" fill="#ffffff"/>
<text x="{LEFT}" y="24" class="t">Who answered the API's requests, second by second, in a drill</text>
{body}
</svg>
"""


def _band(title: str, seconds: Sequence[Sequence[int]], marks: Sequence[tuple[float, str]], top: int) -> Iterator[str]:
    wide = WIDTH / len(seconds)
    yield f'<text x="{LEFT}" y="{top}" class="t">{escape(title)} · {len(seconds)} s</text>'
    for number, counts in enumerate(seconds):
        y = float(top + 24)
        for count, colour in zip(counts, COLOURS, strict=True):
            tall = HEIGHT * count / max(1, sum(counts))
            if count:
                yield (
                    f'<rect x="{LEFT + number * wide:.1f}" y="{y:.1f}" width="{wide + 0.3:.1f}" height="{tall:.1f}" '
                    f'fill="{colour}"/>'
                )
            y += tall
    for second, what in marks:
        x = LEFT + second * wide
        yield f'<line x1="{x:.1f}" y1="{top + 18}" x2="{x:.1f}" y2="{top + 24 + HEIGHT}"/>'
        yield f'<text x="{x + 3:.1f}" y="{top + 18}" class="l">{escape(what)}</text>'
