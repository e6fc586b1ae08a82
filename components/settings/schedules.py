"""Schedules as EventBridge's cron expressions: minutes, hours, day of month, month, day of week, year, in UTC."""

import re
from typing import Annotated

from pydantic import AfterValidator

MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_EXPRESSION = re.compile(r"cron\(([^()]+)\)")
_STEPS = re.compile(r"(?P<first>[0-9A-Z*]+)(?:-(?P<last>[0-9A-Z]+))?(?:/(?P<every>[1-9][0-9]{0,3}))?", re.ASCII)
_DAY_OF_MONTH = re.compile(r"L|LW|(3[01]|[12][0-9]|[1-9])W")
_DAY_OF_WEEK = re.compile(r"L|[1-7](L|#[1-5])")
_FIELDS = (
    ((0, 59), ()),
    ((0, 23), ()),
    ((1, 31), ()),
    ((1, 12), MONTHS),
    ((1, 7), DAYS),
    ((1970, 2199), ()),
)
"""By field: the least and the greatest number, and the words that stand for numbers (EventBridge guide, Cron-based
schedules)."""
_DAY_FIELDS = {2: _DAY_OF_MONTH, 4: _DAY_OF_WEEK}


def fields(expression: str) -> tuple[str, ...] | None:
    """The six fields, in capitals and without leading zeros: the same for the same times. None for no expression."""
    found = _EXPRESSION.fullmatch(expression)
    parts = [] if found is None else found[1].upper().split()
    if len(parts) != len(_FIELDS) or [parts[number] for number in _DAY_FIELDS].count("?") != 1:
        return None
    if not all(_is_field(number, text) for number, text in enumerate(parts)):
        return None
    return tuple(re.sub(r"\b0+(?=[0-9])", "", part) for part in parts)


def _is_field(number: int, text: str) -> bool:
    if number in _DAY_FIELDS and (text == "?" or _DAY_FIELDS[number].fullmatch(text)):
        return True
    return all(_is_part(number, part) for part in text.split(","))


def _is_part(number: int, text: str) -> bool:
    (least, greatest), words = _FIELDS[number]
    found = _STEPS.fullmatch(text)
    if found is None or (found["first"] == "*" and found["last"]):
        return False
    ends = [end for end in (found["first"], found["last"]) if end not in (None, "*")]
    return all(end in words or (end.isdecimal() and least <= int(end) <= greatest) for end in ends)


def _schedule(text: str) -> str:
    if fields(text) is None:
        raise ValueError(
            "is no schedule; write it as an EventBridge cron expression of six fields with ? for one of the two days, "
            "like cron(0 3 * * ? *)"
        )
    return text


Schedule = Annotated[str, AfterValidator(_schedule)]
