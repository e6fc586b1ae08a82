"""How a tier's versions run side by side: pods by version, and the Service that leads to them."""

from typing import Any

import pytest

from components.kubernetes.release import Pods, pods, rounding, split
from components.settings import Tier
from tests.conftest import Recording, record, settings_of

TIER = settings_of("local")["frontend"]
NEXT = "localhost/journal/frontend:v1.1.0-0123abcd"


def tier(replicas: int = 4, **release: Any) -> Tier:
    return Tier.model_validate({**TIER, "replicas": replicas, "release": release})


def recorded(name: str = "frontend", stack: str = "local", replicas: int = 4, **release: Any) -> Recording:
    settings = {**settings_of(stack)[name], "replicas": replicas, "release": release}
    return record(stack, **{name: settings})


def version(recording: Recording, name: str) -> tuple[int, str]:
    """Replicas and image of a Deployment."""
    spec = recording.one("Deployment", name)["spec"]
    return spec["replicas"], spec["template"]["spec"]["containers"][0]["image"]


@pytest.mark.parametrize(
    ("replicas", "share", "candidate"),
    [
        (4, 25, 1),
        (4, 50, 2),
        (4, 75, 3),
        (4, 100, 4),
        (2, 1, 1),
        (2, 25, 1),
        (2, 50, 1),
        (2, 99, 1),
        (2, 100, 2),
        (3, 50, 2),  # half up
        (10, 4, 1),
        (10, 15, 2),
        (10, 99, 9),
        (100, 1, 1),
    ],
)
def test_a_share_becomes_whole_pods(replicas: int, share: int, candidate: int) -> None:
    assert split(replicas, share) == Pods(current=replicas - candidate, candidate=candidate)


def test_no_share_is_further_off_than_half_a_pod_or_the_one_that_each_version_has() -> None:
    for replicas in range(2, 101):
        for share in range(1, 101):
            found = split(replicas, share)
            assert found.current + found.candidate == replicas
            off = abs(found.candidate - replicas * share / 100)
            assert off <= 0.5 or (min(found.current, found.candidate) == 1 and off < 1), (replicas, share)


@pytest.mark.parametrize(("replicas", "share"), [(1, 50), (4, 0), (4, 101), (4, -1)])
def test_what_cant_be_split(replicas: int, share: int) -> None:
    with pytest.raises(ValueError, match="can't be split"):
        split(replicas, share)


def test_pods_by_strategy() -> None:
    assert pods(tier()) == Pods(current=4, candidate=0)
    assert pods(tier(strategy="canary")) == Pods(current=4, candidate=0)
    assert pods(tier(strategy="canary", candidate=NEXT)) == Pods(current=3, candidate=1)
    assert pods(tier(strategy="blueGreen", candidate=NEXT)) == Pods(current=4, candidate=4)


def test_a_tier_without_a_candidate_is_one_deployment_behind_its_service(stack: str) -> None:
    if stack == "shared":
        return
    recording = record(stack)
    for name in ("frontend", "fileserver"):
        labels = recording.one("Deployment", name)["spec"]["template"]["metadata"]["labels"]
        selector = recording.one("Service", name)["spec"]["selector"]
        assert selector == {"app.kubernetes.io/component": name}
        assert selector.items() <= labels.items()
    assert [r.name for r in recording.of_type("Deployment") if "candidate" in r.name] == []


@pytest.mark.parametrize("name", ["frontend", "fileserver"])
def test_a_canary_shares_the_service_with_the_current_version(name: str) -> None:
    recording = recorded(name, strategy="canary", candidate=NEXT, share=50)
    assert version(recording, name) == (2, settings_of("local")[name]["image"])
    assert version(recording, f"{name}-candidate") == (2, NEXT)
    selector = recording.one("Service", name)["spec"]["selector"]
    for version_name in (name, f"{name}-candidate"):
        spec = recording.one("Deployment", version_name)["spec"]
        assert selector.items() <= spec["template"]["metadata"]["labels"].items()
        assert spec["template"]["spec"]["containers"][0]["name"] == name


def test_no_deployment_selects_pods_of_another() -> None:
    recording = recorded(strategy="canary", candidate=NEXT)
    specs = [recording.one("Deployment", name)["spec"] for name in ("frontend", "frontend-candidate")]
    for one, other in (specs, specs[::-1]):
        selector = one["selector"]["matchLabels"]
        assert selector.items() <= one["template"]["metadata"]["labels"].items()
        assert not selector.items() <= other["template"]["metadata"]["labels"].items()


@pytest.mark.parametrize(("live", "serves"), [("current", "frontend"), ("candidate", "frontend-candidate")])
def test_blue_and_green_run_whole_and_one_serves(live: str, serves: str) -> None:
    recording = recorded(strategy="blueGreen", candidate=NEXT, live=live)
    assert [version(recording, name)[0] for name in ("frontend", "frontend-candidate")] == [4, 4]
    assert recording.one("Service", "frontend")["spec"]["selector"] == {"app.kubernetes.io/name": serves}


def test_an_idle_candidate_is_not_met_by_a_service_that_has_not_changed_yet() -> None:
    before = recorded().one("Service", "frontend")["spec"]["selector"]
    candidate = recorded(strategy="blueGreen", candidate=NEXT).one("Deployment", "frontend-candidate")
    assert not before.items() <= candidate["spec"]["template"]["metadata"]["labels"].items()


@pytest.mark.parametrize("strategy", ["canary", "blueGreen"])
def test_a_candidate_of_the_api_may_do_all_that_the_current_version_may(strategy: str) -> None:
    recording = recorded(strategy=strategy, candidate=NEXT)
    rules = [recording.one("NetworkPolicy", name)["spec"] for name in ("frontend", "frontend-candidate")]
    assert rules[0]["ingress"] == rules[1]["ingress"]
    assert rules[0]["egress"] == rules[1]["egress"]
    for server in ("redis", "redis-write"):
        allowed = str(recording.one("NetworkPolicy", server)["spec"]["ingress"])
        assert "'app.kubernetes.io/name': 'frontend-candidate'" in allowed, server


def test_no_policy_of_another_tier_changes_while_a_candidate_comes_or_goes() -> None:
    """Pulumi changes policies before pods: a promotion would cut off the candidate that still serves."""
    recordings = [recorded(), *(recorded(strategy=strategy, candidate=NEXT) for strategy in ("canary", "blueGreen"))]
    for server in ("redis", "redis-write"):
        specs = [recording.one("NetworkPolicy", server)["spec"] for recording in recordings]
        assert specs == [specs[0]] * len(specs)


def test_a_candidate_serves_before_the_current_version_shrinks_and_the_service_comes_last() -> None:
    recording = recorded(strategy="canary", candidate=NEXT)
    names = [(r.kind, r.name) for r in recording.registrations]
    order = [("Deployment", "frontend-candidate"), ("Deployment", "frontend"), ("Service", "frontend")]
    assert sorted(order, key=names.index) == order
    current, service = recording.one("Deployment", "frontend"), recording.one("Service", "frontend")
    assert recording.one("Deployment", "frontend-candidate").urn in current.dependencies
    assert current.urn in service.dependencies


def test_in_aws_a_candidate_comes_from_the_stacks_registry() -> None:
    recording = recorded(stack="dev", strategy="canary", candidate="journal/frontend:v1.1.0")
    images = [version(recording, name)[1] for name in ("frontend", "frontend-candidate")]
    assert images[1] == images[0].replace(":v1.0.0", ":v1.1.0")


def test_a_share_that_pods_cant_give_is_said() -> None:
    assert rounding(tier(2, strategy="canary", candidate=NEXT, share=25)) == (
        "1 of 2 pods run the candidate: 50 %, where 25 % are asked for. More replicas come closer."
    )
    assert "33.3 %, where 25 %" in rounding(tier(3, strategy="canary", candidate=NEXT))
    for exact in (tier(), tier(strategy="canary", candidate=NEXT), tier(strategy="blueGreen", candidate=NEXT)):
        assert rounding(exact) == ""


@pytest.mark.parametrize(
    ("sticky", "affinity", "cookie"), [(None, None, None), ("clientIP", "ClientIP", None), ("cookie", None, "true")]
)
def test_what_keeps_a_client_at_its_version(sticky: str | None, affinity: str | None, cookie: str | None) -> None:
    service = recorded(sticky=sticky).one("Service", "frontend")
    assert service["spec"].get("sessionAffinity") == affinity
    annotations = service["metadata"]["annotations"]
    assert annotations.get("traefik.ingress.kubernetes.io/service.sticky.cookie") == cookie


def test_how_pods_are_replaced() -> None:
    recreate = recorded(strategy="recreate").one("Deployment", "frontend")["spec"]
    assert recreate["strategy"] == {"type": "Recreate"}
    rolling = recorded(maxSurge=2, maxUnavailable=1, minReadySeconds=30, progressDeadlineSeconds=900, paused=True)
    deployment = rolling.one("Deployment", "frontend")
    spec = deployment["spec"]
    assert spec["strategy"] == {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 2, "maxUnavailable": 1}}
    assert (spec["minReadySeconds"], spec["progressDeadlineSeconds"], spec["paused"]) == (30, 900, True)
    assert deployment["metadata"]["annotations"]["pulumi.com/timeoutSeconds"] == "1020"


def test_another_number_of_restarts_replaces_the_pods() -> None:
    def annotations(**release: Any) -> dict[str, str]:
        template = recorded(**release).one("Deployment", "frontend")["spec"]["template"]
        return template["metadata"].get("annotations", {})

    assert annotations() == {}
    assert annotations(restarts=1) == {"journal/restarts": "1"}
