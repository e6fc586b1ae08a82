"""What is told of a run: events as they happen, counts, and never a secret."""

import base64
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from local.engine.model import Action, Event, Registration, State, Summary
from local.engine.values import MASK

SHORTEST = 4
OnEvent = Callable[[Event], None]


def urn_parts(urn: str) -> tuple[str, str]:
    """(type, name) of a URN."""
    parts = urn.split("::")
    return parts[2].rsplit("$", 1)[-1], parts[3]


class Report:
    """Called from many threads; `on_event` hears one event at a time."""

    def __init__(self, on_event: OnEvent | None) -> None:
        self._on_event, self._lock, self.begun = on_event, threading.Lock(), time.monotonic()
        self._secrets: frozenset[str] = frozenset()
        self._summary = Summary()

    def summary(self) -> Summary:
        self._summary.seconds = time.monotonic() - self.begun
        return self._summary

    def learn(self, values: Iterable[Any]) -> None:
        """Texts in these values, in the open or in base64, are masked from now on."""
        found = {text for value in values for text in _texts(value) if len(text) >= SHORTEST}
        coded = {base64.b64encode(text.encode()).decode() for text in found}
        with self._lock:
            self._secrets |= found | coded

    def learn_from(self, r: Registration) -> None:
        """The secrets of a registration: its secret inputs, and all of a Secret's data."""
        self.learn(_at(r.inputs, path) for path in r.secrets)
        if r.kind == "Secret":
            self.learn([r.inputs.get("stringData"), _decoded(r.inputs.get("data"))])

    def redact(self, text: str) -> str:
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, MASK)
        return text

    def emit(
        self,
        urn: str,
        action: Action,
        state: State,
        since: float,
        detail: str = "",
        diff: Iterable[tuple[str, Any, Any]] = (),
    ) -> None:
        """since: of time.monotonic(). What is done is counted."""
        type_, name = urn_parts(urn)
        shown = tuple((path, self._clean(old), self._clean(new)) for path, old, new in diff)
        event = Event(urn, type_, name, action, state, time.monotonic() - since, self.redact(detail), shown)
        with self._lock:
            if state == State.DONE:
                self._summary.counts[action] += 1
            if self._on_event is not None:
                self._on_event(event)

    def _clean(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.redact(value)
        if isinstance(value, Mapping):
            return {k: self._clean(v) for k, v in value.items()}
        return [self._clean(v) for v in value] if isinstance(value, list) else value


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list):
        for part in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(part)


def _at(value: Any, path: tuple[str | int, ...]) -> Any:
    for step in path:
        value = value[step]
    return value


def _decoded(data: Any) -> list[str]:
    found = []
    for text in _texts(data):
        try:
            found.append(base64.b64decode(text, validate=True).decode())
        except ValueError:
            continue
    return found
