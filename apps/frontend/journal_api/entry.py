"""What a client sends for an entry, and what it gets back."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from .problem import Problem
from .store import Record

MAX_TEXT = 10_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Text = Annotated[str, Field(description="What the entry says.")]


class NewEntry(BaseModel):
    """What is sent to add an entry, or to replace one."""

    model_config = ConfigDict(extra="forbid", strict=True)

    text: Annotated[Text, Field(min_length=1, max_length=MAX_TEXT, pattern=r"\S")]


class Entry(BaseModel):
    """An entry of the journal."""

    id: Annotated[str, Field(description="Opaque.", examples=["06518f0c3a1b21f4e09c7"])]
    text: Text
    created: datetime
    updated: datetime


def parse_item(body: bytes) -> bytes:
    """Any JSON value, in one compact spelling. Raises Problem 400 for what is no JSON, 422 for what cannot be kept."""
    value = parse_json(body)
    try:
        item = orjson.dumps(value)
    except orjson.JSONEncodeError:
        raise Problem(422, "The JSON is nested too deeply: 250 levels are allowed.") from None
    if (length := len(_text(value, item))) > MAX_TEXT:
        raise Problem(422, f"The entry's text has {length:,} characters: {MAX_TEXT:,} are allowed.")
    return item


def parse_new_entry(body: bytes) -> bytes:
    """The item of a `{"text": …}`. Raises Problem 400 for what is no JSON, 422 with every mistake for the rest."""
    try:
        entry = NewEntry.model_validate(parse_json(body))
    except ValidationError as error:
        mistakes = [
            {"pointer": "/" + "/".join(str(part) for part in mistake["loc"]), "detail": mistake["msg"]}
            for mistake in error.errors(include_url=False, include_context=False, include_input=False)
        ]
        raise Problem(422, 'An entry is {"text": "…"}.', errors=mistakes) from None
    return orjson.dumps(entry.model_dump())


def parse_json(body: bytes) -> object:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Problem(400, f"The body is not JSON: {error}") from None


def text_of(item: bytes) -> str:
    """A string says itself, an object with a string `text` says that; any other value says its JSON."""
    return _text(orjson.loads(item), item)


def _text(value: object, item: bytes) -> str:
    match value:
        case str(text) | {"text": str(text)}:
            return text
    return item.decode()


def render(record: Record) -> dict[str, str]:
    """The entry as `Entry` describes it."""
    return {
        "id": record.id,
        "text": text_of(record.item),
        "created": timestamp(record.created),
        "updated": timestamp(record.updated),
    }


def timestamp(microseconds: int) -> str:
    """RFC 3339 in UTC."""
    return (_EPOCH + timedelta(microseconds=microseconds)).isoformat(timespec="microseconds").replace("+00:00", "Z")
