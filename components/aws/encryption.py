"""Encryption at rest: the KMS key of a stack and its key policy."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.aws.identity.iam import Principal, Statement, policy_document
from components.aws.scope import Scope

KEY_ITSELF = "in a key policy, * means the key that has the policy"
DELETION_WINDOW_DAYS = 30
"""Days in which a deletion can be cancelled; 30 is the most that KMS allows."""
ADMINISTRATION_ACTIONS = (
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
"""Must contain kms:PutKeyPolicy: KMS refuses a policy that nobody could change afterwards (KMS guide, Key policies)."""
USAGE_ACTIONS = (
    "kms:Decrypt",
    "kms:DescribeKey",
    "kms:Encrypt",
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
)


def key_policy(scope: Scope) -> tuple[Statement, ...]:
    """The statements of the key policy.

    IAM policies in the account decide who administers and uses the key; CloudWatch Logs may use it for the stack's log
    groups. EKS and AWS Backup receive grants from the role that creates the cluster or the vault. CreateGrant has no
    condition, because EKS does not support kms:GrantIsForAWSResource (EKS guide, Encrypt Kubernetes secrets with KMS).
    """
    account: dict[Principal, list[str]] = {"AWS": [f"arn:aws:iam::{scope.account}:root"]}
    return (
        Statement(
            sid="Administration", actions=ADMINISTRATION_ACTIONS, principals=account, resources=["*"], reason=KEY_ITSELF
        ),
        Statement(sid="Use", actions=USAGE_ACTIONS, principals=account, resources=["*"], reason=KEY_ITSELF),
        Statement(sid="Grants", actions=["kms:CreateGrant"], principals=account, resources=["*"], reason=KEY_ITSELF),
        Statement(
            sid="Logs",
            actions=USAGE_ACTIONS,
            principals={"Service": [f"logs.{scope.region}.amazonaws.com"]},
            conditions={"ArnLike": {"kms:EncryptionContext:aws:logs:arn": scope.log_group_arns}},
            resources=["*"],
            reason=KEY_ITSELF,
        ),
    )


@dataclass(kw_only=True)
class EncryptionKeyArgs:
    """Arguments of EncryptionKey.

    scope: account, region and name prefix; with `scope.protect`, Pulumi refuses to delete the key.
    services: further statements of the key policy, for AWS services that use the key by themselves.
    """

    scope: Scope
    services: Sequence[Statement] = ()


class EncryptionKey(pulumi.ComponentResource):
    """A symmetric KMS key with the alias `alias/<scope>` that encrypts Kubernetes Secrets, logs, images and backups.

    KMS rotates its key material every year.
    """

    key_arn: pulumi.Output[str]

    def __init__(self, name: str, args: EncryptionKeyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:aws:EncryptionKey", name, {}, opts)
        scope = args.scope
        key = aws.kms.Key(
            name,
            description=f"{scope.name}: Secrets in etcd, logs, backups",
            enable_key_rotation=True,
            deletion_window_in_days=DELETION_WINDOW_DAYS,
            policy=policy_document(*key_policy(scope), *args.services),
            opts=pulumi.ResourceOptions(parent=self, protect=scope.protect),
        )
        aws.kms.Alias(
            name, name=f"alias/{scope.name}", target_key_id=key.key_id, opts=pulumi.ResourceOptions(parent=self)
        )
        self.key_arn = key.arn
        self.register_outputs({"key_arn": self.key_arn})
