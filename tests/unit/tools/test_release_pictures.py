"""The picture of releases is drawn from a drill's figures, and shows all of them."""

import json
import re

from tools.pictures import releases


def test_the_picture_is_that_of_the_figures() -> None:
    assert releases.PICTURE.read_text() == releases.svg(json.loads(releases.FIGURES.read_text()))


def test_each_answer_has_its_share_of_a_second() -> None:
    drawn = releases.svg({"A & B": {"seconds": [[3, 1, 0], [0, 0, 5], [0, 0, 0]], "marks": [[1, "share <50>"]]}})
    bars = re.findall(r'height="([\d.]+)" fill="(#[0-9a-f]{6})"', drawn.split("in a drill")[1])
    current, candidate, refused = releases.COLOURS
    assert bars[3:] == [("82.5", current), ("27.5", candidate), ("110.0", refused)]
    assert "A &amp; B · 3 s" in drawn
    assert "share &lt;50&gt;" in drawn
