"""What the stack `shared` may say: what an account has once, for all environments."""

from typing import Annotated, Literal

from pydantic import Field

from components.settings.aws import AccountSettings
from components.settings.model import Model
from components.settings.values import Host

CloudEnvironment = Literal["dev", "staging", "prod"]


class RegistrySettings(Model):
    """Image repositories in ECR."""

    repositories: list[Annotated[str, Field(pattern=r"^[a-z0-9]+(?:[._/-][a-z0-9]+)*$")]] = Field(min_length=1)
    """Their names: journal/frontend, …."""
    keep_images: int = Field(default=100, ge=1, le=1000)
    """How many of the newest images are kept; the older ones go, so it must cover every version that runs."""
    keep_untagged_days: int = Field(default=7, ge=1, le=365)
    """How long an image without a tag is kept."""


class GithubSettings(Model):
    """The repository whose workflows deploy."""

    repository: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$")]
    """owner/name."""
    environments: list[CloudEnvironment] = Field(default=["dev", "staging", "prod"], min_length=1)
    """GitHub environments that get a deploy role each; `preview` gets the read-only one."""


class PulumiStateSettings(Model):
    """Where Pulumi keeps its state; made by hand once, before the first stack."""

    bucket: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")]
    """The S3 bucket of the backend."""
    key_alias: Annotated[str, Field(pattern=r"^alias/[A-Za-z0-9/_-]+$")]
    """The KMS key that encrypts stacks' secrets, alias/NAME."""


class SharedSettings(Model):
    """All that the stack `shared` may say."""

    environment: Literal["shared"]
    """Marks the stack as the shared one."""
    aws: AccountSettings
    """Where in AWS the stack is."""
    domain: Host
    """The DNS zone; the environments' hosts are names in it."""
    registry: RegistrySettings
    """Image repositories."""
    github: GithubSettings
    """The repository whose workflows deploy."""
    pulumi_state: PulumiStateSettings
    """Where Pulumi keeps its state."""
    protect: bool = True
    """Whether Pulumi refuses to delete the DNS zone, the repositories and their key."""
