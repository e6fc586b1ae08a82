"""What the deployment of an environment may change in the services that hold data: S3, KMS, CloudWatch Logs, Backup."""

from components.aws.identity.iam import (
    ENVIRONMENT_TAG,
    NO_ARN_YET,
    Statement,
    has_environment_tag,
    requests_environment_tag,
)
from components.aws.scope import Scope


def data_statements(scope: Scope) -> tuple[Statement, ...]:
    """Lets it manage the environment's buckets, KMS keys, log groups, backup vaults and backup plans."""
    return (*_buckets(scope), *_keys(scope), *_log_groups(scope), *_backups(scope))


def _buckets(scope: Scope) -> tuple[Statement, ...]:
    return (
        Statement(
            sid="Buckets",
            actions=[
                "s3:CreateBucket",
                "s3:DeleteBucket",
                "s3:DeleteBucketPolicy",
                "s3:DeleteObject",
                "s3:DeleteObjectVersion",
                "s3:ListBucketVersions",
                "s3:PutBucketOwnershipControls",
                "s3:PutBucketPolicy",
                "s3:PutBucketPublicAccessBlock",
                "s3:PutBucketTagging",
                "s3:PutBucketVersioning",
                "s3:PutEncryptionConfiguration",
                "s3:PutLifecycleConfiguration",
                "s3:TagResource",
                "s3:UntagResource",
            ],
            resources=[f"arn:aws:s3:::{scope.name}-*"],
        ),
    )


def _keys(scope: Scope) -> tuple[Statement, ...]:
    keys = scope.arns("kms", "key/*")
    return (
        Statement(
            sid="MakeKey",
            actions=["kms:CreateKey", "kms:TagResource"],
            resources=["*"],
            reason=NO_ARN_YET,
            conditions={
                **requests_environment_tag(scope),
                "StringEqualsIfExists": has_environment_tag(scope)["StringEquals"],
            },
        ),
        # A key with an alias is in use. Without this, a deployment could tag the key of Pulumi's state as its own.
        Statement(
            sid="ForeignKeys",
            effect="Deny",
            actions=["kms:TagResource"],
            resources=keys,
            conditions={
                "Null": {"kms:ResourceAliases": "false"},
                "StringNotEquals": has_environment_tag(scope)["StringEquals"],
            },
        ),
        Statement(
            sid="Keys",
            actions=[
                "kms:CreateAlias",
                "kms:CreateGrant",
                "kms:Decrypt",
                "kms:DeleteAlias",
                "kms:EnableKeyRotation",
                "kms:Encrypt",
                "kms:GenerateDataKey",
                "kms:GenerateDataKeyWithoutPlaintext",
                "kms:PutKeyPolicy",
                "kms:ScheduleKeyDeletion",
                "kms:UpdateAlias",
                "kms:UpdateKeyDescription",
            ],
            resources=keys,
            conditions=has_environment_tag(scope),
        ),
        Statement(
            sid="KeyAliases",
            actions=["kms:CreateAlias", "kms:DeleteAlias", "kms:UpdateAlias"],
            resources=[*scope.arns("kms", f"alias/{scope.name}"), *scope.arns("kms", f"alias/{scope.name}-*")],
        ),
        Statement(
            sid="UntagKeys",
            actions=["kms:UntagResource"],
            resources=keys,
            conditions={**has_environment_tag(scope), "ForAllValues:StringNotEquals": {"aws:TagKeys": ENVIRONMENT_TAG}},
        ),
    )


def _log_groups(scope: Scope) -> tuple[Statement, ...]:
    return (
        Statement(
            sid="LogGroups",
            actions=[
                "logs:AssociateKmsKey",
                "logs:CreateLogGroup",
                "logs:DeleteLogGroup",
                "logs:DeleteRetentionPolicy",
                "logs:DisassociateKmsKey",
                "logs:PutRetentionPolicy",
                "logs:TagResource",
                "logs:UntagResource",
            ],
            resources=scope.log_group_arns,
        ),
    )


def _backups(scope: Scope) -> tuple[Statement, ...]:
    plans = [scope.arn("backup", "backup-plan:*"), scope.arn("backup", "restore-testing-plan:*")]
    return (
        Statement(
            sid="Vaults",
            actions=[
                "backup:CreateBackupVault",
                "backup:DeleteBackupVault",
                "backup:ListRecoveryPointsByBackupVault",
                "backup:TagResource",
                "backup:UntagResource",
            ],
            resources=scope.arns("backup", f"backup-vault:{scope.name}"),
        ),
        Statement(
            sid="VaultStorage",
            actions=["backup-storage:MountCapsule"],
            resources=["*"],
            reason="required to create a vault with a KMS key; it supports no resource-level permissions",
            conditions={"StringEquals": {"aws:RequestedRegion": scope.regions}},
        ),
        Statement(
            sid="MakePlans",
            actions=["backup:CreateBackupPlan", "backup:CreateRestoreTestingPlan"],
            resources=plans,
            conditions=requests_environment_tag(scope),
        ),
        Statement(
            sid="Plans",
            actions=[
                "backup:CreateBackupSelection",
                "backup:CreateRestoreTestingSelection",
                "backup:DeleteBackupPlan",
                "backup:DeleteBackupSelection",
                "backup:DeleteRestoreTestingPlan",
                "backup:DeleteRestoreTestingSelection",
                "backup:UpdateBackupPlan",
                "backup:UpdateRestoreTestingPlan",
                "backup:UpdateRestoreTestingSelection",
            ],
            resources=plans,
            conditions=has_environment_tag(scope),
        ),
        Statement(
            sid="TagPlans",
            actions=["backup:TagResource", "backup:UntagResource"],
            resources=plans,
            conditions={
                **has_environment_tag(scope),
                "StringEqualsIfExists": requests_environment_tag(scope)["StringEquals"],
            },
        ),
        # Without `protect`, Pulumi deletes a vault together with its recovery points.
        Statement(
            sid="RecoveryPoints",
            actions=["backup:DeleteRecoveryPoint"],
            resources=["*"],
            reason="a recovery point has an ARN of the service it is of; a condition requires the environment's tag",
            conditions=has_environment_tag(scope),
        ),
    )
