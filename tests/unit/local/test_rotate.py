"""`make rotate` as a whole: what it writes and deploys, in which order, and how it goes on after an interruption."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from local import lifecycle, rotation
from local.access import Access
from local.rotation import Stage
from tools import stack
from tools.failures import Failure

ALL = [(1, "accept"), (1, "use"), (2, None)]
FILES = ("local", "dev", "shared")


@dataclass
class World:
    """A stack's file and a cluster. What is done is counted; at one count it is interrupted.

    deployed: the stage of the Secret, None for one from before there were stages. served: the last one that everyone
    has. stages: what was deployed, each once.
    """

    deployed: Stage | None = (1, None)
    served: Stage | None = (1, None)
    stages: list[Stage] = field(default_factory=list)
    refreshed: list[bool] = field(default_factory=list)
    done: int = 0
    interrupt_at: int = -1

    def does(self) -> None:
        self.done += 1
        if self.done == self.interrupt_at:
            raise KeyboardInterrupt

    @property
    def written(self) -> Stage:
        return rotation.stage_of("local")

    def up(self, _step: object = None, *, refresh: bool = True) -> None:
        """As `make up` does. Nobody who has the stage before may be left behind."""
        self.does()
        self.refreshed.append(refresh)
        stage = self.written
        if stage != self.deployed:
            assert self.deployed is None or rotation.following(self.deployed) == stage
            assert self.deployed == self.served
            self.deployed = stage
            self.stages.append(stage)
        self.does()

    def write(self, path: Path, stage: Stage) -> None:
        self.does()
        WRITE(path, stage)
        self.does()

    def lagging(self) -> list[str]:
        """One is late at first."""
        self.does()
        late, self.served = self.served != self.deployed, self.deployed
        return ["redis-0/redis"] if late else []


WRITE = rotation.write


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    for name in FILES:
        text = (stack.ROOT / f"Pulumi.{name}.yaml").read_text()
        (tmp_path / f"Pulumi.{name}.yaml").write_text(text if name == "shared" else rotation.rewritten(text, (1, None)))
    made = World()
    here = Access(Path("kubectl"), None, None, None)
    for where, attribute, value in (
        (stack, "ROOT", tmp_path),
        (lifecycle, "access", lambda: here),
        (lifecycle, "_cluster", lambda steps: (here, "programs")),
        (lifecycle, "deployment_on", lambda here, pulumi: made),
        (rotation, "is_deployed", lambda here, namespace, stage: stage == made.deployed),
        (rotation, "hurry", lambda here, namespace: None),
        (rotation, "lagging", lambda here, namespace: made.lagging()),
        (rotation, "write", made.write),
        (rotation.time, "sleep", lambda seconds: None),
    ):
        monkeypatch.setattr(where, attribute, value)
    return made


def test_every_stage_is_deployed_and_awaited_before_the_next(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    lifecycle.rotate("local")
    assert world.stages == ALL
    assert world.refreshed == [True, False, False, False]
    assert world.written == world.served == (2, None)
    assert "Redis has password 2" in capsys.readouterr().out


def test_the_next_rotation_begins_where_the_last_ended(world: World) -> None:
    lifecycle.rotate("local")
    lifecycle.rotate("local")
    assert world.stages == [*ALL, (2, "accept"), (2, "use"), (3, None)]


def test_a_redis_from_before_there_were_stages_gets_the_first_one_first(world: World) -> None:
    world.deployed = world.served = None
    lifecycle.rotate("local")
    assert world.stages == [(1, None), *ALL]


def nothing(world: World) -> None:
    """The next thing is `make rotate`."""


@pytest.mark.parametrize("between", [nothing, World.up], ids=["nothing", "make up"])
def test_an_interrupted_rotation_is_resumed(world: World, between: Callable[[World], Any]) -> None:
    """At every point of the first rotation. Whatever is between, no stage is left out and none comes twice."""
    lifecycle.rotate("local")
    points = world.done
    assert points > 20
    for point in range(1, points + 1):
        WRITE(stack.ROOT / "Pulumi.local.yaml", (1, None))
        world.__init__(interrupt_at=point)
        with suppress(KeyboardInterrupt):
            lifecycle.rotate("local")
        assert world.done == point
        before = world.written, world.deployed, world.served
        between(world)
        lifecycle.rotate("local")
        assert world.stages[:3] == ALL, before
        # After the last stage nothing tells an interrupted rotation from one that ended, but who is late.
        complete = before == ((2, None),) * 3 or (between is World.up and before[0] == (2, None))
        assert world.written == world.deployed == world.served
        assert world.written in ([(2, None), (3, None)] if complete else [(2, None)])


def test_who_is_late_after_the_last_stage_is_waited_for_and_no_new_rotation_begins(world: World) -> None:
    WRITE(stack.ROOT / "Pulumi.local.yaml", (2, None))
    world.deployed, world.served = (2, None), (1, "use")
    lifecycle.rotate("local")
    assert world.written == (2, None)
    assert world.stages == []


def test_a_stage_that_someone_never_gets_is_the_last_one(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rotation, "lagging", lambda here, namespace: ["redis-1/sentinel"])
    monkeypatch.setattr(rotation.time, "monotonic", iter(range(0, 100_000, 1000)).__next__)
    with pytest.raises(Failure, match="redis-1/sentinel"):
        lifecycle.rotate("local")
    assert world.stages == []


def test_a_stack_in_aws_is_asked_by_its_context(world: World) -> None:
    with pytest.raises(Failure, match="Where stack dev runs is not known"):
        lifecycle.rotate("dev")


def test_a_stack_without_redis_is_told(world: World) -> None:
    with pytest.raises(Failure, match="Stack shared has no Redis"):
        lifecycle.rotate("shared")


def test_a_stack_in_aws_gets_one_stage_a_run(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KUBE_CONTEXT", "dev")
    for stage, then in zip(ALL, ("Then run this again.", "Then run this again.", "It is the last."), strict=True):
        lifecycle.rotate("dev")
        assert rotation.stage_of("dev") == stage
        assert then in capsys.readouterr().out
        with pytest.raises(Failure, match="is not deployed"):
            lifecycle.rotate("dev")
        world.deployed = stage
    assert world.stages == []
