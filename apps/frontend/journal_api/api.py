"""The API: its routes, and what they check of a request.

Litestar, because it costs least: on two cores, 50 connections, one process, a handler that answers 1 kB made 14,500/s
against FastAPI's 9,750/s, a POST with a validated body 9,600/s against 6,100/s, in the same run.
"""

import hashlib
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import parse_qsl

from litestar import Litestar, delete, get, post, put
from litestar.config.cors import CORSConfig
from litestar.exceptions import HTTPException, MethodNotAllowedException
from litestar.params import FromPath, HeaderParameter, JSONBody, QueryParameter

from .description import describe, problems
from .entry import MAX_PAGE, Entry, LoginNeeds, NewEntry, Page, Version, item_of
from .http import AnyRequest, JsonRequest, JsonResponse
from .problems import MAX_BODY, Problem, answer
from .settings import Settings
from .store import ID, Record, Store

if TYPE_CHECKING:
    from .login import Access

# What a write may be answered but for success.
WRITE = (400, 403, 408, 413, 415, 422, 500, 503, 507)

Limit = Annotated[int, QueryParameter(ge=1, le=MAX_PAGE, description="How many entries at most.")]
Cursor = Annotated[
    str | None,
    QueryParameter(
        pattern=f"^{ID.pattern}$",
        description="The `next` of the page before. Opaque. Stays valid when entries are added or deleted.",
    ),
]
Key = Annotated[
    str | None,
    HeaderParameter(
        name="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern="^[!-~]+$",
        description="Remembered for a day: the same key and body again add nothing; another body gets 422.",
    ),
]


def _check_query(request: AnyRequest) -> None:
    """Refuses parameters that the route does not know, and those given twice."""
    allowed: tuple[str, ...] = request.route_handler.opt["query"]
    given = [name for name, _ in parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)]
    detail = f"unknown: {' and '.join(allowed) or 'none'} can be given"
    errors = [{"parameter": name, "detail": detail} for name in dict.fromkeys(given) if name not in allowed]
    errors += [{"parameter": name, "detail": "can be given once"} for name in allowed if given.count(name) > 1]
    if errors:
        raise Problem(400, "The query has wrong parameters.", errors=errors)


def _own_origin(request: AnyRequest) -> str:
    return f"{request.scope['scheme']}://{request.headers.get('host')}"


def _check_write(request: AnyRequest, origins: tuple[str, ...]) -> None:
    """Refuses pages of foreign origins, because browsers send some writes unasked, and more than one key."""
    origin = request.headers.get("origin")
    if origin and origin not in origins and origin != _own_origin(request):
        raise Problem(403, "Pages of this origin may not write to the journal.")
    if len(request.headers.getall("idempotency-key", [])) > 1:
        error = {"parameter": "Idempotency-Key", "detail": "can be given once"}
        raise Problem(400, "There is more than one Idempotency-Key.", errors=[error])


def application(settings: Settings, store: Store, access: "Access | None" = None) -> Litestar:
    """Handlers raise Problem for the client's mistakes. `problems.answer` knows what the store raises.

    access: what needs a token, where login is set.
    """
    origins, login = settings.web.cross_origin, settings.login
    needs = None if login is None else LoginNeeds(login.writes, login.reads == "signedIn")
    denied = () if login is None else (401,)
    write, read = (*WRITE, *denied), denied if needs is not None and needs.reads else ()
    shown, most = settings.journal_entries, min(settings.journal_entries, MAX_PAGE)

    async def check(request: AnyRequest) -> None:
        if request.method == "OPTIONS":  # a browser's question was answered before
            methods = request.app.route_handler_method_map[request.scope["path_template"]]
            raise MethodNotAllowedException(headers={"allow": ", ".join(methods)})
        if request.method != "GET":
            _check_write(request, origins)
        elif request.scope["query_string"] and "query" in request.route_handler.opt:
            _check_query(request)
        if access is not None and "open" not in request.route_handler.opt:
            access.check(request.scope, origin=request.headers.get("origin"), own=_own_origin(request))

    async def append(request: AnyRequest, item: bytes, key: str | None, newest: int = 0) -> tuple[Record, list[Record]]:
        sent = hashlib.sha256(request.scope["path"].encode() + b" " + item).hexdigest() if key else ""
        return await store.append(item, newest=newest, key=key, fingerprint=sent)

    @get("/api", summary="The newest entries as they were sent", responses=problems(500, 503, *read))
    async def show_journal() -> JsonResponse[list[Any]]:
        return _items(await store.newest(shown))

    @post(
        "/api",
        status_code=200,
        opt={"any_text": True},
        summary="Append any JSON value and answer the newest entries, the new one first",
        responses=problems(*write),
    )
    async def append_to_journal(request: AnyRequest, data: JSONBody[Any], key: Key = None) -> JsonResponse[list[Any]]:
        _, newest = await append(request, item_of(data), key, newest=shown)
        return _items(newest)

    @get(
        "/api/entries",
        opt={"query": ("limit", "cursor")},
        summary="A page of entries",
        responses=problems(400, 500, 503, *read),
    )
    async def list_entries(limit: Limit = most, cursor: Cursor = None) -> Page:
        found = await store.newest(limit + 1, before=cursor)
        page = found[:limit]
        return Page([Entry.of(record) for record in page], page[-1].id if len(found) > limit else None)

    @post(
        "/api/entries",
        summary="Add an entry",
        response_description="The new entry. The same for the same Idempotency-Key and body.",
        responses=problems(*write),
    )
    async def add_entry(request: AnyRequest, data: JSONBody[NewEntry], key: Key = None) -> JsonResponse[Entry]:
        record, _ = await append(request, data.item, key)
        return JsonResponse(Entry.of(record), headers={"location": f"/api/entries/{record.id}"})

    @get("/api/entries/{id:str}", opt={"query": ()}, summary="One entry", responses=problems(400, 404, 500, 503, *read))
    async def get_entry(id: FromPath[str]) -> Entry:
        return Entry.of(await store.get(id))

    @put("/api/entries/{id:str}", summary="Replace an entry", responses=problems(404, *write))
    async def replace_entry(id: FromPath[str], data: JSONBody[NewEntry]) -> Entry:
        return Entry.of(await store.replace(id, data.item))

    @delete("/api/entries/{id:str}", summary="Delete an entry", responses=problems(403, 404, 500, 503, *denied))
    async def delete_entry(id: FromPath[str]) -> None:
        await store.delete(id)

    @get("/api/version", opt={"query": (), "open": True}, summary="What runs here", responses=problems(400, 500))
    async def get_version() -> Version:
        return Version(settings.version, settings.commit, settings.environment, needs)

    @get("/api/openapi.json", opt={"open": True}, summary="This description", responses=problems(500))
    async def get_description() -> JsonResponse[dict[str, Any]]:
        return JsonResponse(description)

    handlers = [
        show_journal,
        append_to_journal,
        list_entries,
        add_entry,
        get_entry,
        replace_entry,
        delete_entry,
        get_version,
        get_description,
    ]
    description = describe(handlers, settings.version, login=login is not None)
    cors = CORSConfig(
        allow_origins=list(origins),
        allow_methods=["GET", "HEAD", "POST", "PUT", "DELETE"],
        allow_headers=["content-type", "idempotency-key", "x-request-id", *(["authorization"] if login else [])],
        expose_headers=["age", "journal-version", "location", "retry-after", "x-request-id"],
    )
    return Litestar(
        handlers,
        request_class=JsonRequest,
        response_class=JsonResponse,
        before_request=check,
        request_max_body_size=MAX_BODY,
        exception_handlers={HTTPException: answer, Exception: answer},
        cors_config=cors if origins else None,
        openapi_config=None,
        logging_config=None,
    )


def _items(records: list[Record]) -> JsonResponse[list[Any]]:
    return JsonResponse(b"[" + b",".join(record.item for record in records) + b"]")  # ty: ignore
