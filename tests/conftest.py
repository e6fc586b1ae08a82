"""What all tests share: the stacks, and a recording of each."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tools import cloud
from tools.cloud import record as run_program
from tools.recording import Recorder
from tools.stack import names, read

ROOT = Path(__file__).resolve().parent.parent
Recording = Recorder
"""A Recorder that has run the whole program of a stack."""


def config_of(stack: str) -> dict[str, Any]:
    """What a stack's file says, by Pulumi's keys."""
    return read(stack)


def settings_of(stack: str) -> dict[str, Any]:
    """What a stack's file says, without the keys that are Pulumi's own."""
    return {key.removeprefix("journal:"): v for key, v in config_of(stack).items() if key.startswith("journal:")}


def record(stack: str, **changes: Any) -> Recording:
    """Run the program of a stack, some of its settings changed, or with None left out. A warning is an error."""
    config = {**config_of(stack), **{f"journal:{key}": value for key, value in changes.items()}}
    known = {key: value for key, value in config.items() if value is not None}
    return run_program(stack, known, fail_on_warnings=True)


@pytest.fixture(params=names())
def stack(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="session")
def recorded() -> Callable[[str], Recording]:
    """Each stack's recording, made once."""
    made: dict[str, Recording] = {}

    def get(name: str) -> Recording:
        if name not in made:
            made[name] = record(name)
        return made[name]

    return get


@pytest.fixture
def recordings_once(recorded: Callable[[str], Recording], monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands of `tools` read the recordings of this session instead of making their own."""
    monkeypatch.setattr(cloud, "record", recorded)


@pytest.fixture
def recording(stack: str, recorded: Callable[[str], Recording]) -> Recording:
    """Every stack, one after the other."""
    return recorded(stack)
