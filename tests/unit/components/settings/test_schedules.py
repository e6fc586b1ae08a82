"""Schedules: what EventBridge takes as a cron expression, and when two are the same."""

import pytest

from components import settings
from components.settings import SettingsError
from tests.conftest import settings_of


def backup(**changes: str) -> dict[str, object]:
    prod = settings_of("prod")
    return {**prod, "aws": {**prod["aws"], "backup": {**prod["aws"]["backup"], **changes}}}


@pytest.mark.parametrize(
    "schedule",
    [
        "cron(0 3 * * ? *)",
        "cron(30 */6 * * ? *)",
        "cron(0 1,13 ? * MON-FRI *)",
        "cron(0 2 L * ? *)",
        "cron(0 2 15W JAN,jul ? 2026-2030)",
        "cron(0 2 ? * 6L *)",
        "cron(0 2 ? * 3#2 *)",
        "cron(0 2 1/7 * ? *)",
    ],
)
def test_what_eventbridge_takes_is_taken(schedule: str) -> None:
    settings.parse(backup(schedule=schedule))


@pytest.mark.parametrize(
    "schedule",
    [
        "cron(garbage)",
        "cron(0 3 * * *)",
        "cron(0 3 * * * *)",
        "cron(0 3 ? * ? *)",
        "cron(60 3 * * ? *)",
        "cron(0 24 * * ? *)",
        "cron(0 3 32 * ? *)",
        "cron(0 3 0 * ? *)",
        "cron(0 3 ? 13 MON *)",
        "cron(0 3 ? * 8 *)",
        "cron(0 3 ? * 0 *)",
        "cron(0 3 ? * XYZ *)",
        "cron(0 3 ? * 3#6 *)",
        "cron(0 3 * * ? 1969)",
        "cron(0/0 3 * * ? *)",
        "cron(0, 3 * * ? *)",
        "cron(\uff10 3 * * ? *)",
        "cron(0 3 * * ? *) ",
        "rate(1 day)",
    ],
)
def test_what_eventbridge_refuses_is_refused(schedule: str) -> None:
    with pytest.raises(SettingsError, match="1 mistake") as caught:
        settings.parse(backup(schedule=schedule))
    assert "write it as an EventBridge cron expression of six fields" in str(caught.value)


@pytest.mark.parametrize("schedule", ["cron(00 06 * * ? *)", "cron( 0 6  * * ? *)"])
def test_one_time_in_two_spellings_is_one_time(schedule: str) -> None:
    with pytest.raises(SettingsError, match="a volume has one backup job at a time"):
        settings.parse(backup(schedule=schedule))
