"""Image repositories in ECR."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws

from components.aws.scope import Scope
from components.settings.shared import RegistrySettings


class _Selection(TypedDict):
    tagStatus: Literal["untagged", "any"]
    countType: Literal["sinceImagePushed", "imageCountMoreThan"]
    countNumber: int
    countUnit: NotRequired[Literal["days"]]


class _Action(TypedDict):
    type: Literal["expire"]


class _Rule(TypedDict):
    rulePriority: int
    description: str
    selection: _Selection
    action: _Action


def host(scope: Scope) -> str:
    """The registry of an account and region; images are `host/repository:tag`."""
    return f"{scope.account}.dkr.ecr.{scope.region}.amazonaws.com"


def lifecycle(settings: RegistrySettings) -> str:
    """A repository's lifecycle policy, JSON (ECR guide, Lifecycle policies); a rule for any image comes last."""
    rules: list[_Rule] = [
        {
            "rulePriority": 1,
            "description": "Images that lost their tag",
            "selection": {
                "tagStatus": "untagged",
                "countType": "sinceImagePushed",
                "countUnit": "days",
                "countNumber": settings.keep_untagged_days,
            },
            "action": {"type": "expire"},
        },
        {
            "rulePriority": 2,
            "description": "All but the newest",
            "selection": {
                "tagStatus": "any",
                "countType": "imageCountMoreThan",
                "countNumber": settings.keep_images,
            },
            "action": {"type": "expire"},
        },
    ]
    return json.dumps({"rules": rules})


@dataclass(kw_only=True)
class RegistryArgs:
    """What the repositories need to be told.

    key_arn: the KMS key that encrypts images.
    """

    scope: Scope
    settings: RegistrySettings
    key_arn: pulumi.Input[str]


class Registry(pulumi.ComponentResource):
    """The repositories. `host` is what their images' names begin with."""

    host: str
    repository_arns: Sequence[str]

    def __init__(self, name: str, args: RegistryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:aws:Registry", name, {}, opts)
        policy = lifecycle(args.settings)
        for repository in args.settings.repositories:
            self._create_repository(repository, args, policy)
        self.host = host(args.scope)
        self.repository_arns = [args.scope.arn("ecr", f"repository/{r}") for r in args.settings.repositories]
        self.register_outputs({"host": self.host})

    def _create_repository(self, name: str, args: RegistryArgs, policy: str) -> None:
        """A tag that was pushed stays what it is: what is deployed by tag can't change."""
        encryption = aws.ecr.RepositoryEncryptionConfigurationArgs(encryption_type="KMS", kms_key=args.key_arn)
        repository = aws.ecr.Repository(
            name,
            name=name,
            image_tag_mutability="IMMUTABLE",
            image_scanning_configuration=aws.ecr.RepositoryImageScanningConfigurationArgs(scan_on_push=True),
            encryption_configurations=[encryption],
            force_delete=False,
            opts=pulumi.ResourceOptions(parent=self, protect=args.scope.protect),
        )
        aws.ecr.LifecyclePolicy(
            name, repository=repository.name, policy=policy, opts=pulumi.ResourceOptions(parent=self)
        )
