"""Which web pages may call the API: those of its own origin, and of the origins in the settings."""

from .http import Answer, Request
from .problem import Header, Problem

_ALLOWED_HEADERS = b"content-type, idempotency-key, x-request-id"
_EXPOSED_HEADERS = b"location, retry-after, x-request-id"
_READS = frozenset({"GET", "HEAD", "OPTIONS"})


class Cors:
    def __init__(self, origins: tuple[str, ...]) -> None:
        self._origins = frozenset(origins)
        self._vary: tuple[Header, ...] = ((b"vary", b"origin"),) if origins else ()

    def headers(self, origin: str) -> tuple[Header, ...]:
        """What to add to an answer. `origin` is the request's Origin header, "" when it has none."""
        if origin not in self._origins:
            return self._vary
        allowed = (
            (b"access-control-allow-origin", origin.encode()),
            (b"access-control-expose-headers", _EXPOSED_HEADERS),
        )
        return allowed + self._vary

    def check(self, request: Request, origin: str) -> None:
        """Raises Problem 403 when a page of a foreign origin wants to write: browsers send some writes unasked."""
        if not origin or request.method in _READS or origin in self._origins:
            return
        if origin.partition("://")[2] != request.header(b"host"):
            raise Problem(403, "Pages of this origin may not write to the journal.")

    def preflight(self, request: Request, origin: str, methods: bytes) -> Answer:
        """The answer to a browser's question. Raises Problem 403 for a foreign origin."""
        if origin not in self._origins:
            raise Problem(403, "Pages of this origin may not call the journal.")
        return Answer(
            204,
            b"",
            (
                (b"access-control-allow-methods", methods),
                (b"access-control-allow-headers", _ALLOWED_HEADERS),
                (b"access-control-max-age", b"600"),
            ),
        )
