"""The API's description (OpenAPI): its text, and what Litestar does not derive from the types of handlers."""

from typing import Any

from litestar import Litestar
from litestar.openapi import OpenAPIConfig, ResponseSpec
from litestar.openapi.spec import Server
from pydantic.alias_generators import to_camel

from .entry import MAX_LEVELS, MAX_PAGE, MAX_TEXT, NewEntry, ProblemDetails
from .problems import MAX_BODY

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
the moment of the answer: under load, one may hear of it some milliseconds after the client. While the storage
does not answer, a read gets what was said last, with its age in the header Age, unless a change was heard of since.

**Errors** are problem details (RFC 9457). 503 comes with Retry-After; a write that got it may have been made or not,
and can be repeated safely with the same Idempotency-Key.
"""
_PROBLEMS = {
    400: "Malformed: the body is not JSON, or a parameter is wrong.",
    401: "The request has no token of the sign-in that is valid.",
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
    "Journal-Version": {"description": "Version and commit of what answers.", "schema": {"type": "string"}},
    "Location": {"description": "Where the new entry is.", "schema": {"type": "string"}},
    "WWW-Authenticate": {"description": "What is wrong with the token (RFC 6750).", "schema": {"type": "string"}},
    "Age": {
        "description": "Seconds since the storage was found away; absent when it answers.",
        "schema": {"type": "integer"},
    },
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}},
}
_HEADERS_OF = {"201": ["Location"], "401": ["WWW-Authenticate"], "503": ["Retry-After"]}
_LOGIN = """
**Sign-in.** POST /auth/login with `{"name": …, "password": …}` answers a token, and sets it as a cookie. Send it as
`Authorization: Bearer TOKEN`; the journal's own page sends the cookie. `/api/version` says what needs it.
"""
_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
    "cookie": {"type": "apiKey", "in": "cookie", "name": "__Host-journal"},
}


def problems(*statuses: int) -> dict[int, ResponseSpec]:
    return {
        status: ResponseSpec(
            ProblemDetails,
            description=_PROBLEMS[status],
            media_type="application/problem+json",
            generate_examples=False,
        )
        for status in sorted(statuses)
    }


def describe(handlers: list[Any], version: str, *, login: bool = False) -> dict[str, Any]:
    """By an application that serves nothing: one that serves its description adds pages that the API has no use for."""
    config = OpenAPIConfig(
        title="Journal",
        version=version,
        description=_DESCRIPTION + (_LOGIN if login else ""),
        servers=[Server(url="/")],
        operation_id_creator=lambda handler, method, path: to_camel(handler.handler_name),
    )
    described = Litestar(handlers, openapi_config=config, logging_config=None).openapi_schema.to_schema()
    described["components"]["schemas"][NewEntry.__name__] = NewEntry.model_json_schema()  # Litestar's lacks its rules
    for method, operation in (pair for item in described["paths"].values() for pair in item.items()):
        for parameter in operation.get("parameters", ()):
            parameter["schema"].pop("oneOf", None) and parameter["schema"].update(type="string")  # null is not sent
        for status, response in operation["responses"].items():
            age = ["Age"] if method == "get" and status == "200" else []
            names = ["X-Request-ID", "Journal-Version", *age, *_HEADERS_OF.get(status, ())]
            response["headers"] = {name: _HEADERS[name] for name in names}
        if "401" in operation["responses"]:
            operation["security"] = [{name: []} for name in _SCHEMES]
    if login:
        described.setdefault("components", {})["securitySchemes"] = _SCHEMES
    return described
