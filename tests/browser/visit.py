"""The page as a test sees it: opened, watched for errors and for requests to other origins."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, Locator, Page


def origin(url: str) -> str:
    """Scheme, host and port."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


@dataclass
class Visit:
    """One browser tab on the journal, with shorthands for what the tests look at."""

    page: Page
    url: str
    mark: str
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    deletions: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on(
            "request", lambda request: self.deletions.append(request.url) if request.method == "DELETE" else None
        )

    @property
    def context(self) -> BrowserContext:
        return self.page.context

    @property
    def composer(self) -> Locator:
        return self.page.get_by_label("New entry")

    @property
    def save_button(self) -> Locator:
        return self.page.locator("#composer button[type=submit]")

    @property
    def outage(self) -> Locator:
        return self.page.locator("#outage")

    @property
    def announcer(self) -> Locator:
        return self.page.get_by_role("status")

    @property
    def mine(self) -> Locator:
        """The entries of this test that are on the page."""
        return self.page.locator(".entry", has_text=self.mark)

    @property
    def undo(self) -> Locator:
        """The buttons that bring an entry back."""
        return self.page.get_by_role("button", name="Undo")

    @property
    def lines(self) -> Locator:
        """What stands in the place of entries that are deleted, until it cannot be undone."""
        return self.page.locator(".entry.gone")

    def open_with_clock(self) -> "Visit":
        """Open the page with a clock that `wait_to_undo` turns forward."""
        self.page.clock.install()
        return self.open()

    def wait_to_undo(self, seconds: float = 8) -> None:
        self.page.clock.fast_forward(int(seconds * 1000))

    def open(self) -> "Visit":
        """Load the page and wait until the first page of entries, or its absence, is shown."""
        self.page.goto(self.url)
        return self.loaded()

    def reload(self) -> "Visit":
        self.page.reload()
        return self.loaded()

    def loaded(self) -> "Visit":
        self.page.locator(".entry, #empty:not([hidden]), #failure:not([hidden])").first.wait_for()
        return self

    def save(self, text: str) -> None:
        """Type a new entry and press the button."""
        self.composer.fill(text)
        self.save_button.click()

    def foreign_requests(self) -> list[str]:
        """Requests that left the journal's origin."""
        own = {origin(self.url), "data:", "blob:"}
        return [url for url in self.requests if origin(url) not in own]
