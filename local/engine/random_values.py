"""`random:*` resources: made once, remembered in a file of mode 0600, made again when their inputs change."""

import base64
import json
import os
import secrets
import string
import threading
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from local.engine.model import Action, EngineError, Registration, ResourceError, Result
from local.engine.values import UNKNOWN

SPECIAL = "!@#$%&*()-_=+[]{}<>:?"  # the provider's own default
SECRET = {"RandomPassword": frozenset({"result"}), "RandomBytes": frozenset({"base64", "hex"})}
Inputs = dict[str, Any]


class RandomValues:
    """path: a JSON file, mode 0600, by URN. Safe for many threads; one run at a time (the stack's lock)."""

    def __init__(self, path: Path) -> None:
        self._path, self._lock = path, threading.Lock()
        try:
            self._values: dict[str, dict[str, Any]] = json.loads(path.read_text()) if path.exists() else {}
        except (OSError, ValueError) as error:
            raise EngineError(
                f"The random values in {path} can't be read: {error}\n  Restore or delete the file."
            ) from error
        self._seen: set[str] = set()

    def register(self, r: Registration, *, preview: bool) -> tuple[Action, Result]:
        """Raises ResourceError for a type that isn't known or inputs that contradict each other."""
        make = _MAKERS.get(r.kind)
        if make is None:
            known = ", ".join(sorted(_MAKERS))
            raise ResourceError(
                r, f"type {r.type} isn't known to the embedded engine (known: {known})", "Use ENGINE=pulumi."
            )
        with self._lock:
            urn = next((u for u in (r.urn, *r.aliases) if u in self._values), r.urn)
            self._seen |= {r.urn, urn}
            known = self._values.get(urn)
            if known is not None and known["inputs"] == r.inputs:
                if urn != r.urn and not preview:
                    self._store({u: v for u, v in self._values.items() if u != urn} | {r.urn: known})
                return Action.SAME, _result(r, known["outputs"])
            action = Action.CREATE if known is None else Action.REPLACE
            outputs = _made(r, make)
            if preview:
                return action, Result(
                    "", {**r.inputs, **dict.fromkeys(outputs, UNKNOWN)}, SECRET.get(r.kind, frozenset())
                )
            self._store(self._values | {r.urn: {"inputs": r.inputs, "outputs": outputs}})
            return action, _result(r, outputs)

    def unseen(self) -> list[str]:
        """URNs of values that the program no longer declares."""
        return sorted(self._values.keys() - self._seen)

    def all(self) -> list[str]:
        return sorted(self._values)

    def forget(self, urn: str) -> None:
        with self._lock:
            self._store({u: v for u, v in self._values.items() if u != urn})

    def secrets(self) -> list[str]:
        """Every value that must not be shown."""
        names = frozenset().union(*SECRET.values())
        return [str(v["outputs"][k]) for v in self._values.values() for k in names & v["outputs"].keys()]

    def _store(self, values: dict[str, dict[str, Any]]) -> None:
        """All or nothing: a new file beside, synced, put in place."""
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not values:
            self._path.unlink(missing_ok=True)
        else:
            beside = self._path.with_suffix(".new")
            beside.unlink(missing_ok=True)
            with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                json.dump(values, file, indent=1)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)
        self._values = values


def _result(r: Registration, outputs: dict[str, Any]) -> Result:
    secret = SECRET.get(r.kind, frozenset())
    identity = "none" if secret else str(outputs.get("id", outputs.get("result")))  # as the provider does
    return Result(identity, {**r.inputs, **outputs}, secret)


def _made(r: Registration, make: Callable[[Inputs], dict[str, Any]]) -> dict[str, Any]:
    try:
        return make(r.inputs)
    except (ValueError, TypeError, KeyError) as error:
        raise ResourceError(r, f"its inputs don't work: {error}") from error


def characters(inputs: Inputs) -> str:
    """length characters of the chosen classes, at least `min*` of each. Raises ValueError."""
    numeric = inputs.get("numeric", inputs.get("number", True))
    special = inputs.get("overrideSpecial", SPECIAL)
    classes = [
        (string.ascii_lowercase, inputs.get("lower", True), inputs.get("minLower", 0)),
        (string.ascii_uppercase, inputs.get("upper", True), inputs.get("minUpper", 0)),
        (string.digits, numeric, inputs.get("minNumeric", 0)),
        (special if special else SPECIAL, inputs.get("special", True), inputs.get("minSpecial", 0)),
    ]
    pool, length = "".join(sorted({c for signs, chosen, _ in classes if chosen for c in signs})), inputs["length"]
    least = sum(minimum for _, _, minimum in classes)
    if length < 1 or length < least or not pool:
        raise ValueError(f"length {length} must be at least 1 and at least {least} (the minima), of at least one class")
    chosen = [secrets.choice(signs) for signs, _, minimum in classes for _ in range(minimum)]
    chosen += [secrets.choice(pool) for _ in range(length - len(chosen))]
    secrets.SystemRandom().shuffle(chosen)
    return "".join(chosen)


def _identity(inputs: Inputs) -> dict[str, Any]:
    raw, prefix = secrets.token_bytes(inputs["byteLength"]), inputs.get("prefix", "")
    url = base64.urlsafe_b64encode(raw).decode().rstrip("=")
    return {
        "id": url,
        "b64Url": prefix + url,
        "b64Std": prefix + base64.b64encode(raw).decode(),
        "hex": prefix + raw.hex(),
        "dec": prefix + str(int.from_bytes(raw, "big")),
    }


def _bytes(inputs: Inputs) -> dict[str, Any]:
    raw = secrets.token_bytes(inputs["length"])
    return {"base64": base64.b64encode(raw).decode(), "hex": raw.hex()}


_MAKERS: dict[str, Callable[[Inputs], dict[str, Any]]] = {
    "RandomPassword": lambda inputs: {"result": characters(inputs)},
    "RandomString": lambda inputs: {"result": characters(inputs)},
    "RandomBytes": _bytes,
    "RandomId": _identity,
    "RandomUuid": lambda _: {"result": str(uuid.uuid4())},
    "RandomInteger": lambda inputs: {"result": inputs["min"] + secrets.randbelow(inputs["max"] - inputs["min"] + 1)},
}
