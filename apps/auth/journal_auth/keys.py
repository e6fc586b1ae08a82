"""Keys: one that signs, and all that verify, from files that change while the process runs."""

import json
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Generic, TypeVar

from jwt import PyJWK
from jwt.algorithms import OKPAlgorithm
from jwt.exceptions import PyJWKError, PyJWTError

ALGORITHM = "EdDSA"
T = TypeVar("T")

log = logging.getLogger(__name__)


class KeysError(Exception):
    """A file does not hold the keys that it should. The message holds none of its content."""


class Watched(Generic[T]):
    """What a file holds, read again when the file has changed. One that is wrong is not taken."""

    def __init__(self, path: Path, read: Callable[[bytes], T]) -> None:
        self._path, self._read = path, read
        self._seen, self._value = self._state(), read(path.read_bytes())

    def get(self) -> T:
        try:
            if (state := self._state()) != self._seen:
                self._seen, self._value = state, self._read(self._path.read_bytes())
                log.info("read %s again", self._path)
        except (OSError, KeysError) as error:
            log.warning("what was read of %s before stays in use: %s", self._path, error)
        return self._value

    def _state(self) -> tuple[int, int, int]:
        found = self._path.stat()
        return found.st_ino, found.st_mtime_ns, found.st_size


def read_signing(content: bytes) -> PyJWK:
    """The private Ed25519 key of a JWK. Raises KeysError."""
    key = _key(_json(content))
    if not hasattr(key.key, "sign"):
        raise KeysError("the key is a public one: a private one signs")
    return key


def read_public(content: bytes) -> Mapping[str, PyJWK]:
    """The public Ed25519 keys of a JWK set, by their id. Raises KeysError."""
    document = _json(content)
    keys = document.get("keys")
    if not isinstance(keys, list) or not keys:
        raise KeysError('the file holds no keys: it must be a JWK set, {"keys": […]}')
    found = {str(one.get("kid")): _key(one) for one in keys if isinstance(one, dict)}
    if any(hasattr(key.key, "sign") for key in found.values()):
        raise KeysError("a key is a private one: everybody may read this file")
    return found


def public_set(keys: Mapping[str, PyJWK]) -> dict[str, list[dict[str, str]]]:
    """The JWK set, with what a verifier needs and nothing else."""
    about = {"use": "sig", "alg": ALGORITHM}
    return {"keys": [{**OKPAlgorithm.to_jwk(key.key, as_dict=True), "kid": kid, **about} for kid, key in keys.items()]}


def _json(content: bytes) -> dict:
    try:
        document = json.loads(content)
    except ValueError:
        raise KeysError("the file is not JSON") from None
    if not isinstance(document, dict):
        raise KeysError("the file does not hold a JSON object")
    return document


def _key(document: dict) -> PyJWK:
    if document.get("crv") != "Ed25519" or not document.get("kid"):
        raise KeysError("a key is not an Ed25519 key with a kid (RFC 8037)")
    try:
        return PyJWK.from_dict(document, ALGORITHM)
    except (PyJWKError, PyJWTError):
        raise KeysError("a key is not a valid JWK") from None
