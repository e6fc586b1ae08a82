"""What the deployment of one environment may change of what keeps data: buckets, keys, logs, backups."""

from components.aws.encryption import log_groups
from components.aws.identity.iam import Statement
from components.aws.identity.permissions.own import TAG, UNNAMED, made, own
from components.aws.scope import Scope


def data(scope: Scope) -> tuple[Statement, ...]:
    """Buckets, keys, log groups, backups."""
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
    keys = scope.arn("kms", "key/*")
    return (
        Statement(
            sid="MakeKey",
            actions=["kms:CreateKey", "kms:TagResource"],
            resources=["*"],
            reason=UNNAMED,
            conditions={**made(scope), "StringEqualsIfExists": own(scope)["StringEquals"]},
        ),
        # Keys in use have an alias, Pulumi's own among them, which nobody tagged.
        Statement(
            sid="ForeignKeys",
            effect="Deny",
            actions=["kms:TagResource"],
            resources=[keys],
            conditions={"Null": {"kms:ResourceAliases": "false"}, "StringNotEquals": own(scope)["StringEquals"]},
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
            resources=[keys],
            conditions=own(scope),
        ),
        Statement(
            sid="KeyAliases",
            actions=["kms:CreateAlias", "kms:DeleteAlias", "kms:UpdateAlias"],
            resources=[scope.arn("kms", f"alias/{scope.name}"), scope.arn("kms", f"alias/{scope.name}-*")],
        ),
        Statement(
            sid="UntagKeys",
            actions=["kms:UntagResource"],
            resources=[keys],
            conditions={**own(scope), "ForAllValues:StringNotEquals": {"aws:TagKeys": TAG}},
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
            resources=log_groups(scope),
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
            resources=[scope.arn("backup", f"backup-vault:{scope.name}")],
        ),
        Statement(
            sid="VaultStorage",
            actions=["backup-storage:MountCapsule"],
            resources=["*"],
            reason="Making a vault with a key of one's own needs it, and AWS knows no resource of it",
            conditions={"StringEquals": {"aws:RequestedRegion": scope.region}},
        ),
        Statement(
            sid="MakePlans",
            actions=["backup:CreateBackupPlan", "backup:CreateRestoreTestingPlan"],
            resources=plans,
            conditions=made(scope),
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
            conditions=own(scope),
        ),
        Statement(
            sid="TagPlans",
            actions=["backup:TagResource", "backup:UntagResource"],
            resources=plans,
            conditions={
                **own(scope),
                "StringEqualsIfExists": made(scope)["StringEquals"],
            },
        ),
        # Where nothing is protected, a vault goes with what is in it.
        Statement(
            sid="RecoveryPoints",
            actions=["backup:DeleteRecoveryPoint"],
            resources=["*"],
            reason="A recovery point's ARN is one of the service whose data it has; the tag says whose it is",
            conditions=own(scope),
        ),
    )
