"""`KEEP_DATA=1 make down`: what it may say, and that nothing else is touched."""

from typing import Any

import pytest

from local import cluster, lifecycle, show
from tools.failures import Failure


@pytest.fixture
def stopped(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """How the cluster was stopped."""
    calls: list[dict[str, Any]] = []
    monkeypatch.setattr(cluster, "stop", lambda **arguments: calls.append(arguments))
    monkeypatch.delenv("KUBE_CONTEXT", raising=False)
    return calls


@pytest.mark.parametrize(("said", "expected"), [(None, False), ("", False), ("0", False), ("1", True)])
def test_it_is_one_or_nothing(monkeypatch: pytest.MonkeyPatch, said: str | None, expected: bool) -> None:
    monkeypatch.delenv("KUBE_CONTEXT", raising=False)
    monkeypatch.delenv("KEEP_DATA", raising=False)
    if said is not None:
        monkeypatch.setenv("KEEP_DATA", said)
    assert lifecycle.keeps_data() is expected


@pytest.mark.parametrize("said", ["yes", "true", "maybe", "2", " 1", "no"])
def test_anything_else_is_refused_before_anything_is_touched(
    monkeypatch: pytest.MonkeyPatch, stopped: list[dict[str, Any]], said: str
) -> None:
    monkeypatch.setenv("KEEP_DATA", said)
    with pytest.raises(Failure, match=rf"KEEP_DATA is '{said}', and may be 1 or 0\.") as refused:
        lifecycle.down()
    assert "KEEP_DATA=1 keeps the volumes" in refused.value.hint
    assert stopped == []


def test_a_cluster_of_someone_elses_is_refused(monkeypatch: pytest.MonkeyPatch, stopped: list[dict[str, Any]]) -> None:
    monkeypatch.setenv("KEEP_DATA", "1")
    monkeypatch.setenv("KUBE_CONTEXT", "kind")
    with pytest.raises(Failure, match="KUBE_CONTEXT names another") as refused:
        lifecycle.down()
    assert "Retain" in refused.value.hint
    assert stopped == []


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ([], ["There was no volume to keep."]),
        (
            [cluster.KeptVolume("journal/data-redis-0", 3 << 20), cluster.KeptVolume("journal/data-redis-1", 1 << 20)],
            ["journal/data-redis-0, journal/data-redis-1 (4 MiB)", "`make up` takes it up", "`make down` deletes it"],
        ),
    ],
)
def test_what_was_kept_is_told(
    found: list[cluster.KeptVolume], said: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    show.kept(found)
    printed = capsys.readouterr().out
    assert [part for part in said if part not in printed] == []
