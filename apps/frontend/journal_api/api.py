"""The API: its routes, and the types and errors of which its description is made.

Litestar, because it costs least: on two cores, 50 connections, one process, a handler that answers 1 kB made 14,500/s
against FastAPI's 9,750/s, a POST with a validated body 9,600/s against 6,100/s, in the same run.
"""

import hashlib
from typing import Annotated, Any
from urllib.parse import parse_qsl

from litestar import Litestar, delete, get, post, put
from litestar.config.cors import CORSConfig
from litestar.exceptions import HTTPException, MethodNotAllowedException
from litestar.openapi import OpenAPIConfig, ResponseSpec
from litestar.openapi.spec import Server
from litestar.params import FromPath, HeaderParameter, JSONBody, QueryParameter
from pydantic.alias_generators import to_camel

from .entry import MAX_LEVELS, MAX_TEXT, Entry, NewEntry, Page, ProblemDetails, Version, item_of
from .http import AnyRequest, JsonRequest, JsonResponse
from .problems import MAX_BODY, Problem, answer
from .settings import Settings
from .store import ID, Record, Store

MAX_PAGE = 100

_DESCRIPTION = f"""\
A journal: entries, newest first.

**Two views of the same entries.** `/api/entries` is for new clients. `/api` is for those of the book's journal: a POST
appends any JSON value, and GET answers an array with the values as they were sent, whichever way they came in: what
was posted to `/api`, and the `{{"text": …}}` of `/api/entries`. Seen from `/api/entries`, a value that is a string,
or an object with a string `text`, has that as its text; any other value has its JSON as its text. A PUT replaces the
whole value by its `{{"text": …}}`. Whole numbers from -2^63 to 2^64-1 are kept exactly, all others as doubles; of
repeated keys in an object the last is kept.

**Limits.** A body has at most {MAX_BODY:,} bytes, a text at most {MAX_TEXT:,} characters, a page at most {MAX_PAGE}
entries, JSON at most {MAX_LEVELS} levels. A journal that is full answers 507 to what would add to it, and goes on
reading and deleting.

**What a read sees.** A write is on the primary when it is answered. The answer of `POST /api` holds the new entry.
Reads go to replicas; for a second after any change they go to the primary, because replicas lag by tens of ms. So
a GET after an answered write sees it, unless the storage is failing over at that moment. Other processes are told at
the moment of the answer: under load, one may hear of it some milliseconds after the client.

**Errors** are problem details (RFC 9457). 503 comes with Retry-After; a write that got it may have been made or not,
and can be repeated safely with the same Idempotency-Key.
"""
_PROBLEMS = {
    400: "Malformed: the body is not JSON, or a parameter is wrong.",
    403: "The Origin header names a web page of a foreign origin.",
    404: "There is no such entry.",
    408: "The body took too long.",
    413: "The body is too large.",
    415: "The body is not UTF-8 JSON by its headers.",
    422: "The JSON is not an entry, or the Idempotency-Key came with another request before.",
    500: "The server made a mistake.",
    503: "The storage cannot answer now.",
    507: "The journal is full.",
}
_HEADERS = {
    "X-Request-ID": {"description": "The id in the logs: the request's own when sane.", "schema": {"type": "string"}},
    "Location": {"description": "Where the new entry is.", "schema": {"type": "string"}},
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}},
}
_HEADERS_OF = {"201": ["Location"], "503": ["Retry-After"]}
_WRITE = (400, 403, 408, 413, 415, 422, 500, 503, 507)

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


def _check_write(request: AnyRequest, origins: tuple[str, ...]) -> None:
    """Refuses pages of foreign origins, because browsers send some writes unasked, and more than one key."""
    origin = request.headers.get("origin")
    own = f"{request.scope['scheme']}://{request.headers.get('host')}"
    if origin and origin not in origins and origin != own:
        raise Problem(403, "Pages of this origin may not write to the journal.")
    if len(request.headers.getall("idempotency-key", [])) > 1:
        error = {"parameter": "Idempotency-Key", "detail": "can be given once"}
        raise Problem(400, "There is more than one Idempotency-Key.", errors=[error])


def application(settings: Settings, store: Store) -> Litestar:
    """Handlers raise Problem for the client's mistakes. `problems.answer` knows what the store raises."""
    origins = settings.web.cross_origin
    shown, most = settings.journal_entries, min(settings.journal_entries, MAX_PAGE)

    async def check(request: AnyRequest) -> None:
        if request.method == "OPTIONS":  # a browser's question was answered before
            methods = request.app.route_handler_method_map[request.scope["path_template"]]
            raise MethodNotAllowedException(headers={"allow": ", ".join(methods)})
        if request.method != "GET":
            _check_write(request, origins)
        elif request.scope["query_string"] and "query" in request.route_handler.opt:
            _check_query(request)

    async def append(request: AnyRequest, item: bytes, key: str | None, newest: int = 0) -> tuple[Record, list[Record]]:
        sent = hashlib.sha256(request.scope["path"].encode() + b" " + item).hexdigest() if key else ""
        return await store.append(item, newest=newest, key=key, fingerprint=sent)

    @get("/api", summary="The newest entries as they were sent", responses=_problems(500, 503))
    async def show_journal() -> JsonResponse[list[Any]]:
        return _items(await store.newest(shown))

    @post(
        "/api",
        status_code=200,
        opt={"any_text": True},
        summary="Append any JSON value and answer the newest entries, the new one first",
        responses=_problems(*_WRITE),
    )
    async def append_to_journal(request: AnyRequest, data: JSONBody[Any], key: Key = None) -> JsonResponse[list[Any]]:
        _, newest = await append(request, item_of(data), key, newest=shown)
        return _items(newest)

    @get(
        "/api/entries",
        opt={"query": ("limit", "cursor")},
        summary="A page of entries",
        responses=_problems(400, 500, 503),
    )
    async def list_entries(limit: Limit = most, cursor: Cursor = None) -> Page:
        found = await store.newest(limit + 1, before=cursor)
        page = found[:limit]
        return Page([Entry.of(record) for record in page], page[-1].id if len(found) > limit else None)

    @post(
        "/api/entries",
        summary="Add an entry",
        response_description="The new entry. The same for the same Idempotency-Key and body.",
        responses=_problems(*_WRITE),
    )
    async def add_entry(request: AnyRequest, data: JSONBody[NewEntry], key: Key = None) -> JsonResponse[Entry]:
        record, _ = await append(request, data.item, key)
        return JsonResponse(Entry.of(record), headers={"location": f"/api/entries/{record.id}"})

    @get("/api/entries/{id:str}", opt={"query": ()}, summary="One entry", responses=_problems(400, 404, 500, 503))
    async def get_entry(id: FromPath[str]) -> Entry:
        return Entry.of(await store.get(id))

    @put("/api/entries/{id:str}", summary="Replace an entry", responses=_problems(404, *_WRITE))
    async def replace_entry(id: FromPath[str], data: JSONBody[NewEntry]) -> Entry:
        return Entry.of(await store.replace(id, data.item))

    @delete("/api/entries/{id:str}", summary="Delete an entry", responses=_problems(403, 404, 500, 503))
    async def delete_entry(id: FromPath[str]) -> None:
        await store.delete(id)

    @get("/api/version", opt={"query": ()}, summary="What runs here", responses=_problems(400, 500))
    async def get_version() -> Version:
        return Version(settings.version, settings.commit, settings.environment)

    @get("/api/openapi.json", summary="This description", responses=_problems(500))
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
    description = _description(handlers, settings.version)
    cors = CORSConfig(
        allow_origins=list(origins),
        allow_methods=["GET", "HEAD", "POST", "PUT", "DELETE"],
        allow_headers=["content-type", "idempotency-key", "x-request-id"],
        expose_headers=["location", "retry-after", "x-request-id"],
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


def _description(handlers: list[Any], version: str) -> dict[str, Any]:
    """By an application that serves nothing: one that serves its description adds pages that the API has no use for."""
    config = OpenAPIConfig(
        title="Journal",
        version=version,
        description=_DESCRIPTION,
        servers=[Server(url="/")],
        operation_id_creator=lambda handler, method, path: to_camel(handler.handler_name),
    )
    described = Litestar(handlers, openapi_config=config, logging_config=None).openapi_schema.to_schema()
    for operation in (operation for item in described["paths"].values() for operation in item.values()):
        for parameter in operation.get("parameters", ()):
            parameter["schema"].pop("oneOf", None) and parameter["schema"].update(type="string")  # null is not sent
        for status, response in operation["responses"].items():
            names = ["X-Request-ID", *_HEADERS_OF.get(status, ())]
            response["headers"] = {name: _HEADERS[name] for name in names}
    return described


def _problems(*statuses: int) -> dict[int, ResponseSpec]:
    return {
        status: ResponseSpec(
            ProblemDetails,
            description=_PROBLEMS[status],
            media_type="application/problem+json",
            generate_examples=False,
        )
        for status in sorted(statuses)
    }


def _items(records: list[Record]) -> JsonResponse[list[Any]]:
    return JsonResponse(b"[" + b",".join(record.item for record in records) + b"]")  # ty: ignore
