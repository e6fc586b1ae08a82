"""The steps by which Redis' password changes."""

import pytest
import yaml

from local import rotation
from local.rotation import Stage
from tools import stack
from tools.failures import Failure

FILE = """config:
  journal:environment: local
  journal:redis:
    # three of them
    servers: 3
    resources: {cpu: 20m}
  journal:ingress:
    replicas: 2
"""


@pytest.mark.parametrize(
    ("stage", "expected"), [((1, None), (1, "accept")), ((1, "accept"), (1, "use")), ((1, "use"), (2, None))]
)
def test_stages_follow_one_another(stage: Stage, expected: Stage) -> None:
    assert rotation.following(stage) == expected


def test_a_file_goes_through_all_stages_and_keeps_the_rest() -> None:
    text, stage = FILE, (1, None)
    for _ in range(3):
        stage = rotation.following(stage)
        text = rotation.rewritten(text, stage)
    assert text == FILE.replace("    servers: 3\n", "    passwordGeneration: 2\n    servers: 3\n")


def test_a_stage_is_two_lines_in_redis_alone() -> None:
    text = rotation.rewritten(FILE, (4, "use"))
    assert "    # three of them\n    passwordGeneration: 4\n    passwordStep: use\n    servers: 3\n" in text


@pytest.mark.parametrize("name", stack.environments())
def test_every_stacks_file_can_be_written(name: str) -> None:
    path = stack.ROOT / f"Pulumi.{name}.yaml"
    text = rotation.rewritten(path.read_text(), (2, "accept"))
    before, after = yaml.safe_load(path.read_text())["config"], yaml.safe_load(text)["config"]
    assert after["journal:redis"] == {**before["journal:redis"], "passwordGeneration": 2, "passwordStep": "accept"}
    assert {**after, "journal:redis": None} == {**before, "journal:redis": None}


ONE, TWO = rotation.digest("one"), rotation.digest("two")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (f"accepts {TWO}\naccepts {ONE}\nuses {ONE}", True),
        (f"accepts {ONE}\nuses {ONE}", False),
        (f"accepts {ONE}\naccepts {TWO}\nuses {TWO}", False),
        (f"accepts {ONE}\naccepts {TWO}\naccepts {TWO}\nuses {ONE}", False),
        ("", False),
    ],
)
def test_a_server_has_applied_what_it_accepts_and_uses(said: str, expected: bool) -> None:
    assert rotation.has_applied(said, ["one", "two"]) is expected


def test_waiting_names_who_is_late() -> None:
    with pytest.raises(Failure, match="redis-1/sentinel"):
        rotation.wait(lambda: ["redis-1/sentinel"], lambda said: None, seconds=0)


def test_waiting_ends_when_nobody_is_late() -> None:
    answers, said = [["redis-0/redis"], []], list[str]()
    rotation.wait(lambda: answers.pop(0), said.append)
    assert said == ["waiting for redis-0/redis"]
