"""What is said of the time that long work takes."""

import time

import pytest

from tools import terminal
from tools.terminal import Steps


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds, to be set; every step is told."""
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(terminal, "HEARTBEAT_SECONDS", 0)
    return now


def test_time_left_is_reckoned_from_where_the_counting_began(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    with Steps() as steps, steps.step("build") as step:
        step.step("fetch", 0, 10)
        clock[0] = 100
        step.step("compile", 0, 200)
        clock[0] = 110
        step.step("compile", 10, 200)
        clock[0] = 120
        step.step("compile", 20, 200)
    said = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert "… build: compile (110 s, 10/200)" in said
    assert "… build: compile (120 s, 20/200, about 180 s left)" in said
