"""`make release`: what each command makes of a stack's file, and what it refuses before it touches the file."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from components.settings import SettingsError
from local import overrides, releases
from local.access import Access
from local.releases import Change, Revision
from tools import stack
from tools.failures import Failure

NOW, NEXT = "localhost/journal/frontend:v1.0.0-00000000", "localhost/journal/frontend:v1.1.0-11111111"
OPEN = "localhost/journal/frontend:v1.0.0"
"""What the stack's file says: the image that the checkout makes."""
STARTED = releases.start(NEXT, strategy="canary", share=50, current=NOW)
REVISIONS = [Revision(2, OPEN, "", 0), Revision(4, NEXT, "", 0), Revision(5, NOW, "", 2)]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("local", "dev", "shared"):
        (tmp_path / f"Pulumi.{name}.yaml").write_text((stack.ROOT / f"Pulumi.{name}.yaml").read_text())
    monkeypatch.setattr(stack, "ROOT", tmp_path)
    return tmp_path


def after(*changes: Change, name: str = "local", tier: str = "frontend") -> dict[str, Any]:
    """The tier's section of the file."""
    for change in changes:
        releases.apply(name, tier, change)
    return yaml.safe_load((stack.ROOT / f"Pulumi.{name}.yaml").read_text())["config"][f"journal:{tier}"]


def image_and_release(*changes: Change) -> tuple[str, dict[str, Any]]:
    section = after(*changes)
    return section["image"], section.get("release", {})


def test_a_canary_from_start_to_end() -> None:
    assert image_and_release(STARTED) == (NOW, {"strategy": "canary", "candidate": NEXT, "share": 50})
    assert image_and_release(releases.share(75)) == (NOW, {"strategy": "canary", "candidate": NEXT, "share": 75})
    assert image_and_release(releases.promote("")) == (NEXT, {"strategy": "canary"})


def test_a_canary_by_weight_has_a_share_that_no_pods_give(folder: Path) -> None:
    file = folder / "Pulumi.local.yaml"
    file.write_text(file.read_text().replace("journal:ingress:\n", "journal:ingress:\n    routes: gateway\n"))
    started = releases.start(NEXT, strategy="canary", share=None, by="weight", current=NOW)
    by_weight = {"strategy": "canary", "by": "weight"}
    assert image_and_release(started, releases.share(5)) == (NOW, {**by_weight, "candidate": NEXT, "share": 5})
    assert image_and_release(releases.promote("")) == (NEXT, by_weight)
    assert image_and_release(releases.start(NOW, strategy="canary", share=10))[1]["by"] == "weight"
    blue_green = releases.start(NOW, strategy="blueGreen", share=None)
    assert image_and_release(releases.abort(), blue_green)[1] == {"strategy": "blueGreen", "candidate": NOW}


def test_blue_green_to_and_back() -> None:
    started = releases.start(NEXT, strategy="blueGreen", share=None, current=NOW)
    both = {"strategy": "blueGreen", "candidate": NEXT}
    assert image_and_release(started) == (NOW, both)
    assert image_and_release(releases.live("candidate")) == (NOW, {**both, "live": "candidate"})
    assert image_and_release(releases.live("current")) == (NOW, {**both, "live": "current"})
    assert image_and_release(releases.abort()) == (NOW, {"strategy": "blueGreen"})


def test_blue_green_is_promoted_behind_the_candidate() -> None:
    started = releases.start(NEXT, strategy="blueGreen", share=None, current=NOW)
    half = image_and_release(started, releases.live("candidate"), releases.promote_behind())
    assert half == (NEXT, {"strategy": "blueGreen", "candidate": NEXT, "live": "candidate"})
    assert image_and_release(releases.promote("")) == (NEXT, {"strategy": "blueGreen"})


def test_what_the_checkout_makes_is_followed_again_once_it_is_promoted() -> None:
    assert image_and_release(STARTED, releases.promote(NEXT))[0] == "localhost/journal/frontend:v1.1.0"


def test_what_else_the_file_says_stays() -> None:
    path = stack.ROOT / "Pulumi.dev.yaml"
    before = path.read_text()
    after(releases.scale(3), name="dev")
    assert path.read_text() == before.replace("replicas: 2", "replicas: 3", 1)
    after(releases.scale(2), name="dev")
    assert path.read_text() == before


def test_rollouts_rest_and_go_on() -> None:
    assert image_and_release(releases.pause(True)) == (OPEN, {"paused": True})
    assert "release" not in after(releases.pause(False))


def test_each_restart_is_another_number() -> None:
    assert after(releases.restart())["release"] == {"restarts": 1}
    assert after(releases.restart(), tier="frontend")["release"] == {"restarts": 2}


@pytest.mark.parametrize(("number", "image"), [(None, NEXT), (2, OPEN), (4, NEXT)])
def test_an_earlier_image_returns(number: int | None, image: str) -> None:
    assert after(releases.undo(REVISIONS, number))["image"] == image


@pytest.mark.parametrize(
    ("revisions", "number", "said"),
    [
        (REVISIONS, 3, "There is no revision 3"),
        (REVISIONS, 5, "has the image that runs"),
        (REVISIONS[-1:], None, "no revision before with another image"),
        ([Revision(1, NOW, "", 0), Revision(2, NOW, "", 2)], None, "no revision before with another image"),
    ],
)
def test_there_is_nothing_to_go_back_to(revisions: list[Revision], number: int | None, said: str) -> None:
    with pytest.raises(Failure, match=said):
        releases.undo(revisions, number)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ([releases.share(50)], "No candidate runs"),
        ([releases.promote("")], "No candidate runs"),
        ([releases.abort()], "No candidate runs"),
        ([releases.live("candidate")], "No candidate runs"),
        ([STARTED, STARTED], "runs already"),
        ([STARTED, releases.undo(REVISIONS, None)], "A candidate runs"),
        ([STARTED, releases.share(0)], "share 0 by pods"),
        ([STARTED, releases.live("candidate")], "it is for blueGreen alone"),
        ([releases.start(NOW, strategy="canary", share=None, current=NOW)], "is the image that runs"),
        ([releases.scale(1)], "replicas = 1"),
    ],
)
def test_what_cannot_be_leaves_the_file_as_it_was(changes: list[Change], said: str) -> None:
    *first, last = changes
    for change in first:
        releases.apply("local", "frontend", change)
    before = (stack.ROOT / "Pulumi.local.yaml").read_text()
    with pytest.raises((Failure, SettingsError)) as caught:
        releases.apply("local", "frontend", last)
    assert said in str(caught.value)
    assert (stack.ROOT / "Pulumi.local.yaml").read_text() == before


@pytest.mark.parametrize(
    ("name", "tier", "said"),
    [
        ("local", "redis", "no tier 'redis' to release"),
        ("shared", "frontend", "has no frontend"),
        ("qa", "frontend", "'qa'"),
    ],
)
def test_who_cannot_be_released(name: str, tier: str, said: str) -> None:
    with pytest.raises(Failure, match=said):
        releases.apply(name, tier, releases.restart())


def test_an_image_with_a_hash_is_not_what_the_checkout_makes() -> None:
    assert overrides.built_here({"journal:frontend": {"image": OPEN}}, "frontend")
    assert not overrides.built_here({"journal:frontend": {"image": NOW}}, "frontend")


def test_history_names_images_as_the_file_does(monkeypatch: pytest.MonkeyPatch) -> None:
    def replica_set(number: str, image: str) -> dict[str, Any]:
        metadata = {"annotations": {releases.REVISION: number}, "creationTimestamp": "2026-11-28T00:00:00Z"}
        spec = {"template": {"spec": {"containers": [{"image": image}]}}}
        return {"metadata": metadata, "spec": spec, "status": {"replicas": 2}}

    registry = "111122223333.dkr.ecr.eu-central-1.amazonaws.com"
    items = [replica_set("10", f"{registry}/journal/frontend:v2"), replica_set("9", NOW)]
    here = Access(Path("kubectl"), None, None, None)
    monkeypatch.setattr(Access, "json", lambda *_: {"items": items})
    found = [(revision.number, revision.image) for revision in releases.history(here, "frontend")]
    assert found == [(9, NOW), (10, "journal/frontend:v2")]


def test_the_pods_of_an_autoscaler_are_not_counted_by_hand() -> None:
    def autoscaled(section: releases.Section) -> None:
        del section["replicas"]
        section["autoscaling"] = {"minReplicas": 2, "maxReplicas": 6}

    before = after(autoscaled)
    with pytest.raises(Failure, match="at most 6") as caught:
        after(releases.scale(4))
    assert "minReplicas and maxReplicas" in caught.value.hint
    assert after() == before


def test_a_canary_of_an_autoscaled_tier_is_refused_before_the_file_is_touched() -> None:
    def autoscaled(section: releases.Section) -> None:
        del section["replicas"]
        section["autoscaling"] = {"maxReplicas": 6}

    before = after(autoscaled)
    with pytest.raises(SettingsError, match="name by weight, strategy blueGreen"):
        after(STARTED)
    assert after() == before
    started = after(releases.start(NEXT, strategy="blueGreen", share=None, current=NOW))
    assert started["autoscaling"] == {"maxReplicas": 6}
