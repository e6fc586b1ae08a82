"""Progress: how long work tells a terminal where it is."""

from typing import Protocol


class Progress(Protocol):
    """Receives the steps of long work."""

    def step(self, name: str, done: int | None = None, total: int | None = None) -> None:
        """Work on `name` goes on; `done` of `total` units, where the work can count them."""


class NoProgress:
    """Says nothing: for what is done in a moment."""

    def step(self, name: str, done: int | None = None, total: int | None = None) -> None:
        """Heard by nobody."""


NO_PROGRESS = NoProgress()
