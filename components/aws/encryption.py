"""Encryption at rest: the KMS key of a stack, and who may use it."""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.aws.identity.iam import Principal, Statement, document
from components.aws.scope import Scope

ITSELF = "in a key policy, * is the key that carries it"
DELETION_WINDOW_DAYS = 30
ADMINISTRATION = (
    "kms:CancelKeyDeletion",
    "kms:CreateAlias",
    "kms:DeleteAlias",
    "kms:DescribeKey",
    "kms:DisableKey",
    "kms:DisableKeyRotation",
    "kms:EnableKey",
    "kms:EnableKeyRotation",
    "kms:GetKeyPolicy",
    "kms:GetKeyRotationStatus",
    "kms:ListGrants",
    "kms:ListKeyPolicies",
    "kms:ListKeyRotations",
    "kms:ListResourceTags",
    "kms:PutKeyPolicy",
    "kms:RetireGrant",
    "kms:RevokeGrant",
    "kms:RotateKeyOnDemand",
    "kms:ScheduleKeyDeletion",
    "kms:TagResource",
    "kms:UntagResource",
    "kms:UpdateAlias",
    "kms:UpdateKeyDescription",
)
"""KMS refuses a key whose policy lets nobody of the account change it: PutKeyPolicy must be here."""
USE = (
    "kms:Decrypt",
    "kms:DescribeKey",
    "kms:Encrypt",
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
)


def log_groups(scope: Scope) -> list[str]:
    """ARNs of the stack's log groups, as patterns: ours, and those whose names EKS chooses."""
    return [scope.arn("logs", f"log-group:{scope.name}-*"), scope.arn("logs", f"log-group:/aws/eks/{scope.name}/*")]


def key_policy(scope: Scope) -> tuple[Statement, ...]:
    """Who may use the key: the account's roles as far as their own policies go, and CloudWatch Logs for our log groups.

    EKS and AWS Backup get grants from the role that makes the cluster or the vault. CreateGrant has no condition:
    EKS does not support kms:GrantIsForAWSResource when a cluster is made (EKS guide, Encrypt secrets with KMS).
    """
    account: dict[Principal, list[str]] = {"AWS": [f"arn:aws:iam::{scope.account}:root"]}
    return (
        Statement(sid="Administration", actions=ADMINISTRATION, principals=account, resources=["*"], reason=ITSELF),
        Statement(sid="Use", actions=USE, principals=account, resources=["*"], reason=ITSELF),
        Statement(sid="Grants", actions=["kms:CreateGrant"], principals=account, resources=["*"], reason=ITSELF),
        Statement(
            sid="Logs",
            actions=USE,
            principals={"Service": [f"logs.{scope.region}.amazonaws.com"]},
            conditions={"ArnLike": {"kms:EncryptionContext:aws:logs:arn": log_groups(scope)}},
            resources=["*"],
            reason=ITSELF,
        ),
    )


@dataclass(kw_only=True)
class EncryptionKeyArgs:
    """What the key needs to be told."""

    scope: Scope


class EncryptionKey(pulumi.ComponentResource):
    """The KMS key `alias/<scope>` for Secrets in etcd, logs and backups. Rotates every year."""

    key_arn: pulumi.Output[str]

    def __init__(self, name: str, args: EncryptionKeyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:aws:EncryptionKey", name, {}, opts)
        scope = args.scope
        key = aws.kms.Key(
            name,
            description=f"{scope.name}: Secrets in etcd, logs, backups",
            enable_key_rotation=True,
            deletion_window_in_days=DELETION_WINDOW_DAYS,
            policy=document(*key_policy(scope)),
            opts=pulumi.ResourceOptions(parent=self, protect=scope.protect),
        )
        aws.kms.Alias(
            name, name=f"alias/{scope.name}", target_key_id=key.key_id, opts=pulumi.ResourceOptions(parent=self)
        )
        self.key_arn = key.arn
        self.register_outputs({"key_arn": self.key_arn})
