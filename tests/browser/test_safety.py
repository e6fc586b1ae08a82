"""What the browser enforces: the certificate, the content policy, one origin; and text that stays text."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Error, Playwright, expect

from tests.browser.chromium import launch
from tests.browser.stack import Entries, LocalStack
from tests.browser.visit import Visit

pytestmark = [pytest.mark.live, pytest.mark.browser]

ATTACKS = [
    "<script>window.attacked = true</script>",
    "<img src=x onerror='window.attacked = true'>",
    "<svg onload='window.attacked = true'>",
    "</p><iframe srcdoc='<script>parent.attacked = true</script>'></iframe>",
    "javascript:window.attacked=true",
]


def test_the_page_loads_without_error_from_one_origin(visit: Visit) -> None:
    visit.open()
    expect(visit.page).to_have_title("Journal")
    visit.page.wait_for_load_state("networkidle")
    assert len(visit.requests) > 5
    assert visit.foreign_requests() == []


def test_chromium_refuses_the_page_without_the_authority(
    playwright: Playwright, local_stack: LocalStack, tmp_path: Path
) -> None:
    """So the other tests show that the chain is right, rather than that nobody looked."""
    browser = launch(playwright, host=local_stack.host, address=local_stack.address, home=tmp_path, ca=None)
    try:
        with pytest.raises(Error, match="ERR_CERT_AUTHORITY_INVALID"):
            browser.new_page().goto(local_stack.url)
    finally:
        browser.close()


def test_the_connection_is_modern_and_named_right(browser: Browser, local_stack: LocalStack) -> None:
    page = browser.new_page()
    response = page.goto(local_stack.url)
    assert response is not None
    details = response.security_details()
    page.context.close()
    assert details is not None
    assert details.get("protocol") == "TLS 1.3"
    assert response.headers["strict-transport-security"].startswith("max-age=")


@pytest.mark.parametrize("attack", ATTACKS)
def test_text_is_shown_as_text(visit: Visit, entries: Entries, attack: str) -> None:
    visit.open().save(entries.text(attack))
    expect(visit.mine).to_have_count(1)
    visit.reload()
    assert visit.mine.locator(".text").text_content() == entries.text(attack)
    assert visit.mine.locator(".text > *").count() == 0
    assert visit.page.evaluate("window.attacked") is None


def test_the_policy_stops_markup_and_inline_script(troubled_visit: Visit) -> None:
    """The second line of defence: the page's own script could not insert markup if it tried."""
    page = troubled_visit.open().page
    with pytest.raises(Error, match="TrustedHTML"):
        page.evaluate("document.body.innerHTML = '<p>markup'")
    with pytest.raises(Error, match="createPolicy"):
        page.evaluate("trustedTypes.createPolicy('any', {createHTML: (text) => text})")
    page.evaluate("document.body.setAttribute('style', 'display: none')")
    expect(page.locator("body")).to_be_visible()
    fetched = page.evaluate("fetch('https://example.com/').then(() => 'sent', () => 'refused')")
    assert fetched == "refused"
    assert any("Content Security Policy" in error for error in troubled_visit.errors)
