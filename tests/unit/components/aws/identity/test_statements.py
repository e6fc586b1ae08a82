"""Each statement of each IAM policy: that AWS knows its actions, and that its conditions can hold.

A condition on a key that a request does not have is never true, so the action is refused for ever; `iam:AWSServiceName`
beside `iam:GetRole` was such a case.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.conftest import Recording
from tests.unit.components.aws.identity.authorization_reference import Action
from tests.unit.components.aws.identity.authorization_reference import action as reference

STACKS = ["shared", "dev", "staging", "prod"]
POLICIES = ["aws:iam/policy:Policy", "aws:iam/rolePolicy:RolePolicy", "aws:kms/key:Key"]


def statements(recording: Recording) -> Iterator[tuple[str, dict[str, Any]]]:
    for type_ in POLICIES:
        for resource in recording.of_type(type_):
            for statement in json.loads(resource["policy"])["Statement"]:
                yield f"{resource.label}, {statement['Sid']}", statement


def needed(operator: str) -> bool:
    """Whether the operator fails without the key (IAM guide, Condition operators)."""
    return not (operator.endswith("IfExists") or operator == "Null" or "Not" in operator or "ForAllValues" in operator)


def overlap(one: str, other: str) -> bool:
    """Whether some text matches both patterns, in which * stands for any text."""
    if not one or not other:
        return not (one or other).strip("*")
    if one[0] == "*" or other[0] == "*":
        star, rest = (one, other) if one[0] == "*" else (other, one)
        return overlap(star[1:], rest) or overlap(star, rest[1:])
    return one[0] == other[0] and overlap(one[1:], other[1:])


def takes(action: Action, pattern: str) -> bool:
    """Whether a resource of a statement can be one that the action is asked for: `*` where it takes none."""
    return pattern == "*" or any(same_arn(kind.form, pattern) for kind in action.kinds)


def same_arn(one: str, other: str) -> bool:
    """Whether some ARN matches both patterns. A * before the resource stands for no colon."""
    parts, others = one.split(":", 5), other.split(":", 5)
    return overlap(one, other) if len(parts) != len(others) else all(map(overlap, parts, others))


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("a*c", "abc", True),
        ("a*c", "*b*", True),
        ("a*", "b*", False),
        ("a*b", "a", False),
        ("a", "a*", True),
    ],
)
def test_when_patterns_overlap(one: str, other: str, expected: bool) -> None:
    assert overlap(one, other) is overlap(other, one) is expected


@pytest.mark.parametrize(
    ("resource", "expected"),
    [("eu-central-1:1:*", True), ("eu-central-1:1:vpc/vpc-1", True), ("eu-central-1:1:subnet/*", False)],
)
def test_when_patterns_have_an_arn_in_common(resource: str, expected: bool) -> None:
    assert same_arn("arn:*:ec2:*:*:vpc/*", f"arn:aws:ec2:{resource}") is expected


@pytest.mark.parametrize("stack", STACKS)
def test_aws_knows_every_action(stack: str, recorded: Callable[[str], Recording]) -> None:
    found = {action for _, statement in statements(recorded(stack)) for action in statement["Action"]}
    assert found
    assert sorted(action for action in found if reference(action) is None) == []


@pytest.mark.parametrize("stack", STACKS)
def test_every_condition_can_hold(stack: str, recorded: Callable[[str], Recording]) -> None:
    dead = [
        f"{where}: {action} has no {key}"
        for where, statement in statements(recorded(stack))
        for action in statement["Action"]
        for operator, keys in statement.get("Condition", {}).items()
        for key in keys
        if needed(operator) and (known := reference(action)) is not None and not known.knows(key)
    ]
    assert dead == []


@pytest.mark.parametrize("stack", STACKS)
def test_every_action_takes_one_of_its_resources(stack: str, recorded: Callable[[str], Recording]) -> None:
    dead = [
        f"{where}: {action} is asked for none of {', '.join(statement['Resource'])}"
        for where, statement in statements(recorded(stack))
        for action in statement["Action"]
        if (known := reference(action)) is not None and not any(takes(known, arn) for arn in statement["Resource"])
    ]
    assert dead == []
