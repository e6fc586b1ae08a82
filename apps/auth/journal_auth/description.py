"""The sign-in's description (OpenAPI): its text, and what Litestar does not derive from the types of handlers."""

from typing import Any

import msgspec
from litestar import Litestar
from litestar.openapi import OpenAPIConfig, ResponseSpec
from litestar.openapi.spec import Server
from pydantic.alias_generators import to_camel

_DESCRIPTION = """\
Changes a name and a password for a token that the journal's API takes, and that is valid for some minutes.

A page is signed in by the cookie of the answer; any other client sends the token as `Authorization: Bearer TOKEN`.
Attempts are counted by name and by client address: 429 says when to come back. The token is a JWT signed with Ed25519
by one of the keys at `/auth/keys` (RFC 7517). **Errors** are problem details (RFC 9457).
"""
_PROBLEMS = {
    400: "The body is not JSON.",
    401: "The name or the password is wrong, or nobody is signed in.",
    403: "A web page of a foreign origin asks.",
    413: "The body is too large.",
    415: "The body is not JSON by its header.",
    422: "The JSON is no name and password.",
    429: "Too many attempts.",
    500: "The server made a mistake.",
    503: "Too many sign-ins at once.",
}
_RETRY_AFTER = {"description": "Seconds to wait.", "schema": {"type": "integer"}}


class ProblemDetails(msgspec.Struct):
    """An error (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    request_id: str


def problems(*statuses: int) -> dict[int, ResponseSpec]:
    return {
        status: ResponseSpec(
            ProblemDetails,
            description=_PROBLEMS[status],
            media_type="application/problem+json",
            generate_examples=False,
        )
        for status in statuses
    }


def describe(handlers: list[Any], version: str) -> dict[str, Any]:
    """By an application that serves nothing: one that serves its description adds pages that nobody has a use for."""
    config = OpenAPIConfig(
        title="Journal: sign-in",
        version=version,
        description=_DESCRIPTION,
        servers=[Server(url="/")],
        operation_id_creator=lambda handler, method, path: to_camel(handler.handler_name),
    )
    described = Litestar(handlers, openapi_config=config, logging_config=None).openapi_schema.to_schema()
    described["components"]["schemas"]["Login"]["additionalProperties"] = False  # Litestar does not say it
    for operation in (operation for item in described["paths"].values() for operation in item.values()):
        for status in ("429", "503"):
            if status in operation["responses"]:
                operation["responses"][status]["headers"] = {"Retry-After": _RETRY_AFTER}
    return described
