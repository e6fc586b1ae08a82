"""The permissions boundary: every role of an environment has it, and it lets each do what its own policies say."""

import json
from collections.abc import Callable

import pytest

from components.aws.identity.permissions.boundary import boundary_statements
from components.aws.scope import Scope
from tests.conftest import Recording

SCOPE = Scope(name="journal-shared", environment="shared", account="111122223333", region="eu-central-1", protect=True)
ACTIONS = {action for statement in boundary_statements(SCOPE) for action in statement.actions}
ENVIRONMENTS = ["dev", "staging", "prod"]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_role_has_the_boundary(environment: str, recorded: Callable[[str], Recording]) -> None:
    roles = recorded(environment).of_type("aws:iam/role:Role")
    arn = recorded("shared").outputs["boundary_arn"]
    assert roles
    assert {r.name: r.inputs.get("permissionsBoundary") for r in roles} == {r.name: arn for r in roles}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_what_a_roles_own_policy_allows_is_within_the_boundary(
    environment: str, recorded: Callable[[str], Recording]
) -> None:
    policies = recorded(environment).of_type("aws:iam/rolePolicy:RolePolicy")
    allowed = {
        (r.name, action)
        for r in policies
        for statement in json.loads(r["policy"])["Statement"]
        if statement["Effect"] == "Allow"
        for action in statement["Action"]
    }
    assert allowed
    assert sorted((name, action) for name, action in allowed if action not in ACTIONS) == []


@pytest.mark.parametrize(
    "action",
    [
        "elasticloadbalancing:CreateLoadBalancer",
        "ec2:CreateSecurityGroup",
        "ec2:RunInstances",
        "logs:CreateLogGroup",
        "iam:CreateRole",
        "iam:PassRole",
        "sts:AssumeRole",
        "s3:DeleteObject",
        "s3:DeleteObjectVersion",
    ],
)
def test_what_the_boundary_keeps_from_every_role(action: str) -> None:
    assert action not in ACTIONS


def test_objects_are_those_of_the_buckets_for_backups_alone() -> None:
    """The Pulumi state of every stack is in a bucket of the account too."""
    of_objects = [s for s in boundary_statements(SCOPE) if any(action.startswith("s3:") for action in s.actions)]
    backups, artifacts = (f"arn:aws:s3:::journal-*-{what}-111122223333" for what in ("backups", "artifacts"))
    assert [s.resources for s in of_objects] == [[backups, f"{backups}/*", artifacts, f"{artifacts}/*"]]
