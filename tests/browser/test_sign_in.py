"""Signing in and out on the page. The sign-in and the API's answers are the test's own: the stack has no sign-in."""

import json
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Route, expect

from tests.browser.visit import Visit

pytestmark = [pytest.mark.live, pytest.mark.browser]
THEN = "2026-11-21T12:00:00Z"


@dataclass
class Journal:
    """What answers the page: one entry, and a sign-in that takes one password."""

    reads: bool = False
    user: str | None = None

    def answer(self, route: Route) -> None:
        asked = route.request
        path = asked.url.split("/", 3)[3].split("?")[0]
        if path == "auth/logout":
            self.user = None
            route.fulfill(status=204)
            return
        status, body = self._found(asked.method, path, asked.post_data_json if asked.post_data else {})
        headers = {"Content-Type": "application/json", "Journal-Version": "1.0.0+a"}
        route.fulfill(status=status, headers=headers, body=json.dumps(body))

    def _found(self, method: str, path: str, sent: Any) -> tuple[int, dict]:
        nobody = 401, {"detail": "There is no token. Sign in first."}
        match method, path:
            case _, "api/version":
                login = {"writes": True, "reads": self.reads}
                return 200, {"version": "1.0.0", "commit": "a", "environment": "local", "login": login}
            case _, "auth/session":
                return nobody if self.user is None else (200, {"user": self.user, "expires": THEN})
            case _, "auth/login":
                if sent["password"] != "good":
                    return 401, {"detail": "The name or the password is wrong."}
                self.user = sent["name"]
                return 200, {"user": self.user, "expires": THEN, "token": "t"}
            case "GET", _:
                entry = {"id": "1", "text": "An old entry", "created": THEN, "updated": THEN}
                return nobody if self.reads and self.user is None else (200, {"entries": [entry], "next": None})
            case _:
                new = {"id": "2", "text": sent.get("text"), "created": THEN, "updated": THEN}
                return nobody if self.user is None else (201, new)


def opened(visit: Visit, journal: Journal) -> Visit:
    for paths in ("**/api/**", "**/auth/**"):
        visit.page.route(paths, journal.answer)
    return visit.open()


def sign_in(visit: Visit, password: str = "good", name: str = "") -> None:
    if name:
        visit.page.get_by_label("Name").fill(name)
    visit.page.get_by_label("Password").fill(password)
    visit.page.get_by_role("button", name="Sign in").click()


def test_a_stack_without_a_sign_in_shows_none(visit: Visit) -> None:
    visit.open()
    expect(visit.page.locator("#environment")).to_be_visible()
    expect(visit.composer).to_be_visible()
    for hidden in ("#sign-in", "#signed-in"):
        expect(visit.page.locator(hidden)).to_be_hidden()


def test_who_is_signed_in_writes(troubled_visit: Visit) -> None:
    visit = opened(troubled_visit, Journal())
    expect(visit.page.locator("#sign-in")).to_be_visible()
    expect(visit.composer).to_be_hidden()
    sign_in(visit, "bad", "alice")
    expect(visit.page.locator("#sign-in-message")).to_have_text("The name or the password is wrong.")
    expect(visit.page.get_by_label("Password")).to_have_value("")
    sign_in(visit)
    expect(visit.page.locator("#signed-in")).to_contain_text("Signed in as alice")
    expect(visit.composer).to_be_focused()
    visit.page.get_by_role("button", name="Sign out").click()
    expect(visit.page.locator("#sign-in")).to_be_visible()
    expect(visit.composer).to_be_hidden()


def test_what_was_typed_outlives_the_end_of_a_session(troubled_visit: Visit) -> None:
    journal = Journal(user="alice")
    visit = opened(troubled_visit, journal)
    expect(visit.composer).to_be_visible()
    journal.user = None
    visit.save("Kept")
    expect(visit.page.locator("#sign-in")).to_be_visible()
    sign_in(visit, name="alice")
    expect(visit.composer).to_have_value("Kept")
    visit.save_button.click()
    expect(visit.page.locator(".entry", has_text="Kept")).to_be_visible()


def test_a_deletion_is_sent_before_the_sign_out(troubled_visit: Visit) -> None:
    visit = opened(troubled_visit, Journal(user="alice"))
    visit.page.get_by_role("button", name="Delete: An old entry").click()
    visit.page.get_by_role("button", name="Sign out").click()
    expect(visit.lines).to_have_count(0)
    expect(visit.page.locator(".entry")).to_have_count(0)
    assert len(visit.deletions) == 1


def test_a_journal_that_is_not_open_shows_nothing_before_and_after(troubled_visit: Visit) -> None:
    visit = opened(troubled_visit, Journal(reads=True))
    old = visit.page.get_by_text("An old entry")
    expect(visit.page.locator("#sign-in")).to_be_visible()
    expect(old).to_have_count(0)
    sign_in(visit, name="bob")
    expect(old).to_be_visible()
    visit.page.get_by_role("button", name="Sign out").click()
    expect(visit.page.locator("#sign-in")).to_be_visible()
    expect(old).to_have_count(0)
