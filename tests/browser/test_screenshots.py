"""Pictures of the page for a person to look at, in build/screenshots."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.stack import Entries
from tests.browser.visit import Visit

pytestmark = [pytest.mark.live, pytest.mark.browser]
SIZES = {"wide": {"width": 1000, "height": 900}, "phone": {"width": 390, "height": 844}}
GROUND = {"light": "rgb(246, 244, 239)", "dark": "rgb(21, 24, 27)"}
WORDS = [
    "Bread, third attempt: less water, longer rest. It has the crust I was after.",
    "Called Ana. She moves to Porto in March.",
    "Walked to the harbour before breakfast.\n\nWrote down the melody at last:\n  - two bars in D\n  - then the pause",
]


@pytest.mark.parametrize("scheme", GROUND)
@pytest.mark.parametrize("size", SIZES)
def test_pictures(new_visit: Callable[..., Visit], entries: Entries, screenshots: Path, size: str, scheme: str) -> None:
    for words in WORDS:
        entries.write_unmarked(words)
    visit = new_visit(color_scheme=scheme, viewport=SIZES[size]).open()
    shown = visit.page.locator(".entry")
    for number, words in enumerate(reversed(WORDS)):
        expect(shown.nth(number).locator(".text")).to_have_text(words)
    expect(visit.page.locator("body")).to_have_css("background-color", GROUND[scheme])
    take(visit, screenshots / f"{size}-{scheme}.png")
    shown.nth(0).get_by_role("button", name="Edit").click()
    shown.nth(1).get_by_role("button", name="Delete").click()
    take(visit, screenshots / f"{size}-{scheme}-editing.png")
    visit.undo.click()
    visit.page.get_by_role("button", name="Cancel").click()
    visit.context.set_offline(True)
    visit.save("Typed while the train was in the tunnel.")
    expect(visit.outage).to_be_visible()
    visit.page.evaluate("scrollTo(0, 0)")
    take(visit, screenshots / f"{size}-{scheme}-offline.png")


def take(visit: Visit, path: Path) -> None:
    path.unlink(missing_ok=True)
    visit.page.screenshot(path=path)
    assert path.stat().st_size > 10_000
