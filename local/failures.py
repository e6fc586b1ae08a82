"""Every failure that a person is told of, in one shape."""

from dataclasses import dataclass

from components.settings.errors import SettingsError
from local.cluster.errors import ClusterError
from local.engine import EngineError
from local.images import ImageError
from local.stack import StackError


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
