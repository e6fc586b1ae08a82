"""What Prometheus reads."""

from collections.abc import Callable, Iterable

from prometheus_client import (
    CollectorRegistry,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})

CONTENT_TYPE = CONTENT_TYPE_LATEST.encode()


class Metrics:
    """Requests by method, route and status, and whether each Redis host is connected."""

    def __init__(self, redis_up: Callable[[], dict[str, bool]], about: dict[str, str]) -> None:
        disable_created_metrics()
        self._registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self._registry)
        self._requests = Histogram(
            "journal_http_request_duration_seconds",
            "Time from the request's head to the end of its answer.",
            ("method", "route", "status"),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._known: dict[tuple[str, str, int], Histogram] = {}
        self._registry.register(_State(redis_up, about))

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        key = (method, route, status)
        histogram = self._known.get(key)
        if histogram is None:
            label = method if method in _METHODS else "other"
            histogram = self._requests.labels(label, route, str(status))
            if label == method:
                self._known[key] = histogram
        histogram.observe(seconds)

    def render(self) -> bytes:
        return generate_latest(self._registry)


class _State:
    """Values that are asked for when they are read."""

    def __init__(self, redis_up: Callable[[], dict[str, bool]], about: dict[str, str]) -> None:
        self._redis_up, self._about = redis_up, about

    def collect(self) -> Iterable[Metric]:
        up = GaugeMetricFamily("journal_redis_up", "1 while there is a connection to this Redis host.", labels=["role"])
        for role, is_up in self._redis_up().items():
            up.add_metric([role], int(is_up))
        about = GaugeMetricFamily("journal_info", "What runs here.", labels=list(self._about))
        about.add_metric(list(self._about.values()), 1)
        return up, about
