"""The engine of unit tests: remembers what a program registers, answers with the inputs and what a test adds."""

import threading
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from tools.recording.graph import Graph
from tools.recording.model import Registration, Result

Answer = Mapping[str, Any] | Callable[[Registration], Mapping[str, Any]]
Outputs = Mapping[str, Answer] | Callable[[Registration], Mapping[str, Any]]
CallAnswer = Mapping[str, Any] | Callable[[dict[str, Any]], Mapping[str, Any]]
ACCOUNT, REGION = "123456789012", "eu-west-1"
NONE: Mapping[str, Any] = MappingProxyType({})


class Recorder:
    """outputs: what a provider would compute, by type or kind, or as a function of any registration.
    calls: by token, what a function (`aws:…:getX`) answers.

    An AWS resource has an `arn` unless the test says otherwise. Ids: `namespace/name` of a Kubernetes object,
    `<name>-id` elsewhere.
    """

    def __init__(self, outputs: Outputs = NONE, calls: Mapping[str, CallAnswer] = NONE) -> None:
        self._outputs, self._calls = outputs, calls
        self._lock = threading.Lock()
        self.registrations: list[Registration] = []
        self.ids: dict[str, str] = {}
        self.called: list[tuple[str, dict[str, Any]]] = []

    def register(self, r: Registration) -> Result:
        with self._lock:
            self.registrations.append(r)
        outputs = {**r.inputs, **_computed(r), **self._answer(r)}
        self.ids[r.urn] = str(outputs.get("id", _id(r)))
        return Result(self.ids[r.urn], outputs)

    def read(self, r: Registration) -> Result:
        with self._lock:
            self.registrations.append(r)
        return Result(r.read_id, {**r.inputs, **self._answer(r)})

    def call(self, token: str, args: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            self.called.append((token, args))
        answer = self._calls.get(token, NONE)
        return dict(answer) if isinstance(answer, Mapping) else dict(answer(args))

    def stop(self) -> None:
        """Nothing waits here."""

    def of_type(self, type_: str) -> list[Registration]:
        """All of one type, given whole (`kubernetes:apps/v1:StatefulSet`) or by its last part (`StatefulSet`)."""
        return [r for r in self.registrations if type_ in (r.type, r.kind)]

    def all(self, kind: str) -> list[Registration]:
        return self.of_type(kind)

    def one(self, kind: str, name: str | None = None) -> Registration:
        """The only one of a kind, or the one with this name. Raises LookupError naming what there is."""
        found = [r for r in self.of_type(kind) if name in (None, r.name)]
        if len(found) != 1:
            there = ", ".join(sorted(r.label for r in self.of_type(kind)))
            asked = kind if name is None else f"{kind} {name}"
            raise LookupError(
                f"{len(found)} resources answer to {asked!r}; registered: {there if there else 'none of that kind'}"
            )
        return found[0]

    def by_urn(self, urn: str) -> Registration:
        return next(r for r in self.registrations if r.urn == urn)

    def dependencies_of(self, resource: Registration) -> frozenset[str]:
        """URNs of all that is there before this resource: its dependencies, its parent and provider, and theirs."""
        return Graph(self.registrations).ancestors[resource.urn]

    def _answer(self, r: Registration) -> Mapping[str, Any]:
        if not isinstance(self._outputs, Mapping):
            return self._outputs(r)
        answer = self._outputs.get(r.type, self._outputs.get(r.kind, NONE))
        return answer if isinstance(answer, Mapping) else answer(r)


def _id(r: Registration) -> str:
    if r.package != "kubernetes":
        return f"{r.name}-id"
    metadata = r.inputs.get("metadata", {})
    return "/".join(part for part in (metadata.get("namespace"), metadata.get("name", r.name)) if part)


def _computed(r: Registration) -> Mapping[str, Any]:
    if r.package != "aws" or not r.custom:
        return {}
    service, kind = r.type.split(":")[1].partition("/")[::2]
    return {"arn": f"arn:aws:{service}:{REGION}:{ACCOUNT}:{kind}/{r.name}"}
