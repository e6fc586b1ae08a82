"""Policy statements, trust policies and roles."""

import json

import pulumi
import pytest

from components.aws.identity.iam import (
    POD_IDENTITY,
    Role,
    RoleArgs,
    Statement,
    has_environment_tag,
    managed_policy_arn,
    policy_document,
    requests_environment_tag,
    trust_service,
)
from components.aws.scope import Scope
from tools.recording import Recorder, run

SCOPE = Scope(
    name="journal-dev",
    environment="dev",
    account="111122223333",
    region="eu-central-1",
    protect=False,
    boundary="arn:aws:iam::111122223333:policy/boundary",
)
READ = Statement(sid="Read", actions=["s3:GetObject"], resources=["arn:aws:s3:::bucket/*"])


@pytest.mark.parametrize("action", ["*", "s3:*", "s3:Get*"])
def test_a_wildcard_in_an_action_is_refused(action: str) -> None:
    with pytest.raises(ValueError, match=r"Read: .* is a wildcard; name each action"):
        Statement(sid="Read", actions=["s3:GetObject", action], resources=["arn:aws:s3:::bucket"])


def test_every_resource_needs_a_reason_which_is_not_in_the_document() -> None:
    with pytest.raises(ValueError, match="List: applies to every resource; name the resources or give a reason"):
        Statement(sid="List", actions=["s3:ListAllMyBuckets"], resources=["*"])
    statement = Statement(
        sid="List", actions=["s3:ListAllMyBuckets"], resources=["*"], reason="no resource-level access"
    )
    assert statement.as_dict() == {
        "Sid": "List",
        "Effect": "Allow",
        "Action": ["s3:ListAllMyBuckets"],
        "Resource": ["*"],
    }


def test_a_document_has_what_its_statements_say() -> None:
    statement = Statement(
        sid="Deny",
        effect="Deny",
        actions=["s3:PutObject"],
        principals={"AWS": ["*"]},
        resources=["arn:aws:s3:::bucket/*"],
        conditions={"Bool": {"aws:SecureTransport": "false"}, "StringEquals": {"aws:PrincipalAccount": ("1", "2")}},
    )
    outputs = run(
        lambda: pulumi.export("document", policy_document(READ, statement)), Recorder(), project="journal", stack="dev"
    ).outputs
    assert json.loads(outputs["document"]) == {
        "Version": "2012-10-17",
        "Statement": [
            {"Sid": "Read", "Effect": "Allow", "Action": ["s3:GetObject"], "Resource": ["arn:aws:s3:::bucket/*"]},
            {
                "Sid": "Deny",
                "Effect": "Deny",
                "Action": ["s3:PutObject"],
                "Principal": {"AWS": ["*"]},
                "Resource": ["arn:aws:s3:::bucket/*"],
                "Condition": {
                    "Bool": {"aws:SecureTransport": "false"},
                    "StringEquals": {"aws:PrincipalAccount": ["1", "2"]},
                },
            },
        ],
    }


@pytest.mark.parametrize(
    ("service", "conditions"),
    [
        ("eks.amazonaws.com", {"StringEquals": {"aws:SourceAccount": "111122223333"}}),
        ("vpc-flow-logs.amazonaws.com", {"StringEquals": {"aws:SourceAccount": "111122223333"}}),
        ("ec2.amazonaws.com", {}),
    ],
)
def test_a_service_that_names_its_account_assumes_roles_for_ours_only(
    service: str, conditions: dict[str, dict[str, str]]
) -> None:
    statement = trust_service(service, SCOPE)
    assert (statement.actions, statement.principals) == (["sts:AssumeRole"], {"Service": [service]})
    assert statement.conditions == conditions


def test_pod_identity_also_tags_the_session() -> None:
    assert trust_service(POD_IDENTITY, SCOPE).actions == ["sts:AssumeRole", "sts:TagSession"]


def test_conditions_on_the_environments_tag() -> None:
    assert has_environment_tag(SCOPE) == {"StringEquals": {"aws:ResourceTag/Environment": "dev"}}
    assert requests_environment_tag(SCOPE) == {"StringEquals": {"aws:RequestTag/Environment": "dev"}}


@pytest.fixture(scope="module")
def recorded() -> Recorder:
    recorder = Recorder()
    args = RoleArgs(
        scope=SCOPE,
        trust=[trust_service("backup.amazonaws.com", SCOPE)],
        managed_policies=["service-role/AWSBackupServiceRolePolicyForBackup"],
        statements=[READ],
    )

    def program() -> None:
        role = Role("backup", args)
        pulumi.export("arn", role.arn)
        Role("bare", RoleArgs(scope=SCOPE, trust=[trust_service("ec2.amazonaws.com", SCOPE)]))

    run(program, recorder, project="journal", stack="dev", fail_on_warnings=True)
    return recorder


def test_a_role_has_the_scopes_name_and_boundary(recorded: Recorder) -> None:
    role = recorded.one("aws:iam/role:Role", "backup")
    assert (role["name"], role["permissionsBoundary"]) == ("journal-dev-backup", SCOPE.boundary)
    (statement,) = json.loads(role["assumeRolePolicy"])["Statement"]
    assert statement["Principal"] == {"Service": ["backup.amazonaws.com"]}


def test_a_role_has_the_policies_of_its_arguments_and_no_others(recorded: Recorder) -> None:
    attached = [(r["role"], r["policyArn"]) for r in recorded.all("RolePolicyAttachment")]
    assert attached == [("journal-dev-backup", managed_policy_arn("service-role/AWSBackupServiceRolePolicyForBackup"))]
    inline = [(r["role"], json.loads(r["policy"])["Statement"]) for r in recorded.all("RolePolicy")]
    assert inline == [("journal-dev-backup", [READ.as_dict()])]
