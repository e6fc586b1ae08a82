"""Runs a Pulumi program in this process and records what it registers: for rendering, previews and tests."""

from tools.recording.model import EngineError, ProgramError, Registration, ResourceError, Result
from tools.recording.program import Log, Run, run
from tools.recording.recorder import Recorder
from tools.recording.renderer import Renderer

__all__ = [
    "EngineError",
    "Log",
    "ProgramError",
    "Recorder",
    "Registration",
    "Renderer",
    "ResourceError",
    "Result",
    "Run",
    "run",
]
