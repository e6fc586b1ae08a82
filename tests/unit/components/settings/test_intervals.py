"""How far apart backups may be, by their schedule."""

import pytest

from components import settings
from components.settings import SettingsError
from components.settings.intervals import longest
from tests.conftest import settings_of

HOUR, DAY = 3600, 86400


@pytest.mark.parametrize(
    ("schedule", "seconds"),
    [
        ("17 * * * *", HOUR),
        ("*/15 * * * *", HOUR / 4),
        ("0,50 * * * *", 50 * 60),
        ("0 3 * * *", DAY),
        ("0 3,5 * * *", 22 * HOUR),
        ("0 8-18/2 * * *", 14 * HOUR),
        ("0 3 * * 1-5", 3 * DAY),
        ("0 3 * * 0", 7 * DAY),
        ("0 3 1 * *", 31 * DAY),
        ("0 3 1 * 1", 7 * DAY),
        ("0 3 29 2 *", (4 * 365 + 1) * DAY),
    ],
)
def test_the_longest_time_between_two_runs(schedule: str, seconds: float) -> None:
    assert longest(schedule) == seconds


def test_a_schedule_that_never_comes_has_none() -> None:
    with pytest.raises(ValueError, match="at most once in 8 years"):
        longest("0 3 30 2 *")


def test_alarms_need_backups_that_come_again() -> None:
    prod = settings_of("prod")
    redis = {**prod["redis"], "backup": {"schedule": "0 3 30 2 *"}}
    with pytest.raises(SettingsError, match=r"redis\.backup\.schedule: 0 3 30 2 \* runs at most once"):
        settings.parse({**prod, "redis": redis})
    settings.parse({**prod, "redis": redis, "aws": {**prod["aws"], "alarms": None}})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"email": "ops@example.com"}, "no mail comes to example.com"),
        ({"email": "ops"}, "is no mail address"),
        ({"runbooks": "http://wiki.kbp-sample.com/runbooks"}, "runbooks"),
        ({"runbooks": "https://wiki.kbp-sample.com/runbooks#top"}, "runbooks"),
        ({"mail": "ops@kbp-sample.com"}, "unknown key"),
    ],
)
def test_alarms_that_reach_nobody_are_refused(changes: dict[str, str], message: str) -> None:
    prod = settings_of("prod")
    alarms = {**prod["aws"]["alarms"], **changes}
    with pytest.raises(SettingsError, match=message):
        settings.parse({**prod, "aws": {**prod["aws"], "alarms": alarms}})
