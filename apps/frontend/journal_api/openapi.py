"""The API's description: OpenAPI 3.1."""

import orjson
from pydantic.json_schema import models_json_schema

from .entry import MAX_TEXT, Entry, NewEntry
from .http import MAX_BODY
from .journal import MAX_PAGE

_DESCRIPTION = f"""\
A journal: entries, newest first.

**Two views of the same entries.** `/api/entries` is for new clients. `/api` is for those of the book's journal: a POST
appends any JSON value, and GET answers an array with the values as they were sent, whichever way they came in: what
was posted to `/api`, and the `{{"text": …}}` of `/api/entries`. Seen from `/api/entries`, a value that is a string,
or an object with a string `text`, has that as its text; any other value has its JSON as its text. A PUT replaces the
whole value by its `{{"text": …}}`. Numbers are kept as doubles, and of repeated keys in an object the last is kept.

**Limits.** A body has at most {MAX_BODY:,} bytes, a text at most {MAX_TEXT:,} characters, a page at most {MAX_PAGE}
entries, JSON at most 250 levels.

**What a read sees.** A write is on the primary when it is answered. The answer of `POST /api` holds the new entry.
Reads go to replicas; for a second after any change they go to the primary, because replicas lag by tens of ms. So
a GET after an answered write sees it, unless the storage is failing over at that moment.

**Errors** are problem details (RFC 9457). 503 comes with Retry-After; a write that got it may have been made or not,
and can be repeated safely with the same Idempotency-Key.
"""

_REF = "#/components/schemas/{model}"


def document(version: str) -> bytes:
    """The description as JSON."""
    _, models = models_json_schema([(NewEntry, "validation"), (Entry, "serialization")], ref_template=_REF)
    schemas = {**models["$defs"], "Page": _PAGE, "Version": _VERSION, "Problem": _PROBLEM}
    return orjson.dumps(
        {
            "openapi": "3.1.0",
            "info": {"title": "Journal", "version": version, "description": _DESCRIPTION},
            "servers": [{"url": "/"}],
            "paths": _paths(),
            "components": {"schemas": schemas, "parameters": _PARAMETERS, "headers": _HEADERS},
        }
    )


def _ref(kind: str, name: str) -> dict[str, str]:
    return {"$ref": f"#/components/{kind}/{name}"}


def _body(schema: dict, media_type: str = "application/json") -> dict:
    return {"content": {media_type: {"schema": schema}}}


def _answers(*problems: int, **good: tuple[str, dict | None]) -> dict:
    """Responses: `_201=(description, schema)`, and the status codes of the problems this operation may answer."""
    answers: dict[str, dict] = {}
    for status, (description, schema) in good.items():
        content = {} if schema is None else _body(schema)
        answers[status.removeprefix("_")] = {"description": description, "headers": _ANSWER_HEADERS, **content}
    for status in problems:
        headers = (
            {**_ANSWER_HEADERS, "Retry-After": _ref("headers", "RetryAfter")} if status == 503 else _ANSWER_HEADERS
        )
        problem = _body(_ref("schemas", "Problem"), "application/problem+json")
        answers[str(status)] = {"description": _PROBLEMS[status], "headers": headers, **problem}
    return answers


def _paths() -> dict:
    items = {"type": "array", "items": {}, "examples": [[{"text": "Rain all day."}, "a string"]]}
    entry, page, version = (_ref("schemas", name) for name in ("Entry", "Page", "Version"))
    new_entry = {"required": True, **_body(_ref("schemas", "NewEntry"))}
    key = {"parameters": [_ref("parameters", "IdempotencyKey")]}
    paging = {"parameters": [_ref("parameters", "Limit"), _ref("parameters", "Cursor")]}
    write = (403, 408, 413, 415, 422, 500, 503)
    return {
        "/api": {
            "get": _operation(
                "showJournal", "The newest entries as they were sent", _answers(500, 503, _200=("", items))
            ),
            "post": _operation(
                "appendToJournal",
                "Append any JSON value and answer the newest entries",
                _answers(400, *write, _200=("The newest entries, the new one first.", items)),
                requestBody={"required": True, **_body({})},
                **key,
            ),
        },
        "/api/entries": {
            "get": _operation("listEntries", "A page of entries", _answers(400, 500, 503, _200=("", page)), **paging),
            "post": _operation("addEntry", "Add an entry", _created(entry, 400, *write), requestBody=new_entry, **key),
        },
        "/api/entries/{id}": {
            "parameters": [_ref("parameters", "Id")],
            "get": _operation("getEntry", "One entry", _answers(400, 404, 500, 503, _200=("", entry))),
            "put": _operation(
                "replaceEntry", "Replace an entry", _answers(400, 404, *write, _200=("", entry)), requestBody=new_entry
            ),
            "delete": _operation(
                "deleteEntry", "Delete an entry", _answers(403, 404, 500, 503, _204=("Deleted.", None))
            ),
        },
        "/api/version": {
            "get": _operation("getVersion", "What runs here", _answers(400, 500, _200=("", version))),
        },
        "/api/openapi.json": {
            "get": _operation("getDescription", "This description", _answers(500, _200=("", {"type": "object"}))),
        },
    }


def _created(entry: dict, *problems: int) -> dict:
    answers = _answers(*problems, _201=("The new entry. The same for the same Idempotency-Key and body.", entry))
    answers["201"]["headers"] = {**_ANSWER_HEADERS, "Location": _ref("headers", "Location")}
    return answers


def _operation(operation_id: str, summary: str, responses: dict, **more: object) -> dict:
    for response in responses.values():
        response["description"] = response["description"] or f"{summary}."
    return {"operationId": operation_id, "summary": summary, "responses": responses, **more}


_STRING = {"type": "string"}
_ANSWER_HEADERS = {"X-Request-ID": {"$ref": "#/components/headers/RequestId"}}
_HEADERS = {
    "RequestId": {"description": "The request's id in the logs: its own X-Request-ID when sane.", "schema": _STRING},
    "RetryAfter": {"description": "Seconds to wait.", "schema": {"type": "integer"}},
    "Location": {"description": "Where the new entry is.", "schema": _STRING},
}
_PARAMETERS = {
    "Id": {"name": "id", "in": "path", "required": True, "description": "The id of an entry.", "schema": _STRING},
    "Limit": {
        "name": "limit",
        "in": "query",
        "description": "How many entries at most. As many as the journal shows when absent.",
        "schema": {"type": "integer", "minimum": 1, "maximum": MAX_PAGE},
    },
    "Cursor": {
        "name": "cursor",
        "in": "query",
        "description": "The `next` of the page before. Opaque. Stays valid when entries are added or deleted.",
        "schema": _STRING,
    },
    "IdempotencyKey": {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "Remembered for a day: the same key and body again add nothing; another body gets 422.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    },
}
_PAGE = {
    "type": "object",
    "required": ["entries", "next"],
    "properties": {
        "entries": {"type": "array", "items": {"$ref": "#/components/schemas/Entry"}},
        "next": {"type": ["string", "null"], "description": "The cursor of the next page, null on the last."},
    },
}
_VERSION = {
    "type": "object",
    "required": ["version", "commit", "environment"],
    "properties": {"version": _STRING, "commit": _STRING, "environment": _STRING},
}
_MISTAKE = {
    "type": "object",
    "required": ["detail"],
    "properties": {"pointer": _STRING, "parameter": _STRING, "detail": _STRING},
}
_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "request_id"],
    "properties": {
        "type": _STRING,
        "title": _STRING,
        "status": {"type": "integer"},
        "detail": _STRING,
        "request_id": _STRING,
        "errors": {"type": "array", "items": _MISTAKE},
    },
}
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
}
