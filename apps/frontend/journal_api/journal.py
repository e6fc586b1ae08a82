"""What the API does: the handlers of its routes."""

import re

from .entry import parse_item, parse_new_entry, render
from .http import Answer, Request, json_answer
from .problem import Problem
from .settings import Settings
from .store import ID, Idempotency, KeyReused, Record, Store

MAX_PAGE = 100
_KEY = re.compile(r"[\x21-\x7e]{1,255}")


class Journal:
    """Handlers raise Problem for the client's mistakes and Unavailable when Redis cannot answer."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._store = store
        self._shown = settings.journal_entries
        self._page = min(settings.journal_entries, MAX_PAGE)
        about = {"version": settings.version, "commit": settings.commit, "environment": settings.environment}
        self._version = json_answer(about)

    async def version(self, request: Request) -> Answer:
        request.parameters()
        return self._version

    async def show(self, request: Request) -> Answer:
        """The newest entries as the book's clients read them."""
        return _items(await self._store.newest(self._shown))

    async def add_item(self, request: Request) -> Answer:
        """Any JSON, as the book's clients post it. The array is read in the same step on the primary."""
        item = parse_item(await request.body(any_text=True))
        _, newest = await self._append(request, item, newest=self._shown)
        return _items(newest)

    async def list_entries(self, request: Request) -> Answer:
        parameters = request.parameters("limit", "cursor")
        limit, cursor = _limit(parameters.get("limit"), self._page), _cursor(parameters.get("cursor"))
        found = await self._store.newest(limit + 1, before=cursor)
        page = found[:limit]
        return json_answer(
            {"entries": [render(record) for record in page], "next": page[-1].id if len(found) > limit else None}
        )

    async def add_entry(self, request: Request) -> Answer:
        item = parse_new_entry(await request.body())
        entry_id, _ = await self._append(request, item)
        created = Record(entry_id, int(entry_id[:13], 16), item)
        return json_answer(render(created), 201, (b"location", f"/api/entries/{entry_id}".encode()))

    async def get_entry(self, request: Request) -> Answer:
        request.parameters()
        record = await self._store.get(_known_form(request))
        return _entry(record, request)

    async def replace_entry(self, request: Request) -> Answer:
        item = parse_new_entry(await request.body())
        record = await self._store.replace(_known_form(request), item)
        return _entry(record, request)

    async def delete_entry(self, request: Request) -> Answer:
        deleted = await self._store.delete(_known_form(request))
        if not deleted:
            raise _unknown(request)
        return Answer(204, b"")

    async def _append(self, request: Request, item: bytes, newest: int = 0) -> tuple[str, list[Record]]:
        try:
            return await self._store.append(item, newest=newest, idempotency=_idempotency(request, item))
        except KeyReused:
            raise Problem(422, "This Idempotency-Key came with another request before: choose a new one.") from None


def _items(records: list[Record]) -> Answer:
    return Answer(200, b"[" + b",".join(record.item for record in records) + b"]")


def _entry(record: Record | None, request: Request) -> Answer:
    if record is None:
        raise _unknown(request)
    return json_answer(render(record))


def _unknown(request: Request) -> Problem:
    return Problem(404, f"There is no entry {request.values[0][:64]!r}.")


def _known_form(request: Request) -> str:
    (entry_id,) = request.values
    if not ID.fullmatch(entry_id):
        raise _unknown(request)
    return entry_id


def _limit(given: str | None, default: int) -> int:
    if given is None:
        return default
    if not re.fullmatch(r"[0-9]{1,9}", given) or not 1 <= int(given) <= MAX_PAGE:
        error = {"parameter": "limit", "detail": f"must be a whole number from 1 to {MAX_PAGE}"}
        raise Problem(400, "The page size is wrong.", errors=[error])
    return int(given)


def _cursor(given: str | None) -> str | None:
    if given is not None and not ID.fullmatch(given):
        error = {"parameter": "cursor", "detail": "must be the `next` of an earlier page"}
        raise Problem(400, "The cursor is wrong.", errors=[error])
    return given


def _idempotency(request: Request, item: bytes) -> Idempotency | None:
    key = request.header(b"idempotency-key")
    if not key:
        return None
    if not _KEY.fullmatch(key):
        raise Problem(400, "An Idempotency-Key has 1 to 255 visible ASCII characters.")
    return Idempotency(key, request.path.encode() + b" " + item)
