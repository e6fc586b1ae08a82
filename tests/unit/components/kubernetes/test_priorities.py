"""Priority classes: which tier stays when there is no room for all."""

import pytest

from components.kubernetes.priorities import DATA, EDGE, PRIORITIES, SERVING
from tests.conftest import Recording
from tools.stack import names

EXPECTED = {"redis": DATA, "traefik": EDGE, "redis-write": SERVING, "frontend": SERVING, "fileserver": SERVING}
OF_KUBERNETES = "system-cluster-critical"


@pytest.fixture(params=[name for name in names() if name != "shared"])
def stack(request: pytest.FixtureRequest) -> str:
    return request.param


def test_each_tier_has_its_class(recording: Recording) -> None:
    found = {}
    for kind in ("kubernetes:apps/v1:Deployment", "kubernetes:apps/v1:StatefulSet"):
        for workload in recording.all(kind):
            said = workload["spec"]["template"]["spec"].get("priorityClassName")
            if said != OF_KUBERNETES:
                found[workload["metadata"]["name"]] = said
    assert {name: found.pop(name) for name in EXPECTED} == EXPECTED
    assert found.pop("auth", SERVING) == SERVING
    assert set(found.values()) <= {None}


def test_data_outlasts_the_edge_and_the_edge_what_serves(recording: Recording) -> None:
    values = {c["metadata"]["name"]: c["value"] for c in recording.all("kubernetes:scheduling.k8s.io/v1:PriorityClass")}
    assert values == {name: value for name, (value, _) in PRIORITIES.items()}
    assert values[DATA] > values[EDGE] > values[SERVING] > 0


def test_jobs_go_first(recording: Recording) -> None:
    for job in recording.all("kubernetes:batch/v1:CronJob"):
        assert "priorityClassName" not in job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
