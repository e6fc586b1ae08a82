"""The dashboard: by metrics that something exports, with the thresholds of the alarms, and as it is in docs/."""

import json

import pytest

from components.observability import dashboard
from components.observability.dashboard import Panel, panels
from components.observability.rules import alarms
from tests.conftest import ROOT
from tests.unit.components.observability.test_rules import FROM_OTHERS, METRIC, WATCHED


def test_it_is_written() -> None:
    assert (ROOT / "docs" / "dashboard.json").read_text() == dashboard.text(), "make pictures"


@pytest.mark.parametrize("panel", panels(), ids=lambda panel: panel.title)
def test_every_metric_is_exported_by_something(panel: Panel) -> None:
    ours = "".join(path.read_text() for path in (ROOT / "apps/frontend/journal_api").glob("*.py"))
    found = {metric for query in panel.queries.values() for metric in METRIC.findall(f"{query} ".replace(")", " "))}
    assert found
    assert [metric for metric in found if metric not in FROM_OTHERS and f'"{metric}"' not in ours] == []


def test_what_has_an_alarm_is_seen() -> None:
    """But for jobs that failed, and targets, which are not of the journal."""
    shown = {metric for panel in panels() for query in panel.queries.values() for metric in METRIC.findall(f"{query} ")}
    raised = {metric for alarm in alarms(WATCHED) for metric in METRIC.findall(alarm.expression)}
    assert raised - shown <= {"up", "kube_job_failed", "kube_job_created", "kube_cronjob_created"}


def test_panels_stand_side_by_side() -> None:
    places = [tuple(panel["gridPos"].values()) for panel in json.loads(dashboard.text())["panels"]]
    assert len(set(places)) == len(places) == len(panels())
    assert all(x + width <= 24 for x, _, width, _ in places)
