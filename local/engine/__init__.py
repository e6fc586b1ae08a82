"""The embedded engine: runs a Pulumi program in this process. For stack `local`, rendering and tests; never for AWS.

`up`, `preview` and `down` act on a real Kubernetes. They are imported when used: the Kubernetes client is slow to load.
"""

from typing import TYPE_CHECKING, Any

from local.engine.model import (
    Action,
    Engine,
    EngineError,
    Event,
    ProgramError,
    Registration,
    ResourceError,
    Result,
    State,
    Summary,
)
from local.engine.program import Log, Run, run
from local.engine.recorder import Recorder
from local.engine.renderer import Renderer

if TYPE_CHECKING:
    from local.engine.operations import Outcome, Target, down, preview, up

__all__ = [
    "Action",
    "Engine",
    "EngineError",
    "Event",
    "Log",
    "Outcome",
    "ProgramError",
    "Recorder",
    "Registration",
    "Renderer",
    "ResourceError",
    "Result",
    "Run",
    "State",
    "Summary",
    "Target",
    "down",
    "preview",
    "run",
    "up",
]


def __getattr__(name: str) -> Any:
    if name not in ("Outcome", "Target", "down", "preview", "up"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from local.engine import operations

    return getattr(operations, name)
