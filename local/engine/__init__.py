"""The embedded engine: runs a Pulumi program in this process. For stack `local`, rendering and tests; never for AWS."""

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

__all__ = [
    "Action",
    "Engine",
    "EngineError",
    "Event",
    "Log",
    "ProgramError",
    "Recorder",
    "Registration",
    "ResourceError",
    "Result",
    "Run",
    "State",
    "Summary",
    "run",
]
