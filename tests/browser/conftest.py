"""A real browser on the running local stack. `make up` comes first."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Playwright, expect, sync_playwright
from pydantic import ValidationError

from tests.browser.chromium import launch
from tests.browser.stack import STATE, Entries, LocalStack, client
from tests.browser.visit import Visit

SCREENSHOTS = Path(__file__).parents[2] / "build" / "screenshots"
expect.set_options(timeout=10_000)


@pytest.fixture(scope="session")
def local_stack() -> LocalStack:
    if not STATE.exists():
        pytest.fail(f"the local stack is not running ({STATE} is missing): run `make up` first", pytrace=False)
    try:
        return LocalStack.model_validate_json(STATE.read_text())
    except ValidationError as error:
        pytest.fail(f"{STATE} is not what `make up` writes; run it again: {error}", pytrace=False)


@pytest.fixture(scope="session")
def http(local_stack: LocalStack) -> Iterator[httpx.Client]:
    with client(local_stack) as http:
        yield http


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="session")
def browser(
    playwright: Playwright, local_stack: LocalStack, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Browser]:
    home = tmp_path_factory.mktemp("home")
    browser = launch(playwright, host=local_stack.host, address=local_stack.address, home=home, ca=local_stack.ca)
    yield browser
    browser.close()


@pytest.fixture
def entries(http: httpx.Client) -> Iterator[Entries]:
    """The test's own entries; gone after the test."""
    entries = Entries(http)
    yield entries
    entries.delete_all()


@pytest.fixture
def new_visit(browser: Browser, local_stack: LocalStack, entries: Entries) -> Iterator[Callable[..., Visit]]:
    """Makes a visit, with options for the browser's context (colour scheme, viewport). No visit leaves the origin."""
    visits: list[Visit] = []

    def make(**options: Any) -> Visit:
        context = browser.new_context(locale="en-GB", **options)
        visits.append(Visit(context.new_page(), local_stack.url, entries.mark))
        return visits[-1]

    yield make
    for visit in visits:
        visit.context.close()
    assert [url for visit in visits for url in visit.foreign_requests()] == []


@pytest.fixture
def visit(new_visit: Callable[..., Visit]) -> Iterator[Visit]:
    """A visit in which nothing may go wrong: any error on the console fails the test."""
    visit = new_visit()
    yield visit
    assert visit.errors == []


@pytest.fixture
def troubled_visit(new_visit: Callable[..., Visit]) -> Visit:
    """A visit in which requests fail: Chromium writes each to the console."""
    return new_visit()


@pytest.fixture(scope="session")
def screenshots() -> Path:
    """The ignored folder for pictures."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    return SCREENSHOTS
