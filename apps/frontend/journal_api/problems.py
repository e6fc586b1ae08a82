"""Errors as problem details (RFC 9457)."""

import logging
from http import HTTPStatus
from typing import Any

from litestar import Request, Response
from litestar.exceptions import HTTPException, MethodNotAllowedException, NotFoundException, ValidationException
from litestar.plugins.problem_details import ProblemDetailsException

from .redis_client import Full, Unavailable
from .store import KeyReused, NoEntry

MAX_BODY = 64 * 1024

log = logging.getLogger(__name__)


class Problem(ProblemDetailsException):
    """Ends a request with an error. `errors` names the mistakes one by one, by JSON pointer or parameter."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        errors: list[dict[str, str]] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        extra: dict[str, Any] = {} if errors is None else {"errors": errors}
        title = HTTPStatus(status).phrase
        super().__init__(
            detail=detail, status_code=status, type_="about:blank", title=title, headers=headers, extra=extra
        )

    def to_response(self, request: Request[Any, Any, Any]) -> Response[dict[str, Any]]:
        response = super().to_response(request)
        response.content["request_id"] = request.scope["state"]["request_id"]
        return response


def answer(request: Request[Any, Any, Any], error: Exception) -> Response[dict[str, Any]]:
    """The answer to a request that ended with any exception. What nobody foresaw is logged as an error."""
    fields = {"request_id": request.scope["state"]["request_id"]}
    match error:
        case Problem():
            problem = error
        case NoEntry(id=entry_id):
            problem = Problem(404, f"There is no entry {entry_id[:64]!r}.")
        case KeyReused():
            problem = Problem(422, "This Idempotency-Key came with another request before: choose a new one.")
        case Full():
            problem = Problem(507, f"The journal is full: {error} Delete entries, then write again.")
        case Unavailable():
            log.warning("redis cannot answer: %s", error, extra=fields)
            detail = "The journal's storage cannot answer now. A change that was asked for may have been made or not: "
            detail += "repeat it with the same Idempotency-Key."
            problem = Problem(503, detail, headers={"retry-after": "1"})
        case ValidationException():
            problem = _invalid(error)
        case NotFoundException():
            problem = Problem(404, f"There is nothing at {request.scope['path'][:256]!r}.")
        case MethodNotAllowedException():
            allowed = {name.upper() for name in (error.headers or {}).get("allow", "").split(", ")}
            names = ", ".join(sorted(allowed - {"OPTIONS"} | ({"HEAD"} if "GET" in allowed else set())))
            problem = Problem(405, f"Allowed here: {names}.", headers={"allow": names})
        case HTTPException(status_code=413):
            problem = Problem(413, f"The body is too large: {MAX_BODY:,} bytes are allowed.")
        case HTTPException(status_code=status) if status < 500:
            problem = Problem(status, error.detail, headers=error.headers)
        case _:
            log.error("a request failed", exc_info=error, extra=fields)
            problem = Problem(500, "The server made a mistake: its log knows more under this request id.")
    return problem.to_response(request)


def _invalid(error: ValidationException) -> Problem:
    """422 for a body that is not what its type says, 400 for a parameter."""
    found: list[dict[str, str]] = [dict(one) for one in error.extra or [] if isinstance(one, dict)]
    if any(one.get("source") in ("query", "header", "path") for one in found):
        errors = [{"parameter": one.get("key", ""), "detail": one["message"]} for one in found]
        return Problem(400, "A parameter is wrong.", errors=errors)
    errors = [{"pointer": "/" + one.get("key", "").replace(".", "/"), "detail": one["message"]} for one in found]
    return Problem(422, 'An entry is {"text": "…"}.', errors=errors)
