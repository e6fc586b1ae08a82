"""The stack's KMS key and who may use it."""

import json
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

import pytest

from components.aws.encryption import EncryptionKey, EncryptionKeyArgs
from components.aws.network.flow_logs import log_group_name
from components.aws.scope import Scope
from tools.recording import Recorder, run

ROOT = {"AWS": ["arn:aws:iam::123456789012:root"]}
DEPLOY_ROLE = "arn:aws:iam::123456789012:role/journal-shared-deploy-prod"


def scope(*, protect: bool = True) -> Scope:
    return Scope(
        name="journal-prod", environment="prod", account="123456789012", region="eu-central-1", protect=protect
    )


def record(place: Scope) -> Recorder:
    recorder = Recorder(outputs={"Key": {"keyId": "key-1"}})
    run(
        lambda: EncryptionKey("encryption", EncryptionKeyArgs(scope=place)),
        recorder,
        project="journal",
        stack="prod",
        fail_on_warnings=True,
    )
    return recorder


@pytest.fixture(scope="module")
def recorded() -> Recorder:
    return record(scope())


@pytest.fixture
def statements(recorded: Recorder) -> dict[str, dict[str, Any]]:
    """By Sid."""
    return {s["Sid"]: s for s in json.loads(recorded.one("Key")["policy"])["Statement"]}


def test_the_key_rotates_and_takes_a_month_to_vanish(recorded: Recorder) -> None:
    key = recorded.one("Key")
    assert key["enableKeyRotation"] is True
    assert key["deletionWindowInDays"] == 30


@pytest.mark.parametrize("protect", [True, False])
def test_the_key_is_protected_where_the_stack_is(protect: bool) -> None:
    assert record(scope(protect=protect)).one("Key").protect is protect


def test_the_alias_names_the_stack(recorded: Recorder) -> None:
    alias = recorded.one("Alias")
    assert (alias["name"], alias["targetKeyId"]) == ("alias/journal-prod", "key-1")


def test_the_account_keeps_the_right_to_change_the_policy(statements: dict[str, dict[str, Any]]) -> None:
    """KMS refuses a policy without it (KMS guide, Key policy lockout safety check)."""
    administration = statements["Administration"]
    assert administration["Principal"] == ROOT
    assert {"kms:PutKeyPolicy", "kms:GetKeyPolicy", "kms:ScheduleKeyDeletion"} <= set(administration["Action"])
    assert "Condition" not in administration


def test_administration_reads_no_data(statements: dict[str, dict[str, Any]]) -> None:
    data = {"kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "kms:CreateGrant"}
    assert not data & set(statements["Administration"]["Action"])


def test_whoever_makes_a_cluster_may_create_grants(statements: dict[str, dict[str, Any]]) -> None:
    """EKS does not support kms:GrantIsForAWSResource there."""
    assert statements["Grants"]["Principal"] == ROOT
    assert "Condition" not in statements["Grants"]


def test_the_role_that_deploys_manages_the_key_by_name(statements: dict[str, dict[str, Any]]) -> None:
    """So it need not wait until the key's tags count."""
    own = statements["Deployment"]
    assert own["Principal"] == {"AWS": [DEPLOY_ROLE]}
    assert "Condition" not in own
    at_once = {"kms:EnableKeyRotation", "kms:CreateAlias", "kms:CreateGrant", "kms:RetireGrant", "kms:PutKeyPolicy"}
    assert at_once <= set(own["Action"])


def test_it_keeps_the_tag_that_says_whose_the_key_is(statements: dict[str, dict[str, Any]]) -> None:
    assert statements["DeploymentTags"]["Condition"] == {"StringEqualsIfExists": {"aws:RequestTag/Environment": "prod"}}
    assert statements["DeploymentUntags"]["Condition"] == {
        "ForAllValues:StringNotEquals": {"aws:TagKeys": "Environment"}
    }


def test_other_deployments_neither_change_nor_use_the_key(statements: dict[str, dict[str, Any]]) -> None:
    others = statements["OtherDeployments"]
    assert (others["Effect"], others["Principal"]) == ("Deny", ROOT)
    assert others["Condition"] == {
        "ArnLike": {"aws:PrincipalArn": "arn:aws:iam::123456789012:role/journal-shared-deploy-*"},
        "ArnNotEquals": {"aws:PrincipalArn": DEPLOY_ROLE},
    }
    assert {"kms:Decrypt", "kms:CreateGrant", "kms:PutKeyPolicy", "kms:TagResource"} <= set(others["Action"])
    assert "kms:DescribeKey" not in others["Action"]  # which the read policy of all GitHub roles allows


def test_no_deployment_has_the_key_where_an_administrator_deploys() -> None:
    shared = replace(scope(), name="journal-shared", environment="shared")
    statements = json.loads(record(shared).one("Key")["policy"])["Statement"]
    (others,) = [s for s in statements if s["Effect"] == "Deny"]
    assert "ArnNotEquals" not in others["Condition"]
    assert "Deployment" not in [s["Sid"] for s in statements]


def test_cloudwatch_logs_uses_the_key_for_log_groups_alone(statements: dict[str, dict[str, Any]]) -> None:
    logs = statements["Logs"]
    assert logs["Principal"] == {"Service": ["logs.eu-central-1.amazonaws.com"]}
    assert logs["Condition"] == {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": scope().log_group_arns}}


@pytest.mark.parametrize(
    ("group", "ours"),
    [
        (log_group_name(scope()), True),
        ("/aws/eks/journal-prod/cluster", True),
        ("/aws/eks/journal-staging/cluster", False),
        ("journal-dev-flow-logs", False),
        ("another", False),
    ],
)
def test_which_log_groups_are_ours(group: str, ours: bool) -> None:
    arn = f"arn:aws:logs:eu-central-1:123456789012:log-group:{group}"
    assert any(fnmatchcase(arn, pattern) for pattern in scope().log_group_arns) is ours


def test_nobody_else_is_let_in_and_no_action_is_a_wildcard(statements: dict[str, dict[str, Any]]) -> None:
    deployments = {"Deployment", "DeploymentTags", "DeploymentUntags", "OtherDeployments"}
    assert set(statements) == {"Administration", "Use", "Grants", "Logs", *deployments}
    assert not [action for s in statements.values() for action in s["Action"] if "*" in action]
