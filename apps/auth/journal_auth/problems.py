"""Errors as problem details (RFC 9457), as the API has them."""

import logging
from http import HTTPStatus
from typing import Any

from litestar import Request, Response
from litestar.exceptions import HTTPException, MethodNotAllowedException, NotFoundException, ValidationException
from litestar.plugins.problem_details import ProblemDetailsException

MAX_BODY = 8 * 1024

log = logging.getLogger(__name__)


class Problem(ProblemDetailsException):
    """Ends a request with an error."""

    def __init__(self, status: int, detail: str, headers: dict[str, str] | None = None) -> None:
        title = HTTPStatus(status).phrase
        super().__init__(detail=detail, status_code=status, type_="about:blank", title=title, headers=headers)

    def to_response(self, request: Request[Any, Any, Any]) -> Response[dict[str, Any]]:
        response = super().to_response(request)
        response.content["request_id"] = request.scope["state"]["request_id"]
        return response


def answer(request: Request[Any, Any, Any], error: Exception) -> Response[dict[str, Any]]:
    """The answer to a request that ended with any exception. What nobody foresaw is logged as an error."""
    match error:
        case Problem():
            problem = error
        case ValidationException():
            problem = Problem(422, 'The body must be {"name": "…", "password": "…"}.')
        case NotFoundException():
            problem = Problem(404, f"There is nothing at {request.scope['path'][:256]!r}.")
        case MethodNotAllowedException():
            problem = Problem(405, "This method is not allowed here.", headers=error.headers)
        case HTTPException(status_code=413):
            problem = Problem(413, f"The body is too large: {MAX_BODY:,} bytes are allowed.")
        case HTTPException(status_code=400):
            problem = Problem(400, "The body is not JSON.")
        case HTTPException(status_code=status) if status < 500:
            problem = Problem(status, error.detail, headers=error.headers)
        case _:
            log.error("a request failed", exc_info=error, extra={"request_id": request.scope["state"]["request_id"]})
            problem = Problem(500, "The server made a mistake: its log knows more under this request id.")
    return problem.to_response(request)
