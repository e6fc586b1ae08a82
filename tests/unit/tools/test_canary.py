"""When a canary goes on, waits, or is taken away."""

import subprocess
from collections.abc import Mapping

import pytest

from tools.canary import Counts, Thresholds, Verdict, between, decide, parse, read, read_alarms, watch

LIMITS = Thresholds(requests=200, share=0.01)
GO_ON, WAIT, ABORT = Verdict.GO_ON, Verdict.WAIT, Verdict.ABORT
OK = {"journal-prod-a": "OK"}


def counts(requests: int, errors: int = 0) -> Counts:
    return Counts(requests=requests, errors=errors)


@pytest.mark.parametrize(
    ("current", "candidate", "alarms", "verdict"),
    [
        (counts(600), counts(200), OK, GO_ON),
        (counts(600), counts(200), {}, GO_ON),
        (counts(0), counts(200), OK, GO_ON),  # at 100 % nobody else answers
        (counts(600), counts(199), OK, WAIT),
        (counts(600), counts(0), OK, WAIT),
        (counts(0), counts(0), OK, WAIT),
        (counts(600), counts(200, 2), OK, GO_ON),  # 1 % more
        (counts(600), counts(200, 3), OK, ABORT),
        (counts(600), counts(10, 2), OK, WAIT),  # few of few
        (counts(600), counts(10, 10), OK, ABORT),  # all of few
        (counts(0), counts(200, 3), OK, ABORT),
        (counts(600, 60), counts(200, 20), OK, WAIT),  # both fail alike
        (counts(600, 60), counts(200, 23), OK, ABORT),  # both fail, the candidate more
        (counts(600, 60), counts(200, 0), OK, GO_ON),  # the candidate mends it
        (counts(3, 3), counts(200, 20), OK, ABORT),  # three requests are no usual share
        (counts(600), counts(200), {"a": "ALARM"}, WAIT),
        (counts(600), counts(200), {"a": "OK", "b": "INSUFFICIENT_DATA"}, WAIT),
        (counts(600), counts(200, 3), {"a": "ALARM"}, ABORT),
        (counts(600), counts(200, 3), {"a": "INSUFFICIENT_DATA"}, ABORT),
    ],
)
def test_decisions(current: Counts, candidate: Counts, alarms: Mapping[str, str], verdict: Verdict) -> None:
    assert decide(current, candidate, alarms, LIMITS).verdict == verdict


def test_a_decision_says_why() -> None:
    assert decide(counts(600, 6), counts(200, 100), {}, LIMITS).reason == (
        "50 % of 200 of the candidate's answers are 5xx, 1 % of 600 of the current version's."
    )
    assert decide(counts(0), counts(200), {"b": "ALARM", "a": "INSUFFICIENT_DATA"}, LIMITS).reason == (
        "Alarms: a (INSUFFICIENT_DATA), b (ALARM)."
    )
    assert decide(counts(0), counts(7), {}, LIMITS).reason == "The candidate has answered 7 of 200 requests."


def test_more_errors_never_speak_for_a_candidate() -> None:
    order = [GO_ON, WAIT, ABORT]
    for requests in (1, 50, 200, 1000):
        found = [order.index(decide(counts(600, 3), counts(requests, e), OK, LIMITS).verdict) for e in range(requests)]
        worse = [verdict for verdict in found if verdict != order.index(WAIT)]
        assert worse == sorted(worse)


METRICS = """\
# TYPE journal_http_request_duration_seconds histogram
journal_http_request_duration_seconds_bucket{le="0.5",method="GET",route="/api/entries",status="200"} 90.0
journal_http_request_duration_seconds_count{method="GET",route="/api/entries",status="200"} 90.0
journal_http_request_duration_seconds_count{method="POST",route="/api/entries",status="503"} 4.0
journal_http_request_duration_seconds_count{method="POST",route="/api/entries",status="422"} 5.0
journal_http_request_duration_seconds_count{method="GET",route="/api/entries",status="500"} 1.0
journal_redis_up{role="read"} 1.0
"""


def test_a_pod_s_metrics() -> None:
    assert parse(METRICS) == counts(100, 5)
    assert parse("") == counts(0)


def test_between_two_readings() -> None:
    before = {"a": counts(100, 1), "b": counts(500, 5), "gone": counts(7, 7)}
    after = {"a": counts(150, 2), "b": counts(10, 0), "new": counts(3, 1)}
    assert between(before, after) == counts(63, 2)


class Cluster:
    """kubectl and aws of a cluster whose candidate answers some requests, and some of them with 5xx, each time."""

    def __init__(self, candidate: tuple[int, int], alarm: str = "OK") -> None:
        self.candidate, self.alarm, self.readings, self.now = candidate, alarm, 0, 0.0

    def __call__(self, *command: str) -> str:
        if command[0] == "aws":
            return f'[["journal-prod-a", "{self.alarm}"]]'
        if "get" in command:
            return "p1 p2"
        name = command[command.index("exec") + 1]
        if name == "p2":
            raise subprocess.CalledProcessError(1, command, stderr="container not running")
        self.readings += 1
        requests, errors = (number * self.readings for number in self.candidate)
        line = 'journal_http_request_duration_seconds_count{{method="GET",status="{}"}} {}.0\n'
        return line.format(200, requests - errors) + line.format(500, errors)

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def watched(cluster: Cluster, minutes: float = 2, patience: float = 3) -> Verdict:
    decision = watch(
        cluster,
        minutes=minutes,
        patience=patience,
        prefix="journal-prod",
        limits=LIMITS,
        sleep=cluster.sleep,
        clock=lambda: cluster.now,
    )
    return decision.verdict


def test_a_pod_that_cant_be_asked_has_answered_nothing() -> None:
    assert read(Cluster((10, 1)), "frontend") == {"p1": counts(10, 1)}


def test_alarms_are_asked_for_by_a_prefix() -> None:
    assert read_alarms(Cluster((0, 0)), "journal-prod") == {"journal-prod-a": "OK"}
    assert read_alarms(Cluster((0, 0)), None) == {}


def test_a_good_candidate_is_watched_for_the_whole_time() -> None:
    cluster = Cluster((100, 0))
    assert watched(cluster) == GO_ON
    assert cluster.now == 120


def test_an_alarm_or_a_want_of_requests_ends_in_waiting() -> None:
    for cluster in (Cluster((100, 0), alarm="ALARM"), Cluster((1, 0))):
        assert watched(cluster) == WAIT
        assert cluster.now == 300


def test_what_goes_wrong_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert watched(Cluster((1, 0)), minutes=0.5, patience=0) == WAIT
    assert capsys.readouterr().out.splitlines()[0] == ("0.2 min: wait. The candidate has answered 2 of 200 requests.")
