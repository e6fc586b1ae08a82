"""What an engine is told, what it answers, what it reports: the interface that Recorder, Renderer and Live share."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

import pulumi

Path = tuple[str | int, ...]


class EngineError(pulumi.RunError):
    """A message for the user. Shown as it is, without a traceback."""


class ProgramError(EngineError):
    """The program itself failed; the message holds its traceback."""


class ResourceError(EngineError):
    """One resource failed. `reason` says why, `remedy` what to do."""

    def __init__(self, r: "Registration", reason: str, remedy: str = "") -> None:
        self.registration, self.reason, self.remedy = r, reason, remedy
        where = f"\n  declared at {r.source}" if r.source else ""
        super().__init__(f"{r.label}: {reason}{where}" + (f"\n  {remedy}" if remedy else ""))


class Interrupted(EngineError):
    """Not started, or not waited for to the end, because the run is ending."""


@dataclass(frozen=True)
class Registration:
    """One resource as the program declares it.

    inputs: plain values; secrets are unwrapped, and `secrets` holds the paths at which they stand. In a preview a
    value that only the real run will know is `values.UNKNOWN`.
    dependencies: URNs, a component replaced by its children. timeouts: seconds by "create", "update", "delete".
    read_id: set when the program reads an existing resource instead of declaring one.
    source: "file:line" of the declaration.
    """

    urn: str
    type: str
    name: str
    inputs: dict[str, Any]
    secrets: frozenset[Path] = frozenset()
    parent: str = ""
    dependencies: tuple[str, ...] = ()
    property_dependencies: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    provider: str = ""
    providers: Mapping[str, str] = field(default_factory=dict)
    custom: bool = True
    protect: bool = False
    retain_on_delete: bool = False
    delete_before_replace: bool = False
    ignore_changes: tuple[str, ...] = ()
    replace_on_changes: tuple[str, ...] = ()
    additional_secret_outputs: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    timeouts: Mapping[str, float] = field(default_factory=dict)
    version: str = ""
    read_id: str = ""
    source: str = ""

    def __getitem__(self, key: str) -> Any:
        return self.inputs[key]

    @property
    def kind(self) -> str:
        """The last part of the type: `StatefulSet` of `kubernetes:apps/v1:StatefulSet`; `Provider` of any provider."""
        return "Provider" if self.type.startswith("pulumi:providers:") else self.type.rsplit(":", 1)[-1]

    @property
    def package(self) -> str:
        return self.type.split(":", 1)[0]

    @property
    def label(self) -> str:
        return f"{self.kind} {self.name}"


@dataclass(frozen=True)
class Result:
    """id: empty when unknown (preview). secret: names of outputs that are secret."""

    id: str
    outputs: dict[str, Any]
    secret: frozenset[str] = frozenset()


class Engine(Protocol):
    """Called from many threads at once; a resource is registered after those that it depends on have been answered."""

    def register(self, r: Registration) -> Result: ...

    def read(self, r: Registration) -> Result: ...

    def call(self, token: str, args: dict[str, Any]) -> dict[str, Any]: ...

    def stop(self) -> None:
        """The run is ending early: end every wait."""
        ...


class Action(StrEnum):
    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"
    SAME = "unchanged"
    READ = "read"


class State(StrEnum):
    STARTED = "started"
    WAITING = "waiting"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True)
class Event:
    """What happens to one resource.

    action: a guess until the state is done. detail: why it isn't ready, or the error. diff: (path, old, new), masked.
    """

    urn: str
    type: str
    name: str
    action: Action
    state: State
    seconds: float = 0.0
    detail: str = ""
    diff: tuple[tuple[str, Any, Any], ...] = ()


@dataclass
class Summary:
    """How many resources were (or, in a preview, would be) created, updated, …; seconds of the whole run."""

    counts: dict[Action, int] = field(default_factory=lambda: dict.fromkeys(Action, 0))
    seconds: float = 0.0

    @property
    def changes(self) -> int:
        return sum(n for action, n in self.counts.items() if action not in (Action.SAME, Action.READ))
