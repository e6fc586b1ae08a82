"""The AWS provider of a stack: one region, one account, the same tags on everything."""

import pulumi_aws as aws

from components.aws.scope import Scope
from components.settings.aws import AccountSettings

PROJECT = "journal"


def scope_of(environment: str, account: AccountSettings, *, protect: bool) -> Scope:
    """A stack's place in AWS; physical names begin with `journal-<environment>`."""
    return Scope(
        name=f"{PROJECT}-{environment}",
        environment=environment,
        account=account.account,
        region=account.region,
        protect=protect,
    )


def tags(scope: Scope, own: dict[str, str]) -> dict[str, str]:
    """What every resource is tagged with; a stack's own tags come first, ours can't be replaced."""
    return {**own, "Project": PROJECT, "Environment": scope.environment, "ManagedBy": "pulumi"}


def provider_of(scope: Scope, account: AccountSettings) -> aws.Provider:
    """The provider, which refuses credentials of any other account."""
    return aws.Provider(
        "aws",
        region=scope.region,
        allowed_account_ids=[scope.account],
        default_tags=aws.ProviderDefaultTagsArgs(tags=tags(scope, account.tags)),
    )
