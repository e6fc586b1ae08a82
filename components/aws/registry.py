"""Image repositories in Amazon ECR."""

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


def registry_host(scope: Scope) -> str:
    """The host name of the account's registry in the region. Images are `<host>/<repository>:<tag>`."""
    return f"{scope.account}.dkr.ecr.{scope.region}.amazonaws.com"


def lifecycle_policy(settings: RegistrySettings) -> str:
    """The lifecycle policy of a repository as JSON: expire old untagged images, and all but the newest ones.

    A rule for images of any tag status must have the highest priority number (ECR guide, Lifecycle policies).
    """
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
    """Arguments of Registry.

    scope: account, region and name prefix; with `scope.protect`, Pulumi refuses to delete a repository.
    settings: the repositories' names and how long images are kept.
    key_arn: the KMS key that encrypts the images.
    """

    scope: Scope
    settings: RegistrySettings
    key_arn: pulumi.Input[str]


class Registry(pulumi.ComponentResource):
    """One ECR repository for each name in the settings.

    host: the registry's host name, "111122223333.dkr.ecr.eu-central-1.amazonaws.com".
    repository_arns: in the order of the settings.
    """

    host: str
    repository_arns: Sequence[str]

    def __init__(self, name: str, args: RegistryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:aws:Registry", name, {}, opts)
        policy = lifecycle_policy(args.settings)
        for repository in args.settings.repositories:
            self._create_repository(repository, args, policy)
        self.host = registry_host(args.scope)
        self.repository_arns = [args.scope.arn("ecr", f"repository/{r}") for r in args.settings.repositories]
        self.register_outputs({"host": self.host})

    def _create_repository(self, name: str, args: RegistryArgs, policy: str) -> None:
        """Tags are immutable, so a deployed tag always means the same image. Images are scanned on push."""
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
