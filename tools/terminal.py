"""What a person sees of long work: the step, the time left or passed, and a failure that says what to do."""

import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

HEARTBEAT_SECONDS = 30
TOO_EARLY = 0.05
"""Up to this share of the units that were counted, nothing is said of the time left: the first ones tell too little."""
console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)


class Step:
    """One step of the work. `step` tells where inside it the work is (the `Progress` of tools.progress)."""

    def __init__(self, steps: "Steps", title: str) -> None:
        self._steps, self._title, self._start = steps, title, time.monotonic()
        self._task = steps.add(title)
        self._lock, self._spoke = threading.Lock(), self._start
        self._counted, self._since = "", self._start

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._start

    def step(self, name: str, done: int | None = None, total: int | None = None) -> None:
        if name != self._counted:
            self._counted, self._since = name, time.monotonic()
        self._steps.update(self._task, f"{self._title}: {name}", done, total)
        if self._steps.live:
            return
        with self._lock:
            if time.monotonic() - self._spoke < HEARTBEAT_SECONDS:
                return
            self._spoke = time.monotonic()
        share = "" if done is None or not total else f", {done}/{total}{self._left(done, total)}"
        console.print(f"[dim]  … {escape(self._title)}: {escape(name)} ({self.seconds:.0f} s{share})[/dim]")

    def _left(self, done: int, total: int) -> str:
        if done <= total * TOO_EARLY:
            return ""
        return f", about {(time.monotonic() - self._since) * (total - done) / done:.0f} s left"

    def end(self, *, ok: bool, note: str = "") -> None:
        self._steps.remove(self._task)
        mark = "[green]✓[/green]" if ok else "[red]✗[/red]"
        suffix = f"  [dim]{escape(note)}[/dim]" if note else ""
        console.print(f"{mark} {escape(self._title):<44} {self.seconds:7.1f} s{suffix}")


class Steps:
    """Steps of one command, several at once; on a terminal with spinners and bars, elsewhere as lines."""

    def __init__(self) -> None:
        self.live = console.is_terminal
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TimeElapsedColumn(),
            TextColumn("[dim]left[/dim]"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not self.live,
        )

    def __enter__(self) -> "Steps":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    @contextmanager
    def step(self, title: str) -> Generator[Step]:
        step = Step(self, title)
        try:
            yield step
        except BaseException as error:
            others = len(self._progress.task_ids) > 1  # whose end comes before the failure is told
            step.end(ok=False, note=str(error).partition("\n")[0] if others else "")
            raise
        step.end(ok=True)

    def add(self, title: str) -> TaskID:
        return self._progress.add_task(escape(title), total=None)

    def update(self, task: TaskID, text: str, done: int | None, total: int | None) -> None:
        self._progress.update(task, description=escape(text[:100]), completed=done or 0, total=total)

    def remove(self, task: TaskID) -> None:
        self._progress.remove_task(task)


def fail(message: str, hint: str = "", log_tail: str = "") -> None:
    """Say what failed, the last lines that matter, and what to do."""
    body = Text(message.rstrip())
    if log_tail.strip():
        body.append("\n\n" + log_tail.rstrip(), style="dim")
    if hint:
        body.append("\n\n→ " + hint, style="bold")
    Console(stderr=True, highlight=False).print(Panel(body, title="failed", border_style="red", title_align="left"))
