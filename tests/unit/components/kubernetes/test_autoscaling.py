"""A tier whose pods an autoscaler counts: what its Deployment leaves out, and what a candidate beside it gets."""

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from components.kubernetes.release import Pods, bounds, pods
from components.settings import Tier
from tests.conftest import Recording, record, settings_of

TIER = {key: value for key, value in settings_of("local")["frontend"].items() if key != "replicas"}
NEXT = "localhost/journal/frontend:v1.1.0-0123abcd"
AUTOSCALING = {"minReplicas": 2, "maxReplicas": 8, "cpuUtilization": 60, "scaleDownSeconds": 120}
BESIDE = {"strategy": "blueGreen", "candidate": NEXT}


@cache
def scaled(**release: Any) -> Recording:
    return record("local", frontend={**TIER, "autoscaling": AUTOSCALING, "release": release})


def test_an_autoscaler_has_the_bounds_and_the_deployment_no_number() -> None:
    recording = scaled()
    scaler = recording.one("HorizontalPodAutoscaler", "frontend")
    assert scaler.type == "kubernetes:autoscaling/v2:HorizontalPodAutoscaler"
    spec = scaler["spec"]
    assert spec["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": "frontend"}
    assert (spec["minReplicas"], spec["maxReplicas"]) == (2, 8)
    aim = {"type": "Utilization", "averageUtilization": 60}
    assert spec["metrics"] == [{"type": "Resource", "resource": {"name": "cpu", "target": aim}}]
    deployment = recording.one("Deployment", "frontend")
    assert "replicas" not in deployment["spec"]
    assert deployment.urn in scaler.dependencies


def test_pods_come_at_once_and_go_one_by_one_after_a_while() -> None:
    behavior = scaled().one("HorizontalPodAutoscaler", "frontend")["spec"]["behavior"]
    assert behavior["scaleUp"]["stabilizationWindowSeconds"] == 0
    assert behavior["scaleDown"]["stabilizationWindowSeconds"] == 120
    assert {"type": "Pods", "value": 1, "periodSeconds": 60} in behavior["scaleDown"]["policies"]


def test_the_number_of_pods_stays_while_the_autoscaler_takes_it_over() -> None:
    """Without `ignore_changes`, server-side apply would take back the number, and leave one pod."""
    assert scaled().one("Deployment", "frontend").ignore_changes == ("spec.replicas",)


def test_a_fixed_number_is_set_whoever_set_it_last(recorded: Callable[[str], Recording]) -> None:
    fixed = recorded("local").one("Deployment", "frontend")
    assert fixed.ignore_changes == ()
    assert fixed["spec"]["replicas"] == 2
    before, after = scaled().one("Deployment", "frontend"), fixed
    taken_back = [r["metadata"].get("annotations", {}).get("pulumi.com/patchForce") for r in (before, after)]
    assert taken_back == [None, "true"], "a change that Pulumi sees, whatever number its state remembers"


def test_blue_and_green_have_the_most_pods_while_both_run() -> None:
    recording = scaled(**BESIDE)
    assert recording.one("Deployment", "frontend-candidate")["spec"]["replicas"] == 8
    (scaler,) = recording.of_type("HorizontalPodAutoscaler")
    assert scaler["spec"]["scaleTargetRef"]["name"] == "frontend"
    assert (scaler["spec"]["minReplicas"], scaler["spec"]["maxReplicas"]) == (8, 8)
    tier = Tier.model_validate({**TIER, "autoscaling": AUTOSCALING, "release": BESIDE})
    assert pods(tier) == Pods(current=8, candidate=8)
    assert tier.pods == 16


def test_a_canary_by_weight_has_the_most_pods_too() -> None:
    release = {"strategy": "canary", "by": "weight", "candidate": NEXT, "share": 5}
    tier = Tier.model_validate({**TIER, "autoscaling": AUTOSCALING, "release": release})
    found = bounds(tier)
    assert found is not None
    assert (found.min_replicas, found.max_replicas) == (8, 8)
    assert pods(tier) == Pods(current=8, candidate=8)


def test_once_the_candidate_is_gone_the_bounds_are_the_settings() -> None:
    tier = Tier.model_validate({**TIER, "autoscaling": AUTOSCALING, "release": {"strategy": "blueGreen"}})
    assert bounds(tier) == tier.autoscaling
    assert pods(tier) == Pods(current=8, candidate=0)


@pytest.mark.parametrize("strategy", ["recreate", "canary"])
def test_every_strategy_works_with_an_autoscaler_while_no_candidate_runs(strategy: str) -> None:
    assert scaled(strategy=strategy).one("HorizontalPodAutoscaler", "frontend")


def test_what_counts_pods_counts_the_most() -> None:
    tiers = {
        name: {**TIER, "image": settings_of("local")[name]["image"], "autoscaling": {"maxReplicas": 100}}
        for name in ("frontend", "fileserver")
    }
    recording = record("local", **tiers)
    (quota,) = [r for r in recording.of_type("ResourceQuota") if r["metadata"]["namespace"] == "journal"]
    assert int(quota["spec"]["hard"]["pods"]) >= 2 * 200
    assert {"frontend", "fileserver"} <= {r.name for r in recording.of_type("PodDisruptionBudget")}


def test_a_rollout_of_the_most_pods_is_waited_for() -> None:
    deployment = scaled(minReadySeconds=30).one("Deployment", "frontend")
    assert deployment["metadata"]["annotations"]["pulumi.com/timeoutSeconds"] == str(600 + 8 * 30)


def test_prod_and_its_rehearsal_scale_by_themselves(recorded: Callable[[str], Recording]) -> None:
    for stack in ("staging", "prod"):
        scalers = {r.name for r in recorded(stack).of_type("HorizontalPodAutoscaler")}
        assert scalers == {"fileserver"}, "the API is a canary by pods"
        assert recorded(stack).one("aws:eks/addon:Addon", "metrics-server")
