"""Nobody answers for a while: nothing typed is lost, nothing is stored twice, and the page recovers by itself."""

import re
import time
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Request, Route, expect

from tests.browser.stack import Entries
from tests.browser.visit import Visit

pytestmark = [pytest.mark.live, pytest.mark.browser]
Fault = Literal["503", "refused", "answer lost"]


@dataclass
class Faults:
    """Lets the first requests of a method fail, and remembers when each was made and its idempotency key."""

    http: httpx.Client
    method: str
    faults: list[Fault]
    retry_after: str | None = None
    times: list[float] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)

    def __call__(self, route: Route) -> None:
        if route.request.method != self.method:
            return route.continue_()
        self.times.append(time.monotonic())
        self.keys.append(route.request.headers.get("idempotency-key"))
        if not self.faults:
            return route.continue_()
        fault = self.faults.pop(0)
        if fault == "503":
            headers = {} if self.retry_after is None else {"Retry-After": self.retry_after}
            return route.fulfill(status=503, headers=headers, json={"title": "Redis is away", "status": 503})
        if fault == "answer lost":
            self._deliver(route.request)
        return route.abort("connectionrefused")

    def _deliver(self, request: Request) -> None:
        """Send the request to the stack; the page never hears of it."""
        headers = {
            name: request.headers[name] for name in ("content-type", "idempotency-key") if name in request.headers
        }
        path = urlsplit(request.url).path
        self.http.request(request.method, path, content=request.post_data, headers=headers).raise_for_status()


def break_requests(visit: Visit, faults: Faults) -> Faults:
    visit.page.route("**/api/entries**", faults)
    return faults


def test_offline_keeps_the_text_and_saves_it_later(troubled_visit: Visit, entries: Entries) -> None:
    visit = troubled_visit.open()
    visit.context.set_offline(True)
    expect(visit.outage).to_contain_text("You are offline.")
    visit.save(entries.text())
    expect(visit.save_button).to_have_text("Waiting to save…")
    expect(visit.composer).to_have_value(entries.text())
    visit.context.set_offline(False)
    expect(visit.mine).to_have_count(1)
    expect(visit.outage).to_be_hidden()
    expect(visit.composer).to_have_value("")
    assert len(entries.stored()) == 1


def test_retry_after_is_respected(troubled_visit: Visit, entries: Entries) -> None:
    visit = troubled_visit.open()
    faults = break_requests(visit, Faults(entries.http, "POST", ["503", "503"], retry_after="2"))
    visit.save(entries.text())
    expect(visit.outage).to_contain_text("The journal cannot be reached.")
    expect(visit.outage).to_contain_text("Trying again in")
    expect(visit.mine).to_have_count(1)
    waits = [later - earlier for earlier, later in zip(faults.times, faults.times[1:], strict=False)]
    assert len(waits) == 2
    assert all(2 <= wait < 4 for wait in waits)


def test_a_lost_answer_does_not_store_the_entry_twice(troubled_visit: Visit, entries: Entries) -> None:
    visit = troubled_visit.open()
    faults = break_requests(visit, Faults(entries.http, "POST", ["answer lost", "answer lost"]))
    visit.save(entries.text())
    expect(visit.mine).to_have_count(1)
    expect(visit.outage).to_be_hidden()
    assert len(faults.keys) == 3
    assert len(set(faults.keys)) == 1
    assert faults.keys[0] is not None
    assert len(entries.stored()) == 1


def test_a_reload_while_waiting_keeps_text_and_key(troubled_visit: Visit, entries: Entries) -> None:
    visit = troubled_visit.open()
    faults = break_requests(visit, Faults(entries.http, "POST", ["answer lost", "503"], retry_after="60"))
    visit.save(entries.text())
    expect(visit.outage).to_contain_text("Trying again in")
    visit.outage.get_by_role("button", name="Try now").click()
    expect(visit.outage).to_contain_text("Trying again in 60 s.")
    visit.reload()
    expect(visit.composer).to_have_value(entries.text())
    visit.save_button.click()
    expect(visit.composer).to_have_value("")
    expect(visit.mine).to_have_count(1)
    assert len(set(faults.keys)) == 1
    assert len(entries.stored()) == 1


def test_a_text_changed_while_waiting_is_not_sent_by_itself(troubled_visit: Visit, entries: Entries) -> None:
    visit = troubled_visit.open()
    faults = break_requests(visit, Faults(entries.http, "POST", ["503"], retry_after="1"))
    visit.save(entries.text("Half"))
    expect(visit.save_button).to_have_text("Waiting to save…")
    visit.composer.press("End")
    visit.composer.press_sequentially(" and more")
    expect(visit.page.locator("#new-message")).to_contain_text("the text has changed since")
    expect(visit.save_button).to_have_text("Save entry")
    expect(visit.outage).to_be_hidden()
    assert len(faults.times) == 1
    assert entries.stored() == []
    visit.save_button.click()
    expect(visit.mine).to_have_count(1)
    assert [entry["text"] for entry in entries.stored()] == [entries.text("Half") + " and more"]


def test_the_first_page_comes_when_the_journal_does(troubled_visit: Visit, entries: Entries) -> None:
    entries.write()
    break_requests(troubled_visit, Faults(entries.http, "GET", ["refused", "503"], retry_after="1"))
    troubled_visit.page.goto(troubled_visit.url)
    expect(troubled_visit.outage).to_be_visible()
    expect(troubled_visit.page.locator("#loading")).to_be_visible()
    expect(troubled_visit.mine).to_have_count(1)
    expect(troubled_visit.outage).to_be_hidden()


def test_try_now_does_not_wait(troubled_visit: Visit, entries: Entries) -> None:
    visit = troubled_visit.open()
    break_requests(visit, Faults(entries.http, "POST", ["503"], retry_after="600"))
    visit.save(entries.text())
    visit.outage.get_by_role("button", name="Try now").click()
    expect(visit.mine).to_have_count(1)


def test_an_edit_and_a_deletion_wait_too(troubled_visit: Visit, entries: Entries) -> None:
    entries.write("Goes")
    entries.write("Before")
    visit = troubled_visit.open_with_clock()
    break_requests(visit, Faults(entries.http, "PUT", ["refused", "answer lost"]))
    visit.mine.first.get_by_role("button", name="Edit").click()
    visit.page.get_by_label("Edit entry").fill(entries.text("After"))
    visit.page.get_by_role("button", name="Save changes").click()
    expect(visit.mine.first.locator(".text")).to_have_text(entries.text("After"))
    faults = break_requests(visit, Faults(entries.http, "DELETE", ["503", "answer lost"], retry_after="2"))
    visit.mine.last.get_by_role("button", name="Delete").click()
    visit.wait_to_undo()
    expect(visit.lines).to_have_text(re.compile("Waiting to delete…"))
    expect(visit.undo).to_have_count(0)
    expect(visit.outage).to_be_visible()
    expect(visit.lines).to_have_count(0)
    expect(visit.mine).to_have_count(1)
    assert len(faults.times) == 3
    assert [entry["text"] for entry in entries.stored()] == [entries.text("After")]


def test_who_leaves_while_a_deletion_waits_tries_once_more(troubled_visit: Visit, entries: Entries) -> None:
    entries.write()
    visit = troubled_visit.open_with_clock()
    faults = break_requests(visit, Faults(entries.http, "DELETE", ["503"], retry_after="600"))
    visit.mine.get_by_role("button", name="Delete").click()
    visit.wait_to_undo()
    expect(visit.lines).to_have_text(re.compile("Waiting to delete…"))
    assert len(faults.times) == 1
    visit.page.unroute_all()
    visit.page.goto("about:blank")
    deadline = time.monotonic() + 5
    while entries.stored() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert entries.stored() == []
