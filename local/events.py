"""Shows what an engine does, resource by resource."""

from rich.markup import escape

from local.engine import Action, Event, State
from local.terminal import Step, console

MARKS = {
    Action.CREATE: "[green]+ create [/green]",
    Action.UPDATE: "[yellow]~ update [/yellow]",
    Action.REPLACE: "[magenta]± replace[/magenta]",
    Action.DELETE: "[red]- delete [/red]",
}


class Watcher:
    """Tells a step how far the engine is, and prints each change. `verb` heads the closing line."""

    def __init__(self, step: Step, *, expected: int | None = None) -> None:
        self._step, self._expected = step, expected
        self._waiting: dict[str, str] = {}
        self.counts = dict.fromkeys(Action, 0)

    def __call__(self, event: Event) -> None:
        label = f"{event.type.rsplit(':', 1)[-1]} {event.name}"
        if event.state in (State.STARTED, State.WAITING):
            self._waiting[event.urn] = f"{label} {event.detail}".strip()
        else:
            self._waiting.pop(event.urn, None)
        if event.state is State.DONE:
            self.counts[event.action] += 1
            if event.action in MARKS:
                console.print(f"  {MARKS[event.action]} {escape(label)}  [dim]{event.seconds:.1f} s[/dim]")
            for path, old, new in event.diff:
                console.print(
                    f"      {escape(path)}: [red]{escape(_short(old))}[/red] → [green]{escape(_short(new))}[/green]"
                )
        if event.state is State.FAILED:
            console.print(f"  [red]✗ failed [/red] {escape(label)}")
        done = sum(self.counts.values())
        pending = next(reversed(self._waiting.values()), "")
        self._step.step(f"{len(self._waiting)} under way; {pending}" if pending else "", done, self._expected)

    def summary(self) -> str:
        """What was done, in a few words: "3 created, 80 unchanged", or "nothing to change"."""
        words = {
            Action.CREATE: "created",
            Action.UPDATE: "updated",
            Action.REPLACE: "replaced",
            Action.DELETE: "deleted",
        }
        changes = [f"{self.counts[action]} {word}" for action, word in words.items() if self.counts[action]]
        same = f"{self.counts[Action.SAME]} unchanged"
        return ", ".join([*changes, same]) if changes else f"nothing to change ({same})"


def _short(value: object) -> str:
    text = "(none)" if value is None else str(value)
    return text if len(text) <= 120 else f"{text[:117]}..."
