"""Copies of backups: an environment keeps them in the regions that stack `shared` names, and in no others."""

from dataclasses import replace

import pulumi
import pytest

from components.aws.identity.iam import Statement, policy_document
from components.aws.identity.permissions.boundary import boundary_statements
from components.aws.identity.permissions.data import data_statements
from components.aws.scope import Scope
from tests.unit.components.aws.identity.iam_evaluator import Context, allowed
from tools.recording import Recorder, run

PROD = Scope(
    name="journal-prod",
    environment="prod",
    account="111122223333",
    region="eu-central-1",
    protect=True,
    copy_regions=("eu-west-1",),
)
OWN = {"aws:ResourceTag/Environment": "prod"}
REGIONS = [("eu-central-1", True), ("eu-west-1", True), ("us-east-1", False)]


def may(statements: tuple[Statement, ...], action: str, resource: str, context: Context | None = None) -> bool:
    document = run(
        lambda: pulumi.export("document", policy_document(*statements)), Recorder(), project="journal", stack="shared"
    ).outputs["document"]
    return allowed([document], action, resource, context)


@pytest.mark.parametrize(("region", "expected"), REGIONS)
@pytest.mark.parametrize(
    ("action", "service", "resource", "context"),
    [
        ("backup:CreateBackupVault", "backup", "backup-vault:journal-prod", {}),
        ("backup:ListRecoveryPointsByBackupVault", "backup", "backup-vault:journal-prod", {}),
        ("kms:CreateAlias", "kms", "alias/journal-prod", {}),
    ],
)
def test_a_deployment_keeps_a_vault_and_a_key_there(
    region: str, expected: bool, action: str, service: str, resource: str, context: Context
) -> None:
    place = replace(PROD, region=region).arn(service, resource)
    assert may(data_statements(PROD), action, place, context) is expected


@pytest.mark.parametrize(("region", "expected"), REGIONS)
@pytest.mark.parametrize("action", ["ec2:CopySnapshot", "kms:CreateGrant", "backup:CopyIntoBackupVault"])
def test_the_role_of_backups_may_copy_there(region: str, expected: bool, action: str) -> None:
    """EBS copies a snapshot by a call in the region that it goes to."""
    assert may(boundary_statements(PROD), action, "*", {"aws:RequestedRegion": region}) is expected
