"""Releases under load through the front door: canary, blue/green, scale, undo, and a candidate that never comes up.

Each step is what `make release` does to the settings, deployed by the same program. No request fails, but for those
that `recreate` answers with 503 meanwhile.
"""

import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from local import cluster, images, lifecycle, releases, show
from local.access import Access
from local.images.builder import Builder, make
from local.images.catalog import application
from local.images.store import Store
from local.pulumi import programs
from tests.live.cluster_pods import until
from tests.live.load import LEAST
from tests.live.traffic import Traffic, drill, heading
from tools import paths, stack
from tools.failures import Failure
from tools.progress import NO_PROGRESS
from tools.terminal import Steps

pytestmark = [pytest.mark.live, pytest.mark.timeout(900)]
__all__ = ["heading"]  # a fixture
VERSION = "1.1.0-candidate"
MISSING = "localhost/journal/frontend:v9.9.9-99999999"
Release = Callable[..., None]


@pytest.fixture(scope="module")
def candidate(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An image of the API with another version, in the cluster."""
    folder = tmp_path_factory.mktemp("candidate") / "frontend"
    shutil.copytree(stack.ROOT / "apps" / "frontend", folder)
    (folder / "VERSION").write_text(f"{VERSION}\n")
    store, image = Store(paths.cache() / "images"), application(folder)
    archives = make([image], store, Builder(store, paths.state() / "logs").build, NO_PROGRESS)
    cluster.import_images(list(archives.values()))
    return image.reference


@pytest.fixture(scope="module")
def current() -> str:
    return images.references()["frontend"]


@pytest.fixture(scope="module")
def released(here: Access) -> Iterator[Release]:
    """Deploys the stack with another release of the API, and at the end as its file says."""
    section = lifecycle.effective_config(here)["journal:frontend"]

    def release(image: str | None = None, replicas: int = 4, **settings: Any) -> None:
        changed = {**section, "replicas": replicas, "release": settings, **({} if image is None else {"image": image})}
        with Steps() as steps, steps.step("release") as step:
            lifecycle.deployment_on(here, programs.build(NO_PROGRESS), frontend=changed).up(step)

    yield release
    with Steps() as steps, steps.step("as the file says") as step:
        lifecycle.deployment_on(here, programs.build(NO_PROGRESS)).up(step)


def answers(load: Traffic) -> dict[str, int]:
    """How many of the API's answers came from each version: the candidate's, and the current one's."""
    found = {version: count for tier, version, count in show.split(load.clients[0]) if tier == "frontend"}
    of_candidate = sum(count for version, count in found.items() if version.startswith(VERSION))
    return {"candidate": of_candidate, "current": show.ASKED - of_candidate}


def test_a_canary_gets_its_share_and_is_promoted(
    candidate: str, current: str, released: Release, here: Access, local_stack: dict[str, str]
) -> None:
    seen: dict[int, int] = {}

    def act(load: Traffic) -> None:
        released()
        for share in (25, 50, 100):
            released(strategy="canary", candidate=candidate, share=share)
            seen[share] = answers(load)["candidate"]
        released(strategy="canary", image=candidate)
        assert answers(load) == {"candidate": show.ASKED, "current": 0}

    load = drill("canary by steps, promoted", act, local_stack)
    assert load.failed == []
    assert load.slow == []
    assert abs(seen[25] - show.ASKED * 0.25) <= 3
    assert abs(seen[50] - show.ASKED * 0.5) <= 3
    assert seen[100] == show.ASKED
    assert [r.image for r in releases.history(here, "frontend")][-1] == candidate
    assert (
        here.json("-n", "journal", "get", "deployments", "-l", "app.kubernetes.io/name=frontend-candidate")["items"]
        == []
    )


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
    candidate: str, released: Release, local_stack: dict[str, str]
) -> None:
    def act(load: Traffic) -> None:
        both: dict[str, Any] = {"strategy": "blueGreen", "candidate": candidate}
        released(**both)
        assert answers(load)["candidate"] == 0
        released(**both, live="candidate")
        assert answers(load)["current"] == 0
        released(**both)
        assert answers(load)["candidate"] == 0
        released(**both, live="candidate")
        released(strategy="blueGreen", image=candidate)
        assert answers(load)["current"] == 0

    load = drill("blue/green: to, back, to, promoted", act, local_stack)
    assert load.failed == []
    assert load.slow == []


def test_a_tier_is_scaled_and_restarted(released: Release, local_stack: dict[str, str]) -> None:
    def act(load: Traffic) -> None:
        for replicas in (2, 5, 2):
            released(replicas=replicas)
        released(replicas=2, restarts=1)

    load = drill("scaled 2, 5, 2, and restarted", act, local_stack)
    assert load.failed == []
    assert load.slow == []


@pytest.mark.parametrize("strategy", ["canary", "blueGreen", "rolling"])
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


def test_recreate_tells_clients_to_come_again(released: Release, local_stack: dict[str, str]) -> None:
    def act(load: Traffic) -> None:
        released(replicas=2, strategy="recreate")
        released(replicas=2, strategy="recreate", restarts=1)

    load = drill("recreate", act, local_stack)
    assert len(load.times) >= LEAST
    assert {failure.split()[1] for failure in load.failed} == {"503"}
    assert load.slow == []
