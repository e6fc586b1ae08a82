"""A digest of the journal: how many entries there are of some hours, and how they are spread over them.

It runs in the API's image, on Python's standard library alone. It reads the environment variables API, HOURS and UNTIL,
writes the digest as JSON to OUTPUT, and the same to stdout. Argo replaces double braces, so there are none here.
"""

import json
import os
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypedDict
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import urlopen

PAGE = 100
TIMEOUT_SECONDS = 10


class Item(TypedDict):
    """An entry as the API has it."""

    created: str
    text: str


class Page(TypedDict):
    """Some entries, newest first, and the cursor of the next page."""

    entries: list[Item]
    next: str | None


class DigestError(Exception):
    """What keeps the digest from being made, in one sentence."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """When an entry was added, and what it says."""

    created: datetime
    text: str


@dataclass(frozen=True, kw_only=True)
class Digest:
    """Counts of the entries from `since` on, before `until`. busiest: the hour with the most of them, if any."""

    since: str
    until: str
    entries: int
    words: int
    longest: int
    busiest: str | None


def window(hours: str, until: str, now: datetime) -> tuple[datetime, datetime]:
    """From when to when; `until` is an ISO 8601 time with its zone, or "" for now. Raises DigestError."""
    if not (hours.isdecimal() and 1 <= int(hours) <= 744):
        raise DigestError(f"hours is {hours!r}; it is a number from 1 to 744.")
    try:
        end = datetime.fromisoformat(until) if until else now
    except ValueError:
        raise DigestError(f"until is {until!r}; it is a time like 2026-11-28T05:00:00+00:00.") from None
    if end.tzinfo is None:
        raise DigestError(f"until is {until!r}, without a zone; add one, like +00:00.")
    return end - timedelta(hours=int(hours)), end


def entries(api: str, since: datetime) -> Iterator[Entry]:
    """Entries from the newest to the first one before `since`. Raises DigestError."""
    cursor: str | None = None
    while True:
        query = {"limit": str(PAGE)} if cursor is None else {"limit": str(PAGE), "cursor": cursor}
        page = fetched(f"{api}/entries?{urlencode(query)}")
        for item in page["entries"]:
            entry = Entry(created=datetime.fromisoformat(item["created"]), text=item["text"])
            if entry.created < since:
                return
            yield entry
        cursor = page["next"]
        if cursor is None:
            return


def fetched(url: str) -> Page:
    """The page at a URL. Raises DigestError."""
    try:
        with urlopen(url, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310  http of the cluster: the stack names it
            return json.load(answer)
    except HTTPError as error:
        raise DigestError(f"{url} answers {error.code}.") from None
    except (URLError, TimeoutError, ValueError) as error:
        raise DigestError(f"{url} does not answer: {error}.") from None


def digest(found: Iterator[Entry], since: datetime, until: datetime) -> Digest:
    """The counts of those entries that are in the window."""
    within = [entry for entry in found if since <= entry.created < until]
    hours = Counter(entry.created.astimezone(UTC).strftime("%Y-%m-%dT%H:00Z") for entry in within)
    return Digest(
        since=since.isoformat(timespec="seconds"),
        until=until.isoformat(timespec="seconds"),
        entries=len(within),
        words=sum(len(entry.text.split()) for entry in within),
        longest=max((len(entry.text) for entry in within), default=0),
        # Of two hours with as many, the earlier.
        busiest=min(hours, key=lambda hour: (-hours[hour], hour), default=None),
    )


def main(environment: Mapping[str, str]) -> int:
    """Writes the digest, and returns the exit status."""
    try:
        since, until = window(environment["HOURS"], environment["UNTIL"], datetime.now(UTC))
        text = json.dumps(asdict(digest(entries(environment["API"], since), since, until)))
    except DigestError as error:
        print(f"There is no digest: {error}", file=sys.stderr)
        return 1
    Path(environment["OUTPUT"]).write_text(text)
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(os.environ))
