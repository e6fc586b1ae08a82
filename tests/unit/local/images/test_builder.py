"""A step of a build writes to its image's log, and its failure tells what that step wrote."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from local.images import builder
from local.images.builder import Builder
from local.images.catalog import Image
from local.images.errors import ImageError
from local.images.store import Store


class Idle(Builder):
    makes_bases = False

    def check(self) -> None:
        pass

    def build(self, images: Sequence[Image], begin: Callable[[str], None]) -> None:
        pass


@pytest.fixture
def idle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Builder:
    monkeypatch.setattr(builder, "CONTAINED", ())
    return Idle(Store(tmp_path / "images", "idle"), tmp_path / "logs")


def test_a_failed_step_is_named_with_its_own_output(idle: Builder) -> None:
    log = idle.logs / "images-redis.log"
    idle.run("redis", ["echo", "earlier"])
    with pytest.raises(ImageError) as error:
        idle.run("redis", ["sh", "-c", "echo $WHAT; exit 3"], {"WHAT": "E: Failed to fetch"})
    assert error.value.message == f"Image redis failed: sh ended with status 3 (whole log: {log})"
    assert error.value.log_tail == "E: Failed to fetch"
    assert "apt-get update" in error.value.hint
    assert log.read_text() == "earlier\nE: Failed to fetch\n"


def test_logs_of_the_build_before_are_removed_and_no_others(idle: Builder) -> None:
    idle.run("redis", ["echo", "earlier"])
    (idle.logs / "kubelet.log").touch()
    idle.clear_logs()
    assert [path.name for path in idle.logs.iterdir()] == ["kubelet.log"]
