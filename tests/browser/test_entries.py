"""What a writer does: add, read again, edit, delete, load more."""

import re
import time
from collections.abc import Callable

import httpx
import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.stack import Entries
from tests.browser.visit import Visit

pytestmark = [pytest.mark.live, pytest.mark.browser]


def test_an_added_entry_is_on_top_and_stays(visit: Visit, entries: Entries) -> None:
    text = entries.text("First line\n\n  indented <b>third</b> line & more, äöü 🌿")
    visit.open().save(text)
    expect(visit.mine).to_have_count(1)
    assert visit.page.locator(".entry").first.locator(".text").text_content() == text
    expect(visit.composer).to_have_value("")
    expect(visit.composer).to_be_focused()
    expect(visit.announcer).to_have_text("Entry saved.")
    visit.reload()
    assert visit.mine.locator(".text").text_content() == text
    expect(visit.composer).to_have_value("")
    assert [entry["text"] for entry in entries.stored()] == [text]


def test_lines_are_shown_as_lines(visit: Visit, entries: Entries) -> None:
    entries.write("one line")
    entries.write("one\ntwo\nthree")
    visit.open()
    three, one = (visit.mine.nth(number).locator(".text").bounding_box() for number in (0, 1))
    assert three is not None
    assert one is not None
    assert three["height"] == pytest.approx(3 * one["height"], rel=0.1)


def test_an_edited_entry_stays_edited(visit: Visit, entries: Entries) -> None:
    entries.write("Before")
    visit.open()
    visit.mine.get_by_role("button", name="Edit").click()
    editor = visit.page.get_by_label("Edit entry")
    expect(editor).to_be_focused()
    expect(editor).to_have_value(entries.text("Before"))
    editor.fill(entries.text("After\nit"))
    visit.page.get_by_role("button", name="Save changes").click()
    expect(visit.mine.get_by_role("button", name="Edit")).to_be_focused()
    expect(visit.mine.locator(".times")).to_contain_text("edited")
    for _ in range(2):
        assert visit.mine.locator(".text").text_content() == entries.text("After\nit")
        visit.reload()


def is_gone(http: httpx.Client, entry: dict) -> bool:
    """Whether the API loses the entry within five seconds."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        if http.get(f"/api/entries/{entry['id']}").status_code == 404:
            return True
        time.sleep(0.1)
    return False


def test_a_deleted_entry_is_gone_when_it_cannot_be_undone(visit: Visit, entries: Entries, http: httpx.Client) -> None:
    entries.write("Stays")
    entry = entries.write("Goes")
    visit.open_with_clock()
    visit.mine.first.get_by_role("button", name="Delete").click()
    expect(visit.mine.locator(".text")).to_have_text(entries.text("Stays"))
    expect(visit.lines).to_have_text(re.compile(r"Entry deleted\."))
    expect(visit.undo).to_be_focused()
    expect(visit.announcer).to_have_text("Entry deleted. It can be undone for 8 seconds.")
    visit.wait_to_undo(5)
    assert visit.deletions == []
    visit.wait_to_undo(3)
    expect(visit.lines).to_have_count(0)
    expect(visit.mine).to_be_focused()
    assert http.get(f"/api/entries/{entry['id']}").status_code == 404
    visit.reload()
    expect(visit.mine.locator(".text")).to_have_text(entries.text("Stays"))


def test_a_deletion_that_is_undone_is_never_sent(visit: Visit, entries: Entries) -> None:
    entries.write("Stays after all")
    visit.open_with_clock()
    visit.mine.get_by_role("button", name="Delete").click()
    expect(visit.mine).to_have_count(0)
    visit.undo.click()
    expect(visit.mine.get_by_role("button", name="Delete")).to_be_focused()
    expect(visit.announcer).to_have_text("Entry restored.")
    visit.wait_to_undo(60)
    expect(visit.mine.locator(".text")).to_have_text(entries.text("Stays after all"))
    visit.reload()
    expect(visit.mine).to_have_count(1)
    assert visit.deletions == []


def test_each_of_two_deletions_is_undone_by_itself(visit: Visit, entries: Entries, http: httpx.Client) -> None:
    goes = entries.write("Goes")
    stays = entries.write("Stays")
    visit.open_with_clock()
    for _ in range(2):
        visit.mine.first.get_by_role("button", name="Delete").click()
    expect(visit.undo).to_have_count(2)
    visit.page.get_by_role("button", name="Undo: Stays").click()
    visit.wait_to_undo()
    expect(visit.lines).to_have_count(0)
    expect(visit.mine.locator(".text")).to_have_text(stays["text"])
    assert http.get(f"/api/entries/{goes['id']}").status_code == 404
    assert [entry["id"] for entry in entries.stored()] == [stays["id"]]


def test_the_end_of_the_time_leaves_the_focus_of_who_writes(visit: Visit, entries: Entries) -> None:
    entries.write()
    visit.open_with_clock()
    visit.mine.get_by_role("button", name="Delete").click()
    visit.composer.focus()
    visit.wait_to_undo()
    expect(visit.lines).to_have_count(0)
    expect(visit.composer).to_be_focused()


def test_a_change_that_arrives_after_a_deletion_is_there_when_that_is_undone(visit: Visit, entries: Entries) -> None:
    entries.write("Before")
    visit.open().mine.get_by_role("button", name="Edit").click()
    held: list[Route] = []
    visit.page.route("**/api/entries/*", lambda route: held.append(route))
    visit.page.get_by_label("Edit entry").fill(entries.text("After"))
    visit.page.get_by_role("button", name="Save changes").click()
    visit.page.get_by_role("button", name="Cancel").click()
    visit.mine.get_by_role("button", name="Delete").click()
    with visit.page.expect_response("**/api/entries/*"):
        held[0].continue_()
    visit.undo.click()
    expect(visit.mine.locator(".text")).to_have_text(entries.text("After"))
    expect(visit.mine.get_by_role("button", name="Edit")).to_have_accessible_name(re.compile("Edit: After"))


HIDE = """() => {
    Object.defineProperty(document, "hidden", {get: () => true});
    document.dispatchEvent(new Event("visibilitychange", {bubbles: true}));
}"""
WAYS_TO_LEAVE: dict[str, Callable[[Page], object]] = {
    "another page": lambda page: page.goto("about:blank"),
    "reloaded": lambda page: page.reload(),
    "closed": lambda page: page.close(run_before_unload=True),
    "hidden": lambda page: page.evaluate(HIDE),
}


@pytest.mark.parametrize("way", WAYS_TO_LEAVE)
def test_who_leaves_the_page_has_deleted(visit: Visit, entries: Entries, http: httpx.Client, way: str) -> None:
    """The clock stands still: only leaving sends the request."""
    entry = entries.write()
    visit.page.clock.install()
    visit.open().page.clock.pause_at(visit.page.evaluate("Date.now() + 1000"))
    visit.mine.get_by_role("button", name="Delete").click()
    expect(visit.undo).to_be_visible()
    WAYS_TO_LEAVE[way](visit.page)
    assert is_gone(http, entry)


def test_a_refused_deletion_brings_the_entry_back_with_the_reason(troubled_visit: Visit, entries: Entries) -> None:
    entries.write()
    problem = {"title": "No", "status": 403, "detail": "The journal keeps it."}
    troubled_visit.page.route("**/api/entries/*", lambda route: route.fulfill(status=403, json=problem))
    troubled_visit.open_with_clock().mine.get_by_role("button", name="Delete").click()
    expect(troubled_visit.mine).to_have_count(0)
    troubled_visit.wait_to_undo()
    expect(troubled_visit.mine.locator(".message")).to_have_text("Not deleted. The journal keeps it.")
    expect(troubled_visit.mine.get_by_role("button", name="Delete")).to_be_focused()
    assert len(entries.stored()) == 1


def test_a_long_text_is_folded(visit: Visit, entries: Entries) -> None:
    entries.write("A line.\n" * 40)
    visit.open()
    text, unfold = visit.mine.locator(".text"), visit.mine.locator("[data-action=unfold]")
    expect(unfold).to_have_text("Show all")
    expect(unfold).to_have_attribute("aria-expanded", "false")
    folded = text.bounding_box()
    unfold.click()
    expect(unfold).to_have_text("Show less")
    expect(unfold).to_have_attribute("aria-expanded", "true")
    whole = text.bounding_box()
    assert folded is not None
    assert whole is not None
    assert whole["height"] / folded["height"] == pytest.approx(41 / 12, rel=0.02)
    unfold.click()
    expect(unfold).to_have_text("Show all")
    again = text.bounding_box()
    assert again is not None
    assert again["height"] == folded["height"]
    expect(visit.mine).to_be_in_viewport()
    expect(unfold).to_be_focused()


def test_only_what_is_cut_can_be_unfolded(visit: Visit, entries: Entries) -> None:
    """12 lines are whole; a narrower window and a longer text are cut."""
    words = "A line that a window of 390 pixels breaks in two.\n"
    entries.write(words * 11)
    visit.open()
    unfold = visit.mine.locator("[data-action=unfold]")
    expect(visit.mine.locator(".text")).to_be_visible()
    expect(unfold).to_be_hidden()
    visit.page.set_viewport_size({"width": 390, "height": 800})
    expect(unfold).to_be_visible()
    visit.page.set_viewport_size({"width": 1280, "height": 800})
    expect(unfold).to_be_hidden()
    visit.mine.get_by_role("button", name="Edit").click()
    visit.page.get_by_label("Edit entry").fill(entries.text(words * 12))
    visit.page.get_by_role("button", name="Save changes").click()
    expect(unfold).to_be_visible()
    visit.mine.get_by_role("button", name="Edit").click()
    expect(unfold).to_be_hidden()


def test_blank_entries_say_so(visit: Visit) -> None:
    """What older clients have written. "null" is how the API gives a null."""
    shown = {"": "(blank)", " \n\t": "(blank)", "\u200b\u00a0": "(blank)", "null": "(blank)"}
    shown |= {text: text for text in ("0", "false", "[]", "{}", "nullable", ".")}
    then = "2026-11-21T12:00:00Z"
    found = [{"id": str(at), "text": text, "created": then, "updated": then} for at, text in enumerate(shown)]
    visit.page.route("**/api/entries?*", lambda route: route.fulfill(json={"entries": found, "next": None}))
    visit.open()
    for at, (text, words) in enumerate(shown.items()):
        entry = visit.page.locator(f".entry[data-id='{at}']")
        assert entry.locator(".text").text_content() == words
        name = "blank entry" if words == "(blank)" else text
        for button, verb in zip(entry.get_by_role("button").all(), ("Edit", "Delete"), strict=True):
            expect(button).to_have_accessible_name(f"{verb}: {name}")


def test_more_entries_are_loaded_page_by_page(visit: Visit, entries: Entries) -> None:
    written = [entries.write(f"Number {number}.")["id"] for number in range(45)]
    visit.open()
    expect(visit.mine).to_have_count(20)
    for shown in (40, 45):
        before = visit.mine.count()
        visit.page.get_by_role("button", name="Load more").click()
        expect(visit.mine).to_have_count(shown)
        expect(visit.mine.nth(before)).to_be_focused()
    on_page = [entry.get_attribute("data-id") for entry in visit.mine.all()]
    assert on_page == written[::-1]


def test_an_entry_added_between_two_pages_is_shown_once(visit: Visit, entries: Entries) -> None:
    for number in range(25):
        entries.write(f"Number {number}.")
    visit.open().save(entries.text("Between"))
    expect(visit.mine).to_have_count(21)
    visit.page.get_by_role("button", name="Load more").click()
    expect(visit.mine).to_have_count(26)
    expect(visit.mine.first).to_contain_text("Between")


def test_the_last_page_has_no_button_for_more(visit: Visit, entries: Entries) -> None:
    entry = entries.write()
    visit.page.route("**/api/entries?*", lambda route: route.fulfill(json={"entries": [entry], "next": None}))
    visit.open()
    expect(visit.mine).to_have_count(1)
    expect(visit.page.get_by_role("button", name="Load more")).to_have_count(0)


def test_an_empty_journal_says_so_until_the_first_entry(visit: Visit, entries: Entries) -> None:
    visit.page.route("**/api/entries?*", lambda route: route.fulfill(json={"entries": [], "next": None}))
    visit.open()
    expect(visit.page.get_by_text("Nothing written yet")).to_be_visible()
    visit.save(entries.text())
    expect(visit.mine).to_have_count(1)
    expect(visit.page.get_by_text("Nothing written yet")).to_be_hidden()


def test_bones_are_shown_while_loading(visit: Visit, entries: Entries) -> None:
    entries.write()
    held: list[Route] = []
    visit.page.route("**/api/entries?*", lambda route: held.append(route))
    visit.page.goto(visit.url)
    expect(visit.page.locator("#loading")).to_be_visible()
    expect(visit.page.locator("#entries")).to_have_attribute("aria-busy", "true")
    held[0].continue_()
    visit.loaded()
    expect(visit.page.locator("#loading")).to_be_hidden()
    expect(visit.page.locator("#entries")).to_have_attribute("aria-busy", "false")


def test_times_are_in_words_and_exact(visit: Visit, entries: Entries) -> None:
    entry = entries.write()
    visit.open()
    time = visit.mine.locator("time").first
    expect(time).to_have_text("just now")
    expect(time).to_have_attribute("datetime", entry["created"])
    expect(time).to_have_attribute("title", re.compile(r"^\w+,? \d+ \w+ \d{4} at \d\d:\d\d:\d\d$"))
    expect(visit.page.get_by_role("heading", level=2).first).to_have_text("Today")


def test_the_footer_tells_who_answers(visit: Visit, http: httpx.Client) -> None:
    about = http.get("/api/version").raise_for_status().json()
    footer = visit.open().page.locator("footer")
    expect(footer).to_contain_text(about["version"])
    expect(footer).to_contain_text(about["commit"])
    expect(footer).to_contain_text(about["environment"])


def shown_problem(page: Page) -> str:
    """The error under the form for a new entry, once there is one."""
    message = page.locator("#new-message")
    expect(message).not_to_be_empty()
    return message.inner_text()


def test_a_refused_text_is_kept_with_the_reason(troubled_visit: Visit, entries: Entries) -> None:
    text = entries.text()
    problem = {"type": "about:blank", "title": "No", "status": 422, "detail": "The journal will not have it."}
    troubled_visit.page.route("**/api/entries", lambda route: route.fulfill(status=422, json=problem))
    troubled_visit.open().save(text)
    assert shown_problem(troubled_visit.page) == problem["detail"]
    expect(troubled_visit.composer).to_have_value(text)
    expect(troubled_visit.composer).to_be_focused()
    expect(troubled_visit.composer).to_have_attribute("aria-invalid", "true")
    assert entries.stored() == []


def test_the_longest_text_is_taken(visit: Visit, entries: Entries) -> None:
    text = entries.text("🌿" * (10_000 - len(entries.text(""))))
    visit.open().save(text)
    expect(visit.mine).to_have_count(1)
    assert [entry["text"] for entry in entries.stored()] == [text]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("  \n ", "Write something first."),
        ("🌿" * 10_001, "The text has 10,001 characters: 10,000 are allowed."),
        ("x" * 300_000, "The text has 300,000 characters: 10,000 are allowed."),
    ],
)
def test_a_wrong_text_is_kept_and_not_sent(visit: Visit, text: str, problem: str) -> None:
    visit.open().save(text)
    assert shown_problem(visit.page) == problem
    expect(visit.composer).to_have_value(text)
    assert not any(url.endswith("/api/entries") for url in visit.requests)


def test_the_page_and_the_api_allow_the_same_length(http: httpx.Client) -> None:
    """10,000 in the page's form.js and above; here the API's word for it."""
    schemas = http.get("/api/openapi.json").raise_for_status().json()["components"]["schemas"]
    assert schemas["NewEntry"]["properties"]["text"]["maxLength"] == 10_000


def test_editing_what_another_deleted_keeps_the_text(
    troubled_visit: Visit, entries: Entries, http: httpx.Client
) -> None:
    entry = entries.write()
    troubled_visit.open().mine.get_by_role("button", name="Edit").click()
    editor = troubled_visit.page.get_by_label("Edit entry")
    editor.fill("precious")
    entries.delete_all()
    troubled_visit.page.get_by_role("button", name="Save changes").click()
    reason = http.put(f"/api/entries/{entry['id']}", json={"text": "precious"})
    assert reason.status_code == 404
    expect(troubled_visit.page.locator(".editor .message")).to_have_text(reason.json()["detail"])
    expect(editor).to_have_value("precious")


def test_deleting_what_another_deleted_just_removes_it(troubled_visit: Visit, entries: Entries) -> None:
    entries.write()
    troubled_visit.open_with_clock().mine.get_by_role("button", name="Delete").click()
    entries.delete_all()
    troubled_visit.wait_to_undo()
    expect(troubled_visit.lines).to_have_count(0)
    expect(troubled_visit.mine).to_have_count(0)
    assert len(troubled_visit.deletions) == 1
