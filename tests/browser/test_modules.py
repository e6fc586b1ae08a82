"""The page's pure functions, as the stack serves them, over tables."""

from typing import Any

import pytest

from tests.browser.visit import Visit

pytestmark = [pytest.mark.live, pytest.mark.browser]
NOW = "2026-11-21T12:00:00"
CALL = """async ([module, name, args]) => {
    const link = [...document.querySelectorAll("link[rel=modulepreload]")].find((l) => l.href.includes(`/${module}.`));
    return (await import(link.href))[name](...args.map((a) => a?.date ? new Date(a.date) : a));
}"""


def call(visit: Visit, module: str, name: str, *args: Any) -> Any:
    """What the function in that module of the page answers. A dict {"date": …} is handed over as a Date."""
    return visit.page.evaluate(CALL, [module, name, args])


def test_relative_times(visit: Visit) -> None:
    visit.open()
    table = {
        "2026-11-21T12:00:09": "just now",
        "2026-11-21T11:59:16": "just now",
        "2026-11-21T11:59:15": "45 seconds ago",
        "2026-11-21T11:59:00": "1 minute ago",
        "2026-11-21T11:00:01": "59 minutes ago",
        "2026-11-21T11:00:00": "1 hour ago",
        "2026-11-20T12:00:01": "23 hours ago",
        "2026-11-20T12:00:00": "1 day ago",
        "2026-10-23T12:00:00": "29 days ago",
        "2026-10-22T11:00:00": "1 month ago",
        "2024-11-01T12:00:00": "2 years ago",
    }
    assert {then: call(visit, "time", "relative", {"date": then}, {"date": NOW}) for then in table} == table


def test_names_of_days(visit: Visit) -> None:
    visit.open()
    table = {
        "2026-11-21": "Today",
        "2026-11-20": "Yesterday",
        "2026-11-19": "Thursday, 19 November",
        "2026-01-01": "Thursday, 1 January",
        "2025-12-31": "31 December 2025",
    }
    assert {day: call(visit, "time", "dayName", day, {"date": NOW}) for day in table} == table


def test_retry_after_headers(visit: Visit) -> None:
    visit.open()
    now = call(visit, "time", "retryAfter", None, 0)
    assert now is None
    at_noon = 1_795_262_400_000  # Sat, 21 Nov 2026 12:00:00 GMT
    table: dict[str, float | None] = {
        "": None,
        "0": 0,
        "7": 7,
        "-3": 0,
        "soon": None,
        "Sat, 21 Nov 2026 12:00:30 GMT": 30,
        "Sat, 21 Nov 2026 11:00:00 GMT": 0,
    }
    assert {header: call(visit, "time", "retryAfter", header, at_noon) for header in table} == table


@pytest.mark.parametrize(
    ("failures", "retry_after", "seconds"),
    [(1, None, 1), (2, None, 2), (5, None, 16), (6, None, 30), (50, None, 30), (1, 7, 7), (9, 0, 1), (1, 120, 120)],
)
def test_delays(visit: Visit, failures: int, retry_after: float | None, seconds: float) -> None:
    assert call(visit.open(), "connection", "delay", failures, retry_after) == seconds


def test_problems_in_words(visit: Visit) -> None:
    visit.open()
    table = [
        ({"title": "Too long", "detail": "At most 10 characters."}, "At most 10 characters."),
        ({"title": "Too long"}, "Too long"),
        ({}, "The server answered with status 418."),
        (None, "The server answered with status 418."),
    ]
    for problem, words in table:
        assert call(visit, "api", "problemMessage", 418, problem) == words


def test_first_words(visit: Visit) -> None:
    visit.open()
    table = {
        "One\n\n  line ": "One line",
        "x" * 40: "x" * 40,
        "x" * 41: "x" * 40 + "…",
        "🌿" * 41: "🌿" * 40 + "…",
        "Called Ana. She moves to Porto in March. Or so she says.": "Called Ana. She moves to Porto in March.…",
        "Walked to the harbour before breakfast today": "Walked to the harbour before breakfast…",
        " \n": "blank entry",
        "null": "blank entry",
    }
    assert {text: call(visit, "text", "firstWords", text) for text in table} == table


def test_what_is_blank(visit: Visit) -> None:
    visit.open()
    table = {"": True, " \n\t": True, "\u00a0\u2003\u200b\ufeff": True, "null": True}
    table |= {"0": False, " x ": False, "\u200bx": False, "Null": False, "null.": False, "🌿": False}
    assert {text: call(visit, "text", "isBlank", text) for text in table} == table
