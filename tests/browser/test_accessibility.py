"""For everybody: axe finds nothing, the keyboard is enough, narrow screens and settings of the reader are respected."""

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.stack import Entries
from tests.browser.visit import Visit

pytestmark = [pytest.mark.live, pytest.mark.browser]
NewVisit = Callable[..., Visit]


def violations(page: Page) -> list[str]:
    """What axe-core finds wrong, best practices included, with the elements."""
    found = Axe().run(page).response["violations"]
    return [f"{rule['id']}: {[node['html'] for node in rule['nodes']]}" for rule in found]


def delete(visit: Visit) -> None:
    visit.mine.first.get_by_role("button", name="Delete").click()
    expect(visit.undo).to_be_visible()


def point_at_delete(visit: Visit) -> None:
    visit.mine.first.get_by_role("button", name="Delete").hover()


def unfold(visit: Visit) -> None:
    visit.mine.get_by_role("button", name="Show all").click()


def edit(visit: Visit) -> None:
    visit.mine.first.get_by_role("button", name="Edit").click()


def go_offline(visit: Visit) -> None:
    visit.context.set_offline(True)
    visit.save("typed while offline")
    expect(visit.outage).to_be_visible()


def refuse_blank(visit: Visit) -> None:
    visit.save("")
    expect(visit.page.locator("#new-message")).not_to_be_empty()


def go_nowhere(visit: Visit) -> None:
    visit.page.goto(f"{visit.url}/nothing-here")


STATES = {
    "reading": lambda _: None,
    "editing": edit,
    "pointing": point_at_delete,
    "deleted": delete,
    "unfolded": unfold,
}
STATES |= {"offline": go_offline, "blank": refuse_blank, "not found": go_nowhere}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("state", STATES)
def test_axe_finds_nothing(new_visit: NewVisit, entries: Entries, state: str, scheme: str) -> None:
    entries.write("A long one.\n" * 20)
    entries.write("Some words.\nAnd more.")
    visit = new_visit(color_scheme=scheme, reduced_motion="reduce").open()
    STATES[state](visit)
    assert violations(visit.page) == []


def test_everything_works_by_keyboard(visit: Visit, entries: Entries) -> None:
    keyboard = visit.open_with_clock().page.keyboard
    keyboard.press("Tab")
    expect(visit.page.get_by_role("link", name="Skip to the entries")).to_be_focused()
    keyboard.press("Tab")
    expect(visit.composer).to_be_focused()
    keyboard.type(entries.text("Typed"))
    keyboard.press("Control+Enter")
    expect(visit.mine).to_have_count(1)
    for _ in range(2):
        keyboard.press("Tab")
    expect(visit.mine.get_by_role("button", name="Edit")).to_be_focused()
    keyboard.press("Enter")
    expect(visit.page.get_by_label("Edit entry")).to_be_focused()
    keyboard.press("Escape")
    expect(visit.mine.get_by_role("button", name="Edit")).to_be_focused()
    keyboard.press("Tab")
    keyboard.press("Enter")
    expect(visit.undo).to_be_focused()
    expect(visit.mine).to_have_count(0)
    keyboard.press("Enter")
    expect(visit.mine.get_by_role("button", name="Delete")).to_be_focused()
    keyboard.press("Enter")
    expect(visit.undo).to_be_focused()
    visit.wait_to_undo()
    expect(visit.lines).to_have_count(0)
    assert entries.stored() == []


def test_a_key_held_down_deletes_and_does_not_undo(visit: Visit, entries: Entries) -> None:
    entries.write()
    visit.open().mine.get_by_role("button", name="Delete").focus()
    for _ in range(2):
        visit.page.keyboard.down("Enter")
    visit.page.keyboard.up("Enter")
    expect(visit.undo).to_be_focused()
    expect(visit.mine).to_have_count(0)


def test_escape_does_not_throw_away_a_changed_text(visit: Visit, entries: Entries) -> None:
    entries.write()
    edit(visit.open())
    editor = visit.page.get_by_label("Edit entry")
    editor.fill("changed")
    editor.press("Escape")
    expect(editor).to_have_value("changed")


def test_the_focus_is_seen(visit: Visit) -> None:
    visit.open()
    for _ in range(3):
        visit.page.keyboard.press("Tab")
        outline = visit.page.evaluate("getComputedStyle(document.activeElement).outline")
        assert "3px" in outline
        assert "solid" in outline


def test_buttons_of_an_entry_say_which_entry(visit: Visit, entries: Entries) -> None:
    entries.write("Bread, third attempt:\nless water, a longer rest, and " + "more. " * 200)
    visit.open()
    words = "Bread, third attempt: less water, a…"
    buttons = visit.mine.get_by_role("button")
    expect(buttons).to_have_count(3)
    for button, verb in zip(buttons.all(), ("Edit", "Delete", "Show all"), strict=True):
        expect(button).to_have_accessible_name(f"{verb}: {words}")
        expect(button).to_have_accessible_description("just now")
    buttons.nth(2).click()
    expect(buttons.nth(2)).to_have_accessible_name(f"Show less: {words}")
    buttons.nth(1).click()
    expect(visit.undo).to_have_accessible_name(f"Undo: {words}")


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_nothing_is_wider_than_the_screen(new_visit: NewVisit, entries: Entries, width: int) -> None:
    entries.write("A-word-that-never-ends-" * 40)
    visit = new_visit(viewport={"width": width, "height": 800}).open()
    edit(visit)
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("state", ["reading", "editing", "deleted", "unfolded", "not found"])
def test_targets_are_large_enough_for_a_finger(new_visit: NewVisit, entries: Entries, state: str, width: int) -> None:
    """WCAG 2.2 AA asks for 24 CSS pixels; the page gives 44 on every screen."""
    entries.write("A long one.\n" * 20)
    entries.write()
    visit = new_visit(viewport={"width": width, "height": 844}, has_touch=width < 1000).open()
    STATES[state](visit)
    targets = visit.page.locator("button:visible, a:visible, input:visible, textarea:visible").all()
    heights = {target.text_content(): target.bounding_box() for target in targets}
    assert heights
    assert {words: box for words, box in heights.items() if box is None or box["height"] < 44} == {}


def test_no_motion_for_who_wants_none(new_visit: NewVisit) -> None:
    visit = new_visit(reduced_motion="reduce")
    visit.page.route("**/api/entries?*", lambda _: None)
    visit.page.goto(visit.url)
    bone = visit.page.locator(".bone").first
    expect(bone).to_be_visible()
    expect(bone).to_have_css("animation-name", "none")
    visit.page.unroute_all(behavior="ignoreErrors")
