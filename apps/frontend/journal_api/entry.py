"""What a client sends for an entry, and what it gets back. The description at /api/openapi.json comes from here."""

from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
import orjson
from msgspec import Meta
from pydantic import BaseModel, ConfigDict, Field

from .problems import Problem
from .store import Record

MAX_TEXT = 10_000
MAX_LEVELS = 250
MAX_PAGE = 100


class NewEntry(BaseModel):
    """What is sent to add an entry, or to replace one."""

    model_config = ConfigDict(extra="forbid", strict=True)

    text: Annotated[str, Field(description="What the entry says.", min_length=1, max_length=MAX_TEXT, pattern=r"\S")]

    @property
    def item(self) -> bytes:
        return orjson.dumps({"text": self.text})


class Entry(msgspec.Struct):
    """An entry of the journal."""

    id: Annotated[str, Meta(description="Opaque.", examples=["06518f0c3a1b21f4e09c7"])]
    text: Annotated[str, Meta(description="What the entry says.")]
    created: datetime
    updated: datetime

    @classmethod
    def of(cls, record: Record) -> "Entry":
        text = text_of(orjson.loads(record.item), record.item)
        return cls(record.id, text, _time(record.created), _time(record.updated))


class Page(msgspec.Struct):
    """Some entries, newest first."""

    entries: list[Entry]
    next: Annotated[str | None, Meta(description="The cursor of the next page, null on the last.")]


class LoginNeeds(msgspec.Struct):
    """What needs a token of the sign-in at /auth."""

    writes: bool
    reads: bool


class Version(msgspec.Struct, omit_defaults=True):
    """What runs here. `login` is there where people can sign in."""

    version: str
    commit: str
    environment: str
    login: LoginNeeds | None = None


class Mistake(msgspec.Struct, omit_defaults=True):
    """One mistake in a request, by JSON pointer or parameter."""

    detail: str
    pointer: str = ""
    parameter: str = ""


class ProblemDetails(msgspec.Struct):
    """An error (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    request_id: str
    errors: list[Mistake] = []


def item_of(value: Any) -> bytes:
    """Any JSON value, in one compact spelling. Raises Problem 422 for what cannot be kept."""
    if _deeper(value, MAX_LEVELS):
        raise Problem(422, f"The JSON is nested too deeply: {MAX_LEVELS} levels are allowed.")
    item = orjson.dumps(value)
    if (length := len(text_of(value, item))) > MAX_TEXT:
        raise Problem(422, f"The entry's text has {length:,} characters: {MAX_TEXT:,} are allowed.")
    return item


def text_of(value: Any, item: bytes) -> str:
    """A string says itself, an object with a string `text` says that; any other value says its JSON."""
    text = value.get("text") if isinstance(value, dict) else value
    return text if isinstance(text, str) else item.decode()


def _deeper(value: Any, levels: int) -> bool:
    """Whether arrays and objects are nested in more than so many levels."""
    containers = [value] if isinstance(value, list | dict) else []
    for _ in range(levels):
        if not containers:
            return False
        inner = [one for outer in containers for one in (outer.values() if isinstance(outer, dict) else outer)]
        containers = [one for one in inner if isinstance(one, list | dict)]
    return bool(containers)


def _time(microseconds: int) -> datetime:
    return datetime.fromtimestamp(microseconds / 1_000_000, UTC)
