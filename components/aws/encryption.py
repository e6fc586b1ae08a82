"""Encryption at rest: the KMS key of a stack and its key policy."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import pulumi
import pulumi_aws as aws

from components.aws.identity.iam import ENVIRONMENT_TAG, Conditions, Principal, Statement, policy_document
from components.aws.scope import Scope
from components.settings.shared import WORKFLOW_ROLES

DEPLOY_ROLES = f"{WORKFLOW_ROLES}deploy-"
"""Begins the names of the roles that deploy environments."""
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
DEPLOYMENT_ACTIONS = (
    "kms:CreateAlias",
    "kms:CreateGrant",
    "kms:Decrypt",
    "kms:DeleteAlias",
    "kms:DescribeKey",
    "kms:EnableKeyRotation",
    "kms:Encrypt",
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:GetKeyPolicy",
    "kms:GetKeyRotationStatus",
    "kms:ListResourceTags",
    "kms:PutKeyPolicy",
    "kms:RetireGrant",
    "kms:ScheduleKeyDeletion",
    "kms:UpdateAlias",
    "kms:UpdateKeyDescription",
)
"""What the AWS provider does with the key, and what EKS and AWS Backup ask of the caller (Backup guide, Vaults)."""
READ_ACTIONS = ("kms:DescribeKey", "kms:GetKeyPolicy", "kms:GetKeyRotationStatus", "kms:ListResourceTags")


def deploy_role(environment: str) -> str | None:
    """The name of the role that deploys a stack, as `identity/github.py` has it; an administrator deploys `shared`."""
    return None if environment == "shared" else f"{DEPLOY_ROLES}{environment}"


def key_policy(scope: Scope) -> tuple[Statement, ...]:
    """The statements of the key policy.

    The role that deploys the stack manages the key, and no role that deploys another one does. Of everybody else in the
    account, IAM policies decide who administers and uses it; CloudWatch Logs may use it for the stack's log groups. EKS
    and AWS Backup receive grants from the role that creates the cluster or the vault. CreateGrant has no condition,
    because EKS does not support kms:GrantIsForAWSResource (EKS guide, Encrypt Kubernetes secrets with KMS).
    """
    role = deploy_role(scope.environment)
    deployment = None if role is None else scope.iam_arn(f"role/{role}")
    account: dict[Principal, list[str]] = {"AWS": [f"arn:aws:iam::{scope.account}:root"]}
    return (
        *([] if deployment is None else _deployment(scope, deployment)),
        _other_deployments(scope, account, deployment),
        key_statement("Administration", ADMINISTRATION_ACTIONS, account),
        key_statement("Use", USAGE_ACTIONS, account),
        key_statement("Grants", ["kms:CreateGrant"], account),
        key_statement(
            "Logs",
            [action for action in USAGE_ACTIONS if action != "kms:DescribeKey"],  # which has no such context
            {"Service": [f"logs.{scope.region}.amazonaws.com"]},
            {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": scope.log_group_arns}},
        ),
    )


def key_statement(
    sid: str,
    actions: Sequence[str],
    principals: Mapping[Principal, Sequence[str]],
    conditions: Conditions | None = None,
    *,
    effect: Literal["Allow", "Deny"] = "Allow",
) -> Statement:
    """A statement of a key policy. Its resource is the key that has the policy."""
    return Statement(
        sid=sid,
        effect=effect,
        actions=actions,
        principals=principals,
        conditions={} if conditions is None else conditions,
        resources=["*"],
        reason="in a key policy, * means the key that has the policy",
    )


def _deployment(scope: Scope, role: str) -> tuple[Statement, ...]:
    """Lets the role manage the key from the first second on. A tag would count after up to five minutes (KMS guide)."""
    principals: dict[Principal, list[str]] = {"AWS": [role]}
    own_tag = {"StringEqualsIfExists": {f"aws:RequestTag/{ENVIRONMENT_TAG}": scope.environment}}
    other_tags = {"ForAllValues:StringNotEquals": {"aws:TagKeys": ENVIRONMENT_TAG}}
    return (
        key_statement("Deployment", DEPLOYMENT_ACTIONS, principals),
        key_statement("DeploymentTags", ["kms:TagResource"], principals, own_tag),
        key_statement("DeploymentUntags", ["kms:UntagResource"], principals, other_tags),
    )


def _other_deployments(scope: Scope, account: Mapping[Principal, Sequence[str]], role: str | None) -> Statement:
    """Keeps the deployments of other environments from the key, whatever their own policies and its tags say."""
    own = {} if role is None else {"ArnNotEquals": {"aws:PrincipalArn": role}}
    deployments = {"ArnLike": {"aws:PrincipalArn": scope.iam_arn(f"role/{DEPLOY_ROLES}*")}}
    changes = {*ADMINISTRATION_ACTIONS, *USAGE_ACTIONS, "kms:CreateGrant"} - {*READ_ACTIONS}
    return key_statement("OtherDeployments", sorted(changes), account, {**deployments, **own}, effect="Deny")


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
