"""What a person sees of a run: a line for each resource with its time, what it waits for, what differs, what failed."""

import re
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pulumi.automation import EngineEvent, OpType, StepEventMetadata
from rich.markup import escape

from local.pulumi.additions import Addition
from tools.progress import Progress
from tools.terminal import console

MARKS: Mapping[OpType, str] = {
    OpType.CREATE: "[green]+ create [/green]",
    OpType.CREATE_REPLACEMENT: "[green]+ create [/green]",
    OpType.IMPORT: "[green]+ import [/green]",
    OpType.UPDATE: "[yellow]~ update [/yellow]",
    OpType.REPLACE: "[magenta]± replace[/magenta]",
    OpType.DELETE: "[red]- delete [/red]",
    OpType.DELETE_REPLACED: "[red]- delete [/red]",
}
DONE: Mapping[OpType, str] = {
    OpType.CREATE: "created",
    OpType.IMPORT: "imported",
    OpType.UPDATE: "updated",
    OpType.REPLACE: "replaced",
    OpType.DELETE: "deleted",
}
WOULD_BE: Mapping[OpType, str] = {
    OpType.CREATE: "to create",
    OpType.IMPORT: "to import",
    OpType.UPDATE: "to update",
    OpType.REPLACE: "to replace",
    OpType.DELETE: "to delete",
}
DRIFT: Mapping[OpType | None, str] = {OpType.UPDATE: "drifted", OpType.DELETE: "gone   "}
LONGEST = 120
"""Characters of a value that are shown."""
ABSENT, INDENT = "(none)", "\n    "


@dataclass(frozen=True)
class Failed:
    """A resource that failed. messages: what its provider says of it. inputs: as the program declares them."""

    type: str
    name: str
    inputs: Mapping[str, Any]
    messages: Sequence[str]


@dataclass
class Watcher:
    """Receives the engine's events, and tells a step and the console of them.

    done: what was done to which resource, components and providers left out. refreshed: what a refresh found of each.
    expected: how many resources there will be, where that is known.
    """

    step: Progress
    expected: int | None = None
    done: list[tuple[OpType, str]] = field(default_factory=list)
    refreshed: list[tuple[OpType, str]] = field(default_factory=list)
    _begun: dict[str, float] = field(default_factory=dict)
    _refreshing: set[str] = field(default_factory=set)
    _waiting: dict[str, str] = field(default_factory=dict)
    _messages: dict[str, list[str]] = field(default_factory=dict)
    _failed: dict[str, StepEventMetadata] = field(default_factory=dict)

    def __call__(self, event: EngineEvent) -> None:
        if event.resource_pre_event is not None:
            self._start(event.resource_pre_event.metadata)
        elif event.res_outputs_event is not None:
            self._end(event.res_outputs_event.metadata)
        elif event.res_op_failed_event is not None:
            self._fail(event.res_op_failed_event.metadata)
        elif event.diagnostic_event is not None:
            said = event.diagnostic_event
            self._hear(said.urn or "", said.severity, plain(said.message))

    @property
    def summary(self) -> str:
        """What was done, in a few words: "3 created, 80 unchanged", or "nothing to change (83 unchanged)"."""
        return self.told(DONE)

    def told(self, words: Mapping[OpType, str]) -> str:
        """The summary in the words of a run (DONE) or of a preview (WOULD_BE)."""
        counts = Counter(op for op, _ in self.done or self.refreshed)
        changes = [f"{len(self.drift)} found changed by others"] if self.drift else []
        changes += [f"{counts[op]} {word}" for op, word in words.items() if counts[op] and self.done]
        same = f"{counts[OpType.SAME]} unchanged"
        return ", ".join([*changes, same]) if changes else f"nothing to change ({same})"

    @property
    def changes(self) -> list[tuple[OpType, str]]:
        """What was changed, in order."""
        return [(op, name) for op, name in self.done if op in DONE]

    @property
    def drift(self) -> list[str]:
        """The resources that a refresh found otherwise than the last run left them."""
        return [name for op, name in self.refreshed if op is not OpType.SAME]

    @property
    def failed(self) -> list[Failed]:
        """The resources that failed, with all that was said of each."""
        return [
            Failed(m.type, name_of(urn), (m.new.inputs if m.new else None) or {}, self._messages.get(urn, []))
            for urn, m in self._failed.items()
        ]

    @property
    def errors(self) -> list[str]:
        """What was said of no resource that failed: of the program, of the engine."""
        return [text for urn, texts in self._messages.items() if urn not in self._failed for text in texts]

    def hear_of_additions(self, additions: Sequence[Addition]) -> None:
        """What somebody added to objects, which an update removes."""
        for addition in additions:
            console.print(f"  [yellow]≠ added  [/yellow] {escape(str(addition))}", soft_wrap=True)
        for name in dict.fromkeys(addition.object[2] for addition in additions):
            self.refreshed.append((OpType.UPDATE, name))
            self.done.append((OpType.UPDATE, name))

    def _start(self, metadata: StepEventMetadata) -> None:
        self._begun[metadata.urn] = time.monotonic()
        if metadata.op is OpType.REFRESH:
            self._refreshing.add(metadata.urn)
        if _shown(metadata) and metadata.op not in (OpType.SAME, OpType.REFRESH, OpType.READ):
            self._waiting[metadata.urn] = ""
            self._tell()

    def _end(self, metadata: StepEventMetadata) -> None:
        self._waiting.pop(metadata.urn, None)
        if not _shown(metadata):
            return
        if metadata.urn in self._refreshing:
            self._refreshing.remove(metadata.urn)
            found = refreshed(metadata)
            if found is not None:
                self.refreshed.append((found, name_of(metadata.urn)))
            if found in DRIFT:
                console.print(f"  [yellow]≠ {DRIFT[found]}[/yellow] {escape(label_of(metadata.urn))}")
            return
        self.done.append((metadata.op, name_of(metadata.urn)))
        if metadata.op in MARKS:
            seconds = time.monotonic() - self._begun.get(metadata.urn, time.monotonic())
            console.print(f"  {MARKS[metadata.op]} {escape(label_of(metadata.urn))}  [dim]{seconds:.1f} s[/dim]")
        if metadata.op in (OpType.UPDATE, OpType.REPLACE):
            for path, old, new in differences(metadata):
                console.print(
                    f"      {escape(path)}: [red]{escape(short(old))}[/red] → [green]{escape(short(new))}[/green]",
                    soft_wrap=True,
                )
        self._tell()

    def _fail(self, metadata: StepEventMetadata) -> None:
        self._waiting.pop(metadata.urn, None)
        self._failed[metadata.urn] = metadata
        console.print(f"  [red]✗ failed [/red] {escape(label_of(metadata.urn))}")

    def _hear(self, urn: str, severity: str, message: str) -> None:
        if severity == "error":
            self._messages.setdefault(urn, []).append(message)
        elif urn in self._waiting:
            self._waiting[urn] = message
            self._tell()
        elif severity == "warning":
            about = f"{label_of(urn)}: " if urn.count("::") >= 3 else ""
            lines = f"{about}{message}".splitlines()
            console.print(f"  [yellow]! {escape(INDENT.join(lines))}[/yellow]", soft_wrap=True)

    def _tell(self) -> None:
        """The step's line: how many are under way, and the last thing that is known of one."""
        done, last = len(self.done), list(self._waiting)[-1:]
        total = self.expected if self.expected is not None and done <= self.expected else None
        text = next((f"{label_of(urn)} {self._waiting[urn]}".strip() for urn in last), "")
        self.step.step(f"{len(self._waiting)} under way; {text}" if text else "", done, total)


def refreshed(metadata: StepEventMetadata) -> OpType | None:
    """What a refresh found: the resource gone, with other inputs, or the same. Its status changes by itself.

    None for a resource that is only read: it has no inputs of ours.
    """
    before = None if metadata.old is None else metadata.old.inputs
    if metadata.new is None:
        return OpType.DELETE
    if not before:
        return None
    return OpType.SAME if before == metadata.new.inputs else OpType.UPDATE


def differences(metadata: StepEventMetadata) -> list[tuple[str, Any, Any]]:
    """Path, old and new value of each property that a step changes; secrets are masked by the engine."""
    old, new = metadata.old, metadata.new
    if old is None or new is None:
        return []
    before, after = (old.inputs or {}), (new.inputs or {})
    paths = list(metadata.detailed_diff or {}) or list(metadata.diffs or [])
    found = []
    for path in paths:
        steps = steps_of(path)
        was = at(before, steps)
        found.append((path, at(old.outputs or {}, steps) if was is None else was, at(after, steps)))
    return found


def steps_of(path: str) -> list[str | int]:
    """The steps of one of Pulumi's property paths: `a.b[0]["c.d"]` is a, b, 0, c.d."""
    found = re.findall(r'\["((?:[^"\\]|\\.)*)"\]|\[(\d+)\]|([^.\[\]]+)', path)
    return [int(index) if index else quoted or name for quoted, index, name in found]


def at(value: Any, steps: Sequence[str | int]) -> Any:
    """What stands at a path; None where nothing does."""
    for step in steps:
        if isinstance(value, Mapping):
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            return None
    return value


def short(value: Any) -> str:
    text = ABSENT if value is None else str(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def label_of(urn: str) -> str:
    """`Deployment frontend` of a URN."""
    return f"{urn.split('::')[2].rpartition(':')[2]} {name_of(urn)}"


def name_of(urn: str) -> str:
    """The resource's name in the program."""
    return urn.split("::", 3)[3]


def plain(message: str) -> str:
    """A message without the engine's colour marks."""
    return re.sub(r"<\{%[^%]*%\}>", "", message).strip()


def _shown(metadata: StepEventMetadata) -> bool:
    """Whether a resource is an object of its own: no component, no provider."""
    state = metadata.new or metadata.old
    return state is not None and bool(state.custom) and not metadata.type.startswith("pulumi:")
