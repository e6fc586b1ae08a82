"""Errors as problem details (RFC 9457)."""

from http import HTTPStatus

import orjson

MEDIA_TYPE = b"application/problem+json"

Header = tuple[bytes, bytes]


class Problem(Exception):
    """Ends a request with an error. `errors` names the mistakes one by one, by JSON pointer or parameter."""

    def __init__(
        self, status: int, detail: str, *, errors: list[dict[str, str]] | None = None, headers: tuple[Header, ...] = ()
    ) -> None:
        super().__init__(detail)
        self.status, self.detail, self.headers = status, detail, headers
        self._errors = errors

    def body(self, request_id: str) -> bytes:
        details: dict[str, object] = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            "request_id": request_id,
        }
        if self._errors is not None:
            details["errors"] = self._errors
        return orjson.dumps(details)
