"""Every failure that a person is told of, in one shape."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

import typer

from components.settings.errors import SettingsError
from local.cluster.errors import ClusterError
from local.engine import EngineError
from local.images import ImageError
from local.stack import StackError
from local.terminal import console, fail


@dataclass
class Failure(Exception):
    """message: what failed and how. hint: what to do. log_tail: the last lines that matter."""

    message: str
    hint: str = ""
    log_tail: str = ""


KNOWN = (Failure, ClusterError, ImageError, EngineError, SettingsError, StackError)


def told(error: BaseException) -> Failure:
    """A known error as a Failure."""
    if isinstance(error, Failure):
        return error
    return Failure(getattr(error, "message", str(error)), getattr(error, "hint", ""), getattr(error, "log_tail", ""))


@contextmanager
def failures() -> Generator[None]:
    """A known error ends the command with a panel and status 1; Ctrl-C with status 130."""
    try:
        yield
    except KNOWN as error:
        failure = told(error)
        fail(failure.message, failure.hint, failure.log_tail)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        console.print("\nInterrupted. Run the same command again to go on.")
        raise typer.Exit(130) from None
