"""Tokens: signed statements of who signed in, that the API verifies by itself (RFC 7519)."""

import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime

import jwt

from .keys import ALGORITHM, Watched, read_public, read_signing
from .settings import Settings

LEEWAY = 10
"""Seconds by which the clocks of two nodes may differ."""
CLAIMS = ["iss", "aud", "sub", "iat", "exp"]


@dataclass(frozen=True)
class Session:
    """Who is signed in, and until when."""

    user: str
    expires: datetime


class Tokens:
    """Makes tokens with the key that signs now, and reads those of every key that verifies."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._signing = Watched(settings.signing_key_file, read_signing)
        self.keys = Watched(settings.keys_file, read_public)

    def issue(self, user: str) -> tuple[str, Session]:
        key, now = self._signing.get(), int(time.time())
        expires = now + self._settings.session_seconds
        claims = {"iss": self._settings.issuer, "aud": self._settings.audience, "sub": user, "iat": now, "exp": expires}
        claims["jti"] = secrets.token_urlsafe(12)
        token = jwt.encode(claims, key.key, algorithm=ALGORITHM, headers={"kid": key.key_id})
        return token, Session(user, datetime.fromtimestamp(expires, UTC))

    def read(self, token: str) -> Session | None:
        """The session of a token; None for one that is not valid, or no longer."""
        try:
            key = self.keys.get().get(jwt.get_unverified_header(token).get("kid", ""))
            if key is None:
                return None
            said = jwt.decode(
                token,
                key.key,
                algorithms=[ALGORITHM],
                issuer=self._settings.issuer,
                audience=self._settings.audience,
                leeway=LEEWAY,
                options={"require": CLAIMS},
            )
        except jwt.InvalidTokenError:
            return None
        return Session(said["sub"], datetime.fromtimestamp(said["exp"], UTC))
