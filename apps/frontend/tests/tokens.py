"""Tokens as the sign-in makes them, and its keys in a file."""

import base64
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

ISSUER, AUDIENCE = "https://journal.test/auth", "https://journal.test/api"


class Key:
    """An Ed25519 key."""

    def __init__(self, kid: str) -> None:
        self.kid, self.private = kid, Ed25519PrivateKey.generate()
        raw = self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        x = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
        self.jwk = {"kty": "OKP", "crv": "Ed25519", "x": x, "kid": kid, "use": "sig", "alg": "EdDSA"}

    def token(self, **claims: Any) -> str:
        """A good token, some of its claims changed; None takes one out."""
        now = int(time.time())
        said = {"iss": ISSUER, "aud": AUDIENCE, "sub": "alice", "iat": now, "exp": now + 600, **claims}
        said = {name: value for name, value in said.items() if value is not None}
        return jwt.encode(said, self.private, algorithm="EdDSA", headers={"kid": self.kid})


def unsigned(claims: dict[str, Any]) -> str:
    """A token that says of itself that it needs no signature."""
    none: Any = None
    return jwt.encode(claims, none, algorithm="none", headers={"kid": "one"})


def publish(path: Path, keys: Sequence[Key]) -> None:
    """As the kubelet does: readers see the old content or the new one, never a part."""
    new = path.with_name(f"..{path.name}")
    new.write_text(json.dumps({"keys": [key.jwk for key in keys]}))
    new.replace(path)


def login(keys_file: Path, **more: str) -> dict[str, str]:
    """The environment that makes the API ask for tokens."""
    return {"LOGIN__ISSUER": ISSUER, "LOGIN__AUDIENCE": AUDIENCE, "LOGIN__KEYS_FILE": str(keys_file), **more}
