"""Image repositories in Amazon ECR."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws

from components.aws.scope import Scope
from components.settings.shared import RegistrySettings

DEPLOYED = "deployed-"
"""What the tag begins with that the workflow `deploy-stack` moves to the image that a stack runs."""
EVER = 1000
"""More images than stacks could run. ECR has no rule that keeps: one that never applies shields what it selects."""


class _Selection(TypedDict):
    tagStatus: Literal["tagged", "untagged"]
    tagPatternList: NotRequired[list[str]]
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


def deployed_tag(stack: str) -> str:
    """The tag of the image that a stack runs, `deployed-prod`."""
    return f"{DEPLOYED}{stack}"


def lifecycle_policy(settings: RegistrySettings) -> str:
    """The lifecycle policy of a repository as JSON: keep what stacks run and the newest builds, expire the rest.

    A build is an index, an image and an attestation, and ECR counts each. The index alone has a tag, so a count of
    what is tagged is a count of builds. What an index refers to does not expire before the index does, and what one
    rule selects by its tags is out of reach of those after it (ECR guide, Lifecycle policy evaluation rules).
    """
    rules: list[_Rule] = [
        _rule(1, "What a stack runs", _newest(f"{DEPLOYED}*", EVER)),
        _rule(2, "All builds but the newest", _newest("*", settings.keep_builds)),
        _rule(
            3,
            "What no build refers to",
            {
                "tagStatus": "untagged",
                "countType": "sinceImagePushed",
                "countUnit": "days",
                "countNumber": settings.keep_untagged_days,
            },
        ),
    ]
    return json.dumps({"rules": rules})


def _newest(pattern: str, number: int) -> _Selection:
    return {
        "tagStatus": "tagged",
        "tagPatternList": [pattern],
        "countType": "imageCountMoreThan",
        "countNumber": number,
    }


def _rule(priority: int, description: str, selection: _Selection) -> _Rule:
    return {
        "rulePriority": priority,
        "description": description,
        "selection": selection,
        "action": {"type": "expire"},
    }


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
        """A version's tag never moves, so it always means the same image; `deployed-<stack>` does.

        Images are scanned on push.
        """
        encryption = aws.ecr.RepositoryEncryptionConfigurationArgs(encryption_type="KMS", kms_key=args.key_arn)
        repository = aws.ecr.Repository(
            name,
            name=name,
            image_tag_mutability="IMMUTABLE_WITH_EXCLUSION",
            image_tag_mutability_exclusion_filters=[
                aws.ecr.RepositoryImageTagMutabilityExclusionFilterArgs(filter=f"{DEPLOYED}*", filter_type="WILDCARD")
            ],
            image_scanning_configuration=aws.ecr.RepositoryImageScanningConfigurationArgs(scan_on_push=True),
            encryption_configurations=[encryption],
            force_delete=False,
            opts=pulumi.ResourceOptions(parent=self, protect=args.scope.protect),
        )
        aws.ecr.LifecyclePolicy(
            name, repository=repository.name, policy=policy, opts=pulumi.ResourceOptions(parent=self)
        )
