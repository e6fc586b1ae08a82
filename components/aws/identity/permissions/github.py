"""What GitHub's workflows may do: whom AWS trusts, Pulumi's state, pushing images."""

from collections.abc import Sequence

import pulumi

from components.aws.identity.iam import Statement
from components.aws.provider import PROJECT
from components.aws.scope import Scope
from components.settings.shared import PulumiStateSettings

ISSUER = "token.actions.githubusercontent.com"
AUDIENCE = "sts.amazonaws.com"
SHARED = "shared"
"""The stack whose outputs every environment reads."""


def trust(repository: str, environment: str, provider_arn: pulumi.Input[str]) -> Statement:
    """Lets jobs of one GitHub environment of one repository take a role, and no other job: neither of a branch, a tag,
    a fork nor of a pull request outside the environment (GitHub, OpenID Connect in AWS)."""
    return Statement(
        sid="GitHub",
        actions=["sts:AssumeRoleWithWebIdentity"],
        principals={"Federated": [provider_arn]},
        conditions={
            "StringEquals": {
                f"{ISSUER}:aud": AUDIENCE,
                f"{ISSUER}:sub": f"repo:{repository}:environment:{environment}",
            }
        },
    )


def state(scope: Scope, settings: PulumiStateSettings, stacks: Sequence[str]) -> tuple[Statement, ...]:
    """Reading Pulumi's state, and the secrets of these stacks (Pulumi, DIY backends and awskms)."""
    bucket = f"arn:aws:s3:::{settings.bucket}"
    return (
        Statement(sid="StateList", actions=["s3:ListBucket", "s3:GetBucketLocation"], resources=[bucket]),
        Statement(sid="StateRead", actions=["s3:GetObject"], resources=[f"{bucket}/.pulumi/*"]),
        _secrets("StateSecrets", ["kms:Decrypt"], scope, settings, stacks),
    )


def state_writing(scope: Scope, settings: PulumiStateSettings, stack: str) -> tuple[Statement, ...]:
    """Writing the state of one stack of ours: its checkpoint, history and lock."""
    folder = f"arn:aws:s3:::{settings.bucket}/.pulumi"
    return (
        Statement(
            sid="StateWrite",
            actions=["s3:PutObject", "s3:DeleteObject"],
            resources=[
                f"{folder}/stacks/{PROJECT}/{stack}.json*",
                f"{folder}/history/{PROJECT}/{stack}/*",
                f"{folder}/backups/{PROJECT}/{stack}/*",
                f"{folder}/locks/organization/{PROJECT}/{stack}/*",
            ],
        ),
        _secrets("StateSecretsWrite", ["kms:Encrypt"], scope, settings, [stack]),
    )


def _secrets(
    sid: str, actions: Sequence[str], scope: Scope, settings: PulumiStateSettings, stacks: Sequence[str]
) -> Statement:
    """Use of Pulumi's key, for these stacks alone: each stack's file gives its name as encryption context."""
    return Statement(
        sid=sid,
        actions=actions,
        resources=[scope.arn("kms", "key/*")],
        conditions={
            "ForAnyValue:StringEquals": {"kms:ResourceAliases": settings.key_alias},
            "StringEquals": {"kms:EncryptionContext:stack": list(stacks)},
        },
    )


def images(repository_arns: Sequence[pulumi.Input[str]]) -> tuple[Statement, ...]:
    """Pushing images, and reading what is there (ECR guide, Pushing a private image)."""
    return (
        Statement(
            sid="Login",
            actions=["ecr:GetAuthorizationToken"],
            resources=["*"],
            reason="A login is to the registry; AWS knows no resource of it",
        ),
        Statement(
            sid="Push",
            actions=[
                "ecr:BatchCheckLayerAvailability",
                "ecr:BatchGetImage",
                "ecr:CompleteLayerUpload",
                "ecr:DescribeImages",
                "ecr:GetDownloadUrlForLayer",
                "ecr:InitiateLayerUpload",
                "ecr:PutImage",
                "ecr:UploadLayerPart",
            ],
            resources=repository_arns,
        ),
    )
