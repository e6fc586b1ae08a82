"""Settings of an autoscaler that cannot work are refused, with what to do instead."""

from typing import Any

import pytest

from components import settings
from components.settings import SettingsError
from tests.conftest import settings_of

LOCAL = settings_of("local")
NEXT = "localhost/journal/frontend:v1.1.0"


def scaled(release: dict[str, Any] | None = None, *, replicas: int | None = None, **autoscaling: Any) -> dict[str, Any]:
    tier = {key: value for key, value in LOCAL["frontend"].items() if key != "replicas"}
    more = {} if replicas is None else {"replicas": replicas}
    bounds = {"minReplicas": 2, "maxReplicas": 4, **autoscaling}
    return {**LOCAL, "frontend": {**tier, **more, "autoscaling": bounds, "release": release or {}}}


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (scaled(minReplicas=1), "frontend.autoscaling.minReplicas = 1"),
        (scaled(maxReplicas=101), "frontend.autoscaling.maxReplicas = 101"),
        (scaled(minReplicas=5), "maxReplicas 4 below minReplicas 5: raise it, or lower minReplicas"),
        (scaled(maxreplicas=4), "did you mean 'maxReplicas'?"),
        (scaled(replicas=3), "replicas 3 beside autoscaling, which chooses from 2 to 4: take out one of them"),
        (scaled(replicas=2), "replicas 2 beside autoscaling"),
        (scaled(cpuUtilization=5), "frontend.autoscaling.cpuUtilization = 5"),
        (scaled(cpuUtilization=1000 * 2), "frontend.autoscaling.cpuUtilization = 2000"),
        (scaled(scaleDownSeconds=3601), "frontend.autoscaling.scaleDownSeconds = 3601"),
        (scaled({"maxSurge": 5}), "release.maxSurge 5 of 4 replicas"),
        (scaled({"maxUnavailable": 2}), "release.maxUnavailable 2 of 2 replicas"),
        (
            scaled({"strategy": "canary", "candidate": NEXT}),
            "name by weight, strategy blueGreen, or replicas in place of",
        ),
    ],
)
def test_what_cannot_work_is_refused(raw: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        settings.parse(raw)
    assert said in str(caught.value)


def test_more_cpu_than_pods_may_use_is_refused() -> None:
    raw = scaled(cpuUtilization=100)
    raw["frontend"]["resources"] = {"cpu": "50m", "memory": "96Mi", "cpuLimit": "50m", "memoryLimit": "96Mi"}
    with pytest.raises(SettingsError, match="are held to cpuLimit 50m and never use more"):
        settings.parse(raw)


@pytest.mark.parametrize(
    "release", [{}, {"paused": True}, {"strategy": "blueGreen", "candidate": NEXT}, {"strategy": "canary"}]
)
def test_what_rests_on_no_fixed_number_goes_with_it(release: dict[str, Any]) -> None:
    found = settings.parse(scaled(release))
    assert isinstance(found, settings.Settings)
    assert found.autoscales


def test_the_same_bounds_fix_the_number() -> None:
    found = settings.parse(scaled(minReplicas=4))
    assert isinstance(found, settings.Settings)
    assert (found.frontend.least, found.frontend.most, found.frontend.pods) == (4, 4, 4)


def test_a_fixed_number_is_no_autoscaling() -> None:
    found = settings.parse(LOCAL)
    assert isinstance(found, settings.Settings)
    assert not found.autoscales
    assert (found.frontend.least, found.frontend.most) == (2, 2)
