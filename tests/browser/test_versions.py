"""The footer tells which version the page is, and which versions of the API have answered it."""

import itertools

import httpx
import pytest
from playwright.sync_api import Route, expect

from tests.browser.test_modules import call
from tests.browser.visit import Visit

pytestmark = [pytest.mark.live, pytest.mark.browser]


def test_versions_in_words(visit: Visit) -> None:
    visit.open()
    table = [
        ([], ""),
        (["1.0.0"], "API 1.0.0"),
        (["1.0.0+0123abcd"], "API 1.0.0 (0123abcd)"),
        (["1.0.0+a", "1.1.0+b"], "API 1.0.0 (a) and 1.1.0 (b)"),
        (["1.0.0+a", "1.1.0+b", "1.1.0+c"], "API 1.0.0 (a), 1.1.0 (b) and 1.1.0 (c)"),
    ]
    for versions, words in table:
        assert call(visit, "version", "versionsInWords", versions) == words


def test_the_footer_has_the_page_s_version_and_the_api_s(visit: Visit, http: httpx.Client) -> None:
    number, commit = http.get("/api/version").headers["Journal-Version"].split("+")
    visit.open()
    page = visit.page.locator("#version")
    expected = f"Journal {page.get_attribute('data-page-version')} ({page.get_attribute('data-page-commit')})"
    expect(page).to_have_text(expected)
    expect(visit.page.locator("#api-versions")).to_have_text(f"· API {number} ({commit})")


def test_while_two_versions_answer_the_footer_has_both(visit: Visit, http: httpx.Client) -> None:
    versions = itertools.cycle(["1.0.0+a", "1.1.0+b"])

    def answer(route: Route) -> None:
        found = http.get(route.request.url)
        headers = {"Content-Type": found.headers["Content-Type"], "Journal-Version": next(versions)}
        route.fulfill(status=found.status_code, headers=headers, body=found.content)

    visit.page.route("**/api/**", answer)
    visit.open()
    expect(visit.page.locator("#api-versions")).to_have_text("· API 1.0.0 (a) and 1.1.0 (b)")
