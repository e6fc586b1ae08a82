"""Releases under load through the front door: canary, blue/green, scale, undo, and a candidate that never comes up.

Each step is what `make release` does to the settings, deployed by the same program. No request fails, but for those
that `recreate` answers with 503 meanwhile.
"""

import json
import shutil
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from local import images, lifecycle, releases, show
from local.access import Access
from local.pulumi import programs
from tests.live.cluster_images import imported
from tests.live.cluster_pods import until
from tests.live.load import LEAST, LONG, ONLY_DRILLS
from tests.live.test_rollouts import every_pod, pods
from tests.live.traffic import Traffic, drill, heading
from tools import stack
from tools.failures import Failure
from tools.progress import NO_PROGRESS
from tools.terminal import Steps

pytestmark = [pytest.mark.live, pytest.mark.timeout(900)]
__all__ = ["heading"]  # a fixture
VERSION = "1.1.0-candidate"
MISSING = "localhost/journal/frontend:v9.9.9-99999999"
SHARES = (25, 50, 75, 100) if LONG else (25,)
STEPS = (("candidate", "current"), ("current", "candidate"), *([("candidate", "current")] if LONG else []))
"""Blue/green: which version is live, and which must not answer then."""
SCALES = (2, 5, 2)
FIGURES = stack.STATE / "releases.json"
Release = Callable[..., None]


@pytest.fixture(scope="module")
def candidate(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An image of the API with another version, in the cluster."""
    folder = tmp_path_factory.mktemp("candidate") / "frontend"
    shutil.copytree(stack.ROOT / "apps" / "frontend", folder)
    (folder / "VERSION").write_text(f"{VERSION}\n")
    return imported(folder)


@pytest.fixture(scope="module")
def current() -> str:
    return images.references()["frontend"]


@pytest.fixture(scope="module")
def released(here: Access) -> Iterator[Release]:
    """Deploys the stack with another release of the API, and at the end as its file says.

    refresh: asks the cluster first, as `make up` does; it takes longer.
    """
    section = lifecycle.effective_config(here)["journal:frontend"]

    def release(image: str | None = None, replicas: int = 4, *, refresh: bool = LONG, **settings: Any) -> None:
        changed = {**section, "replicas": replicas, "release": settings, **({} if image is None else {"image": image})}
        with Steps() as steps, steps.step("release") as step:
            lifecycle.deployment_on(here, programs.build(NO_PROGRESS), frontend=changed).up(step, refresh=refresh)

    yield release
    with Steps() as steps, steps.step("as the file says") as step:
        lifecycle.deployment_on(here, programs.build(NO_PROGRESS)).up(step)


def answers(load: Traffic) -> dict[str, int]:
    """How many of the API's answers came from each version: the candidate's, and the current one's."""
    found = {version: count for tier, version, count in show.split(load.client) if tier == "frontend"}
    of_candidate = sum(count for version, count in found.items() if version.startswith(VERSION))
    return {"candidate": of_candidate, "current": show.ASKED - of_candidate}


def remember(strategy: str, load: Traffic) -> None:
    """Keeps the drill's figures for the picture (tools/pictures/releases.py)."""
    known = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
    known[strategy] = {"seconds": load.seconds_by_version(VERSION), "marks": load.marks}
    FIGURES.write_text(json.dumps(known))


def test_a_canary_gets_its_share_and_is_promoted(
    candidate: str, current: str, released: Release, here: Access, local_stack: dict[str, str]
) -> None:
    seen: dict[int, int] = {}

    def act(load: Traffic) -> None:
        released()
        for share in SHARES:
            load.mark(f"{share} %")
            released(strategy="canary", candidate=candidate, share=share)
            seen[share] = answers(load)["candidate"]
        load.mark("promoted")
        released(strategy="canary", image=candidate)
        assert answers(load) == {"candidate": show.ASKED, "current": 0}

    load = drill(f"canary {', '.join(map(str, SHARES))} %, promoted", act, local_stack)
    assert load.failed == []
    assert load.slow == []
    assert all(abs(count - show.ASKED * share / 100) <= 3 for share, count in seen.items())
    assert seen.get(100, show.ASKED) == show.ASKED
    remember("canary", load)
    assert [r.image for r in releases.history(here, "frontend")][-1] == candidate
    assert (
        here.json("-n", "journal", "get", "deployments", "-l", "app.kubernetes.io/name=frontend-candidate")["items"]
        == []
    )


@ONLY_DRILLS
def test_an_image_is_undone_and_a_canary_is_taken_away(
    candidate: str, current: str, released: Release, here: Access, local_stack: dict[str, str]
) -> None:
    def act(load: Traffic) -> None:
        released(image=current)
        assert answers(load)["candidate"] == 0
        released(image=current, strategy="canary", candidate=candidate, share=50)
        assert answers(load)["candidate"] > 0
        released(image=current, strategy="canary")
        assert answers(load)["candidate"] == 0

    load = drill("undo, then a canary taken away", act, local_stack)
    assert load.failed == []
    assert load.slow == []


def test_blue_green_changes_over_at_once_and_back(
    candidate: str, current: str, released: Release, here: Access, local_stack: dict[str, str]
) -> None:
    took: dict[str, float] = {}
    idle: list[str] = []

    def act(load: Traffic) -> None:
        both: dict[str, Any] = {"strategy": "blueGreen", "candidate": candidate}
        released(image=current)
        here.run("-n", "journal", "rollout", "status", "deployment/frontend", "--timeout=120s")
        until(lambda: len(every_pod(here, "frontend")) == len(pods(here, "frontend")), 60)  # the last one may answer
        load.mark("started")
        started = len(load.answers)
        released(**both)
        idle.extend(version for _, version in load.answers[started:])
        for live, answers_not in STEPS:
            load.mark(live)
            released(**both, live=live)
            done = time.monotonic()
            until(lambda answers_not=answers_not: answers(load)[answers_not] == 0, 10)
            took[live] = round(time.monotonic() - done, 1)
        if not LONG:
            return
        load.mark("promoted")
        released(**both, live="candidate", image=candidate)
        here.run("-n", "journal", "rollout", "status", "deployment/frontend", "--timeout=120s")
        released(strategy="blueGreen", image=candidate)

    load = drill("blue/green: to, back, to, promoted" if LONG else "blue/green: to, back", act, local_stack)
    print(f"all requests changed over within these seconds: {took}")
    assert not [version for version in idle if version.startswith(VERSION)], "the idle candidate answers nobody"
    promoted = [second for second, what in load.marks if what == "promoted"]
    assert len(promoted) == LONG
    late = {version for mark in promoted for second, version in load.answers if second > mark}
    assert all(version.startswith(VERSION) for version in late), "none goes back to the version before"
    assert load.failed == []
    assert load.slow == []
    remember("blueGreen", load)


@ONLY_DRILLS
def test_a_tier_is_scaled_and_rolled(candidate: str, released: Release, local_stack: dict[str, str]) -> None:
    def act(load: Traffic) -> None:
        for replicas in SCALES:
            released(replicas=replicas)
        load.mark("another version")
        released(replicas=2, image=candidate)
        until(lambda: answers(load)["current"] == 0, 60)

    load = drill(f"scaled {', '.join(map(str, SCALES))}, and rolled", act, local_stack)
    assert load.failed == []
    assert load.slow == []
    remember("rolling", load)


@ONLY_DRILLS
def test_what_kubectl_undid_and_paused_is_as_declared_after_the_next_up(
    candidate: str, current: str, released: Release, here: Access
) -> None:
    def deployment() -> dict[str, Any]:
        return here.json("-n", "journal", "get", "deployment", "frontend")["spec"]

    def image() -> str:
        return deployment()["template"]["spec"]["containers"][0]["image"]

    released(replicas=2, image=current)
    released(replicas=2, image=candidate)
    here.run("-n", "journal", "rollout", "undo", "deployment/frontend")
    assert image() == current
    here.run("-n", "journal", "rollout", "pause", "deployment/frontend")
    assert deployment()["paused"] is True
    released(replicas=2, image=candidate, refresh=True)
    assert image() == candidate
    assert "paused" not in deployment()
    here.run("-n", "journal", "rollout", "status", "deployment/frontend", "--timeout=120s")


@pytest.mark.parametrize("strategy", ["canary", "blueGreen", "rolling"] if LONG else ["rolling"])
def test_a_version_that_never_comes_up_leaves_the_one_that_serves(
    strategy: str, released: Release, here: Access, local_stack: dict[str, str]
) -> None:
    bad = {"image": MISSING} if strategy == "rolling" else {"candidate": MISSING}

    def act(load: Traffic) -> None:
        released(replicas=2)
        with pytest.raises(Failure) as caught:
            released(replicas=2, strategy=strategy, progressDeadlineSeconds=10, **bad)
        assert MISSING in str(caught.value)
        assert answers(load) == {"candidate": 0, "current": show.ASKED}
        released(replicas=2)

    load = drill(f"{strategy}: an image that is missing", act, local_stack)
    assert load.failed == []
    assert load.slow == []
    until(lambda: show.tiers(here))


@ONLY_DRILLS
def test_recreate_tells_clients_to_come_again(candidate: str, released: Release, local_stack: dict[str, str]) -> None:
    def act(load: Traffic) -> None:
        released(replicas=2, strategy="recreate")
        load.mark("another version")
        released(replicas=2, strategy="recreate", image=candidate)
        until(lambda: answers(load)["candidate"] == show.ASKED, 60)

    load = drill("recreate", act, local_stack)
    assert len(load.times) >= LEAST
    assert {failure.split()[1] for failure in load.failed} == {"503"}
    assert load.slow == []
    remember("recreate", load)
