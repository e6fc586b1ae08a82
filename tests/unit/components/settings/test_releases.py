"""Settings of releases that cannot work are refused, with what to do instead."""

from typing import Any

import pytest

from components import settings
from components.settings import SettingsError
from tests.conftest import settings_of

LOCAL, DEV = settings_of("local"), settings_of("dev")
NEXT = "localhost/journal/frontend:v1.1.0"


def with_release(raw: dict[str, Any], **release: Any) -> dict[str, Any]:
    return {**raw, "frontend": {**raw["frontend"], "release": release}}


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (with_release(LOCAL, strategy="canari"), "frontend.release.strategy = 'canari'"),
        (with_release(LOCAL, strategy="canary", share=-1), "frontend.release.share = -1"),
        (with_release(LOCAL, strategy="canary", share=0), "share 0 by pods: both versions have at least one"),
        (with_release(LOCAL, strategy="canary", share=101), "frontend.release.share = 101"),
        (with_release(LOCAL, strategy="canary", candidat=NEXT), "did you mean 'candidate'?"),
        (with_release(LOCAL, strategy="canary", candidate="journal/frontend:latest"), "frontend.release.candidate"),
        (with_release(LOCAL, strategy="canary", candidate=LOCAL["frontend"]["image"]), "is the image that runs"),
        (with_release(LOCAL, candidate=NEXT), "with strategy rolling: it runs beside the current version"),
        (with_release(LOCAL, strategy="recreate", candidate=NEXT), "with strategy recreate: it runs beside"),
        (with_release(LOCAL, share=50), "share 50 with strategy rolling: it is for canary alone"),
        (with_release(LOCAL, strategy="blueGreen", share=50, candidate=NEXT), "it is for canary alone"),
        (with_release(LOCAL, strategy="canary", live="candidate", candidate=NEXT), "it is for blueGreen alone"),
        (with_release(LOCAL, strategy="blueGreen", live="candidate"), "live candidate without a candidate"),
        (with_release(LOCAL, maxSurge=0), "maxSurge 0 with maxUnavailable 0: no pod could be replaced"),
        (with_release(LOCAL, maxSurge=3), "release.maxSurge 3 of 2 replicas"),
        (with_release(LOCAL, maxUnavailable=2), "release.maxUnavailable 2 of 2 replicas"),
        (with_release(LOCAL, minReadySeconds=600), "progressDeadlineSeconds 600 with minReadySeconds 600"),
        (
            with_release(DEV, strategy="canary", candidate="ghcr.io/journal/frontend:v1.1.0"),
            "frontend.release.candidate ghcr.io/journal/frontend:v1.1.0 names a registry",
        ),
    ],
)
def test_what_cannot_work_is_refused(raw: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        settings.parse(raw)
    assert said in str(caught.value)


def test_a_blue_green_tier_counts_twice_while_both_run() -> None:
    def pods(**release: Any) -> int:
        found = settings.parse(with_release(LOCAL, **release))
        assert isinstance(found, settings.Settings)
        return found.pods

    assert pods(strategy="blueGreen") == pods(strategy="canary", candidate=NEXT) == pods()
    assert pods(strategy="blueGreen", candidate=NEXT) == pods() + LOCAL["frontend"]["replicas"]
