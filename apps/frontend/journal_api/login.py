"""Who may ask: tokens of the sign-in, verified by its public keys, from a file that changes while the process runs.

Nothing is asked of the sign-in itself, so what a request is answered does not depend on whether it runs. Imported where
login is set, and nowhere else.
"""

import json
import logging
from collections.abc import Mapping
from typing import Any

import jwt
from litestar.types import HTTPScope

from .problems import Problem
from .settings import Login

ALGORITHMS = ["EdDSA"]
COOKIE = b"__Host-journal"
CLAIMS = ["iss", "aud", "sub", "iat", "exp"]
LEEWAY = 10
"""Seconds by which the clocks of two nodes may differ."""

log = logging.getLogger(__name__)


class Keys:
    """The public keys of a JWK set in a file, by their id. One that is wrong is not taken."""

    def __init__(self, settings: Login) -> None:
        self._path, self._seen = settings.keys_file, settings.keys_file.stat()
        self._keys = read_keys(self._path.read_bytes())

    def get(self, kid: str) -> jwt.PyJWK | None:
        """The key, looked for in the file as it is now: a file that has not changed costs some microseconds."""
        try:
            found = self._path.stat()
            if (found.st_ino, found.st_mtime_ns) != (self._seen.st_ino, self._seen.st_mtime_ns):
                self._seen, self._keys = found, read_keys(self._path.read_bytes())
                log.info("the keys that verify are read again: %s", ", ".join(self._keys))
        except (OSError, ValueError) as error:
            log.warning("the keys that were read before stay in use: %s", error)
        return self._keys.get(kid)


def read_keys(content: bytes) -> Mapping[str, jwt.PyJWK]:
    """The Ed25519 keys of a JWK set, by their id. Raises ValueError, whose message holds none of the content."""
    try:
        keys = json.loads(content)["keys"]
        found = {key["kid"]: jwt.PyJWK.from_dict(key, ALGORITHMS[0]) for key in keys if key["crv"] == "Ed25519"}
    except (ValueError, LookupError, TypeError, jwt.PyJWTError):
        raise ValueError("the file is no JWK set of Ed25519 keys (RFC 8037)") from None
    if not found:
        raise ValueError("the file holds no key")
    return found


class Refused(Exception):
    """Why a request is not let in. `error` is for its WWW-Authenticate (RFC 6750, 3.1), "" where no token came."""

    def __init__(self, detail: str, error: str = "invalid_token") -> None:
        super().__init__(detail)
        self.error = error


class Access:
    """What needs a token, and whether a request has one."""

    def __init__(self, settings: Login) -> None:
        self._settings, self._keys = settings, Keys(settings)

    def may_read(self, scope: HTTPScope) -> bool:
        """Whether an answer that is kept in memory may be given."""
        try:
            if self._needs(scope):
                self._user(scope)
        except Refused:
            return False
        return True

    def check(self, scope: HTTPScope, *, origin: str | None, own: str) -> None:
        """Lets a request go on, with `user` in its state where a token is needed. Raises Problem 401 and 403.

        origin: the request's Origin. own: the journal's. A write by cookie must come from the journal's own page: a
        browser sends the cookie with what any page of the same site asks for.
        """
        if not self._needs(scope):
            return
        try:
            by_cookie = self._user(scope)
        except Refused as refused:
            challenge = 'Bearer realm="journal"'
            if refused.error:
                challenge += f', error="{refused.error}", error_description="{refused}"'
            raise Problem(401, f"{refused} Sign in first.", headers={"www-authenticate": challenge}) from None
        if by_cookie and not _reads(scope) and not _is_own(scope, origin, own):
            raise Problem(403, "Only the journal's own page may write by cookie: send the token as a bearer instead.")

    def _needs(self, scope: HTTPScope) -> bool:
        return self._settings.reads == "signedIn" if _reads(scope) else self._settings.writes

    def _user(self, scope: HTTPScope) -> bool:
        """Whether the token came by cookie. One in the header is the one that counts. Raises Refused."""
        given = [value for name, value in scope["headers"] if name == b"authorization"]
        if len(given) > 1:
            raise Refused("There is more than one Authorization.", "invalid_request")
        scheme, _, token = given[0].partition(b" ") if given else (b"", b"", b"")
        by_cookie = scheme.lower() != b"bearer"
        token = _cookie(scope) if by_cookie else token.strip()
        if not token:
            raise Refused("There is no token.", "" if by_cookie else "invalid_token")
        scope["state"]["user"] = self._verified(token)["sub"]
        return by_cookie

    def _verified(self, token: bytes) -> dict[str, Any]:
        try:
            key = self._keys.get(str(jwt.get_unverified_header(token).get("kid")))
            if key is None:
                raise Refused("The token is signed by a key that is not known.")
            return jwt.decode(
                token,
                key.key,
                algorithms=ALGORITHMS,
                issuer=self._settings.issuer,
                audience=self._settings.audience,
                leeway=LEEWAY,
                options={"require": CLAIMS},
            )
        except jwt.ExpiredSignatureError:
            raise Refused("The token has expired.") from None
        except jwt.InvalidTokenError:
            raise Refused("The token is not valid.") from None


def _reads(scope: HTTPScope) -> bool:
    return scope["method"] in ("GET", "HEAD")


def _cookie(scope: HTTPScope) -> bytes:
    for name, value in scope["headers"]:
        if name == b"cookie":
            for part in value.split(b";"):
                key, _, token = part.strip().partition(b"=")
                if key == COOKIE:
                    return token
    return b""


def _is_own(scope: HTTPScope, origin: str | None, own: str) -> bool:
    """By Sec-Fetch-Site where the browser sends it, and by Origin, which every browser sends with a write."""
    site = next((value for name, value in scope["headers"] if name == b"sec-fetch-site"), None)
    return site in (None, b"same-origin") and (origin == own or (origin is None and site == b"same-origin"))
