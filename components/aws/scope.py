"""Where a stack is in AWS: account, region, name prefix and tags, and the provider that enforces them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import pulumi
import pulumi_aws as aws

from components.settings.aws import AccountSettings

PROJECT = "journal"
"""First part of every physical name and the value of the tag `Project`."""


@dataclass(frozen=True, kw_only=True)
class Scope:
    """The account, region and naming of one stack. Every AWS component takes one.

    name: prefix of physical names, "journal-prod".
    environment: value of the tag `Environment`, "prod".
    account: the AWS account's number, 12 digits.
    region: an AWS region, "eu-central-1".
    protect: whether Pulumi refuses to delete resources that hold data, such as keys, log groups and backup vaults.
    boundary: ARN of the permissions boundary that every IAM role of an environment carries; None in stack `shared`.
    copy_regions: further regions, in which environments keep copies of their backups.
    """

    name: str
    environment: str
    account: str
    region: str
    protect: bool
    boundary: pulumi.Input[str] | None = None
    copy_regions: tuple[str, ...] = ()

    @property
    def regions(self) -> list[str]:
        """The scope's region, then those of the copies."""
        return [self.region, *self.copy_regions]

    def arns(self, service: str, resource: str) -> list[str]:
        """The ARNs of a resource of this account in each of the regions."""
        return [replace(self, region=region).arn(service, resource) for region in self.regions]

    def arn(self, service: str, resource: str) -> str:
        """The ARN of a resource in this account and region. It follows from the name, so it needs no Output."""
        return f"arn:aws:{service}:{self.region}:{self.account}:{resource}"

    def iam_arn(self, resource: str) -> str:
        """The ARN of an IAM resource. IAM is global, so the ARN has no region."""
        return f"arn:aws:iam::{self.account}:{resource}"

    @property
    def log_group_arns(self) -> list[str]:
        """ARN patterns of the stack's log groups: `<name>-*`, and `/aws/eks/<name>/*`, whose names EKS chooses."""
        return [self.arn("logs", f"log-group:{self.name}-*"), self.arn("logs", f"log-group:/aws/eks/{self.name}/*")]


def scope_of(environment: str, account: AccountSettings, *, protect: bool) -> Scope:
    """The scope of the stack `environment`. Its physical names begin with `journal-<environment>`."""
    return Scope(
        name=f"{PROJECT}-{environment}",
        environment=environment,
        account=account.account,
        region=account.region,
        protect=protect,
    )


def default_tags(scope: Scope, extra: Mapping[str, str]) -> dict[str, str]:
    """The tags of every resource: `extra` from the stack's settings, and three that `extra` cannot override."""
    return {**extra, "Project": PROJECT, "Environment": scope.environment, "ManagedBy": "pulumi"}


def create_provider(
    scope: Scope, account: AccountSettings, name: str = "aws", opts: pulumi.ResourceOptions | None = None
) -> aws.Provider:
    """The AWS provider of a stack in the scope's region.

    It refuses credentials of any account but the stack's, and tags all resources.
    """
    return aws.Provider(
        name,
        region=scope.region,
        allowed_account_ids=[scope.account],
        default_tags=aws.ProviderDefaultTagsArgs(tags=default_tags(scope, account.tags)),
        opts=opts,
    )
