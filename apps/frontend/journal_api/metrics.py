"""What Prometheus reads: requests by method, route and status, each Redis host, what runs here."""

from collections.abc import Callable

from prometheus_client import REGISTRY, Gauge, Histogram, disable_created_metrics

from .primary import PrimaryCollector

_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})

disable_created_metrics()
_REQUESTS = Histogram(
    "journal_http_request_duration_seconds",
    "Time from the request's head to the end of its answer.",
    ("method", "route", "status"),
    buckets=_SECONDS,
)
_UP = Gauge("journal_redis_up", "1 while there is a connection to this Redis host.", ("role",))
_known: dict[tuple[str, str, int], Histogram] = {}


def describe(redis_up: Callable[[str], bool], primary_said: Callable[[], bytes], about: dict[str, str]) -> None:
    """`redis_up`, by role, and `primary_said`, its INFO, are asked whenever the metrics are read."""
    REGISTRY.register(PrimaryCollector(primary_said))
    for role in ("read", "write"):
        _UP.labels(role).set_function(lambda role=role: float(redis_up(role)))
    Gauge("journal_info", "What runs here.", tuple(about)).labels(**about).set(1)


def observe(method: str, route: str, status: int, seconds: float) -> None:
    key = (method if method in _METHODS else "other", route, status)
    if key not in _known:
        _known[key] = _REQUESTS.labels(key[0], route, str(status))
    _known[key].observe(seconds)
