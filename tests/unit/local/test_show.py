"""The tables of `make status`."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from local import show
from local.access import Access

CREATED = (datetime.now(UTC) - timedelta(hours=26, seconds=5)).isoformat(timespec="seconds").replace("+00:00", "Z")


def tier(name: str, ready: int, wanted: int) -> dict[str, Any]:
    container = {"image": f"localhost/{name}:v1"}
    return {
        "metadata": {"name": name, "namespace": "journal", "creationTimestamp": CREATED},
        "spec": {"replicas": wanted, "template": {"spec": {"containers": [container]}}},
        "status": {"readyReplicas": ready},
    }


def pod(tier: str, *restarts: int) -> dict[str, Any]:
    labels = {"app.kubernetes.io/name": tier}
    statuses = [{"restartCount": count} for count in restarts]
    return {"metadata": {"namespace": "journal", "labels": labels}, "status": {"containerStatuses": statuses}}


@dataclass(frozen=True)
class Answers(Access):
    """A cluster that holds these objects, by kind."""

    objects: dict[str, list[dict[str, Any]]]

    def json(self, *arguments: str) -> Any:
        return {"items": self.objects[arguments[1]]}


def answers(**objects: list[dict[str, Any]]) -> Access:
    return Answers(
        Path("kubectl"), None, None, None, {name.replace("_", ","): found for name, found in objects.items()}
    )


@pytest.mark.parametrize(("ready", "expected"), [(2, True), (1, False)])
def test_a_tier_is_shown_with_its_pods(ready: int, expected: bool, capsys: pytest.CaptureFixture[str]) -> None:
    tiers = [tier("redis", 3, 3), tier("frontend", ready, 2)]
    pods = [pod("redis", 1, 2), pod("redis", 4), pod("frontend", 0)]
    assert show.tiers(answers(deployments_statefulsets=tiers, pods=pods)) is expected
    rows = [line.strip("│ ").split() for line in capsys.readouterr().out.splitlines() if "localhost/" in line]
    assert [row[::2] for row in rows] == [
        ["frontend", "journal", f"{ready}/2", "0", "localhost/frontend:v1", "1d2h"],
        ["redis", "journal", "3/3", "7", "localhost/redis:v1", "1d2h"],
    ]


def test_a_cluster_without_tiers_is_not_ready() -> None:
    assert not show.tiers(answers(deployments_statefulsets=[], pods=[]))


def autoscaler(active: bool, **current: int) -> dict[str, Any]:
    aim = {"resource": {"target": {"averageUtilization": 70}}}
    reason = "ValidMetricFound" if active else "FailedGetResourceMetric"
    condition = {"type": "ScalingActive", "status": str(active), "reason": reason}
    status = {"currentReplicas": 3, "conditions": [condition], "currentMetrics": [{"resource": {"current": current}}]}
    spec = {"minReplicas": 2, "maxReplicas": 8, "metrics": [aim]}
    return {"metadata": {"name": "frontend"}, "spec": spec, "status": status}


def test_an_autoscaler_is_shown_with_its_bounds_and_how_busy_pods_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert show.autoscalers(answers(horizontalpodautoscalers=[autoscaler(True, averageUtilization=35)]))
    (row,) = [line for line in capsys.readouterr().out.splitlines() if "frontend" in line]
    assert [cell.strip() for cell in row.strip("│").split("│")] == ["frontend", "3", "2", "8", "35 %", "70 %", "yes"]


def test_an_autoscaler_that_knows_nothing_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    assert not show.autoscalers(answers(horizontalpodautoscalers=[autoscaler(False)]))
    said = capsys.readouterr().out
    assert "unknown" in said
    assert "FailedGetResourceMetric" in said.replace("\n", "")


def test_without_autoscalers_nothing_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert show.autoscalers(answers(horizontalpodautoscalers=[]))
    assert capsys.readouterr().out == ""
