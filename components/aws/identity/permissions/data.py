"""What the deployment of an environment may change in the services that hold data: S3, KMS, CloudWatch Logs, Backup."""

from components.aws.identity.iam import (
    ENVIRONMENT_TAG,
    NO_ARN_YET,
    Statement,
    has_environment_tag,
    requests_environment_tag,
)
from components.aws.scope import Scope

RECOVERY_POINT_ACTIONS = (
    "backup:DeleteRecoveryPoint",
    "backup:DescribeRecoveryPoint",
    "backup:DisassociateRecoveryPointFromParent",
)
"""A composite recovery point goes after its nested ones (Backup guide, Amazon EKS backups)."""


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
    """What a key's own policy cannot allow: to make a key, and the alias' part of what is done with both.

    What may be done with a key that exists is in its policy, which counts from the first second. Tags and aliases count
    after up to five minutes (KMS guide, ABAC for KMS).
    """
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
        # CreateKey asks for TagResource on every key. Those that have an alias are in use, and keep their tags.
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
            sid="KeyAliases",
            actions=["kms:CreateAlias", "kms:DeleteAlias", "kms:UpdateAlias"],
            resources=[*scope.arns("kms", f"alias/{scope.name}"), *scope.arns("kms", f"alias/{scope.name}-*")],
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
                "ForAllValues:StringNotEquals": {"aws:TagKeys": ENVIRONMENT_TAG},
            },
        ),
        # CreateBackupPlan and CreateRestoreTestingPlan ask for it, of a plan that has no tag yet.
        Statement(
            sid="TagNewPlans",
            actions=["backup:TagResource"],
            resources=plans,
            conditions={
                **requests_environment_tag(scope),
                "Null": {f"aws:ResourceTag/{ENVIRONMENT_TAG}": "true"},
            },
        ),
        # Without `protect`, Pulumi deletes a vault together with its recovery points. Those of a cluster have its name
        # (Backup guide, Amazon EKS backups); those of a volume are snapshots, which have the volume's tags.
        # Either may be in another region, as a copy.
        Statement(
            sid="ClusterRecoveryPoints",
            actions=RECOVERY_POINT_ACTIONS,
            resources=[
                f"arn:aws:backup:*:{scope.account}:recovery-point:{kind}eks/{scope.name}-*"
                for kind in ("", "composite:")
            ],
        ),
        Statement(
            sid="VolumeRecoveryPoints",
            actions=RECOVERY_POINT_ACTIONS,
            resources=["arn:aws:ec2:*::snapshot/*"],
            conditions=has_environment_tag(scope),
        ),
    )
