"""Settings of the stack `shared`: what an account holds once for all environments."""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from components.settings import rules
from components.settings.aws import AccountSettings
from components.settings.values import BucketName, Host, Model, RepositoryName

CloudEnvironment = Literal["dev", "staging", "prod"]


class RegistrySettings(Model):
    """The image repositories in ECR."""

    repositories: list[RepositoryName] = Field(min_length=1)
    """The names of the image repositories, such as journal/frontend.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/Repositories.html
    """
    keep_images: int = Field(default=100, ge=1, le=1000)
    """The number of newest images that each repository keeps. It must cover every version that still runs.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html
    """
    keep_untagged_days: int = Field(default=7, ge=1, le=365)
    """How many days an image without a tag is kept.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html
    """


class GithubSettings(Model):
    """The GitHub repository whose workflows deploy the stacks."""

    repository: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$")]
    """The repository whose workflows may assume the deploy roles, as OWNER/NAME.

    https://docs.github.com/actions/how-tos/secure-your-work/security-harden-deployments/oidc-in-aws
    """
    environments: list[CloudEnvironment] = Field(default=["dev", "staging", "prod"], min_length=1)
    """The GitHub environments that get a deploy role each. By default all three do.

    https://docs.github.com/actions/reference/workflows-and-actions/deployments-and-environments
    """


class PulumiStateSettings(Model):
    """The bucket and key of Pulumi's state, which are created by hand before the first stack."""

    bucket: BucketName
    """The name of the S3 bucket in which Pulumi keeps the state of all stacks.

    https://www.pulumi.com/docs/iac/concepts/state-and-backends/
    """
    key_alias: Annotated[str, Field(pattern=r"^alias/[A-Za-z0-9/_-]+$")]
    """The alias of the KMS key that encrypts secrets in the state, such as alias/journal-pulumi.

    https://www.pulumi.com/docs/iac/concepts/secrets/
    """


class SharedSettings(Model):
    """All settings of the stack `shared`."""

    environment: Literal["shared"]
    """The word `shared`, by which the program knows that this stack has no cluster."""
    aws: AccountSettings
    """The AWS account and region of the stack."""
    domain: Host
    """The DNS zone that the stack creates in Route 53. The environments' hosts are names in it.

    https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/hosted-zones-working-with.html
    """
    registry: RegistrySettings
    """The image repositories in ECR.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/Registries.html
    """
    github: GithubSettings
    """The GitHub repository whose workflows deploy the stacks."""
    pulumi_state: PulumiStateSettings
    """The bucket and key of Pulumi's state, which are created by hand before the first stack.

    https://www.pulumi.com/docs/iac/concepts/state-and-backends/
    """
    protect: bool = True
    """Whether Pulumi refuses to delete the DNS zone, the image repositories and their key.

    https://www.pulumi.com/docs/iac/concepts/options/protect/
    """

    @field_validator("domain")
    @classmethod
    def _can_be_delegated(cls, domain: str) -> str:
        if domain.rpartition(".")[2] in rules.RESERVED_TLDS:
            raise ValueError("is reserved for tests, no registrar delegates it; name a domain that you own")
        return domain
