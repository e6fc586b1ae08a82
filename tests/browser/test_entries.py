"""What a writer does: add, read again, edit, delete, load more."""

import re

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


def test_a_deleted_entry_is_gone_after_a_question(visit: Visit, entries: Entries, http: httpx.Client) -> None:
    entries.write("Stays")
    entry = entries.write("Goes")
    visit.open()
    goes = visit.page.locator(f".entry[data-id='{entry['id']}']")
    goes.get_by_role("button", name="Delete").click()
    expect(goes.get_by_role("button", name="Keep")).to_be_focused()
    goes.get_by_role("button", name="Keep").click()
    expect(goes.get_by_role("button", name="Delete")).to_be_focused()
    goes.get_by_role("button", name="Delete").click()
    goes.get_by_role("button", name="Delete").click()
    expect(goes).to_have_count(0)
    expect(visit.mine).to_be_focused()
    expect(visit.announcer).to_have_text("Entry deleted.")
    visit.reload()
    expect(visit.mine.locator(".text")).to_have_text(entries.text("Stays"))
    assert http.get(f"/api/entries/{entry['id']}").status_code == 404


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
    troubled_visit.open().mine.get_by_role("button", name="Delete").click()
    entries.delete_all()
    troubled_visit.mine.get_by_role("button", name="Delete").click()
    expect(troubled_visit.mine).to_have_count(0)
