"""How far apart the times of a CronJob's schedule may be."""

from datetime import date, timedelta
from itertools import pairwise

DAY = 24 * 60
FIRST = date(2027, 1, 1)
YEARS = 8
"""How far ahead it looks: two leap days are in it."""


def longest(schedule: str) -> int:
    """The longest time between two runs of a schedule of five fields in numbers, in seconds.

    Where day of month and weekday are both restricted, either is enough (crontab(5)).
    """
    minutes, hours, days, months, weekdays = (
        _numbers(field, *limits)
        for field, limits in zip(schedule.split(), ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6)), strict=True)
    )
    any_day, any_weekday = (schedule.split()[number].startswith("*") for number in (2, 4))
    of_a_day = sorted(60 * hour + minute for hour in hours for minute in minutes)
    gaps, last = [after - before for before, after in pairwise(of_a_day)], None
    for number in range(YEARS * 366):
        day = FIRST + timedelta(days=number)
        by_month, by_week = day.day in days, day.isoweekday() % 7 in weekdays
        fits = by_month and by_week if any_day or any_weekday else by_month or by_week
        if day.month not in months or not fits:
            continue
        if last is not None:
            gaps.append(DAY * (number - last) + of_a_day[0] - of_a_day[-1])
        last = number
    if not gaps or last is None:
        raise ValueError(f"{schedule} runs at most once in {YEARS} years; name another schedule")
    return 60 * max(gaps)


def _numbers(field: str, least: int, greatest: int) -> set[int]:
    """What a field stands for: `*`, `5`, `1-5`, `*/15`, `0-30/10`, and lists of these."""
    found: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        begin = least if first == "*" else int(first)
        end = int(last) if last else greatest if first == "*" or step else begin
        found |= set(range(begin, end + 1, int(step) if step else 1))
    return found
