"""Every failure that a person sees, in one shape."""

from collections.abc import Generator
from contextlib import contextmanager

import typer

from tools.terminal import console, fail

TAIL = 15  # lines of a log that an error shows


class Failure(Exception):
    """message: what failed and how. hint: what to do. log_tail: the last lines that matter."""

    def __init__(self, message: str, hint: str = "", log_tail: str = "") -> None:
        super().__init__(message)
        self.message, self.hint, self.log_tail = message, hint, log_tail

    def __str__(self) -> str:
        return "\n".join(part for part in (self.message, self.log_tail, self.hint) if part)


def tail(text: str, lines: int = TAIL) -> str:
    """The last lines of `text` that say something."""
    return "\n".join([line.rstrip() for line in text.splitlines() if line.strip()][-lines:])


@contextmanager
def failures() -> Generator[None]:
    """A known error ends the command with a panel and status 1; Ctrl-C with status 130."""
    from components.settings.errors import SettingsError  # with Pulumi's SDK, which not every user of Failure needs

    try:
        yield
    except Failure as failure:
        fail(failure.message, failure.hint, failure.log_tail)
        raise typer.Exit(1) from None
    except SettingsError as error:
        fail(str(error))
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        console.print("\nInterrupted. Run the same command again to go on.")
        raise typer.Exit(130) from None
