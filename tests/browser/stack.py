"""The running local stack, as `make up` left it, and a client of its API that checks the certificate."""

import ssl
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from pydantic import BaseModel, ConfigDict

ROOT = Path(__file__).parents[2]
STATE = ROOT / ".state" / "local.json"


class LocalStack(BaseModel):
    """What `make up` wrote down: the journal's URL, the node's address, and the PEM file of the ACME root."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    url: str
    address: str
    ca: Path

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or ""


class _ToAddress(httpx.HTTPTransport):
    """Connects to one address, and checks the certificate for the host that was asked for."""

    def __init__(self, stack: LocalStack) -> None:
        super().__init__(verify=ssl.create_default_context(cafile=str(stack.ca)), retries=2)
        self._address = stack.address

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.extensions["sni_hostname"] = request.url.host
        request.url = request.url.copy_with(host=self._address)
        return super().handle_request(request)


def client(stack: LocalStack) -> httpx.Client:
    """A client of the stack that needs no entry in /etc/hosts."""
    return httpx.Client(base_url=stack.url, transport=_ToAddress(stack), timeout=20, trust_env=False)


@dataclass
class Entries:
    """Entries of one test, found again by a mark in their text."""

    http: httpx.Client
    mark: str = field(default_factory=lambda: f"browser-test-{uuid.uuid4().hex[:12]}")
    unmarked: list[str] = field(default_factory=list)

    def text(self, words: str = "An entry.") -> str:
        """The words with the mark."""
        return f"{words} [{self.mark}]"

    def write(self, words: str = "An entry.") -> dict:
        """A stored entry with these words and the mark."""
        return self._post(self.text(words))

    def write_unmarked(self, words: str) -> None:
        """Store an entry with these words only, to be deleted like the others."""
        self.unmarked.append(self._post(words)["id"])

    def stored(self) -> list[dict]:
        """The test's entries, newest first. They are younger than all others, save those of tests that run at once."""
        return [entry for page in self._pages() for entry in page if self.mark in entry["text"]]

    def delete_all(self) -> None:
        for identity in [entry["id"] for entry in self.stored()] + self.unmarked:
            response = self.http.delete(f"/api/entries/{identity}")
            if response.status_code != 404:  # A page that was closed may have deleted it meanwhile.
                response.raise_for_status()
        self.unmarked.clear()

    def _post(self, text: str) -> dict:
        return self.http.post("/api/entries", json={"text": text}).raise_for_status().json()

    def _pages(self) -> Iterator[list[dict]]:
        query: dict[str, str | int] = {"limit": 100}
        while True:
            page = self.http.get("/api/entries", params=query).raise_for_status().json()
            yield page["entries"]
            if page["next"] is None:
                return
            query["cursor"] = page["next"]
