"""Settings of the stack `shared`: what an account holds once for all environments."""

from typing import Annotated, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from components.settings.alarms import mailbox
from components.settings.aws import AccountSettings
from components.settings.regions import Region
from components.settings.values import RESERVED_TLDS, BucketName, Email, Host, Model, RepositoryName

CloudEnvironment = Literal["dev", "staging", "prod"]
WORKFLOW_ROLES = "journal-shared-"
"""Begins the names of the roles that stack `shared` makes; kind and environment follow, as in `deploy-prod`."""
GithubId = Annotated[int, Field(strict=True, ge=1)]


class RegistrySettings(Model):
    """The image repositories in ECR."""

    repositories: list[RepositoryName] = Field(min_length=1)
    """The names of the image repositories, such as journal/frontend.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/Repositories.html
    """
    keep_builds: int = Field(default=100, ge=1, le=1000)
    """The number of newest builds that each repository keeps, beside what the stacks run, which is always kept.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html
    """
    keep_untagged_days: int = Field(default=7, ge=1, le=365)
    """How many days an image is kept that has no tag and that no build refers to.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html
    """


class GithubSettings(Model):
    """The GitHub repository whose workflows deploy the stacks."""

    repository: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*/[A-Za-z0-9._-]+$")]
    """The repository whose workflows may assume the deploy roles, as OWNER/NAME.

    https://docs.github.com/actions/how-tos/secure-your-work/security-harden-deployments/oidc-in-aws
    """
    owner_id: GithubId | None = None
    """The number by which GitHub knows the repository's owner: `gh api repos/OWNER/NAME --jq .owner.id`.

    By default there is none, which needs `subject: names`.
    https://docs.github.com/actions/reference/security/oidc
    """
    repository_id: GithubId | None = None
    """The number by which GitHub knows the repository: `gh api repos/OWNER/NAME --jq .id`.

    By default there is none, which needs `subject: names`.
    https://docs.github.com/rest/repos/repos#get-a-repository
    """
    subject: Literal["ids", "names"] = "ids"
    """How GitHub names the repository in the tokens of its workflows; the deploy roles take this form and no other.

    With `ids`, the default, it is OWNER@OWNER_ID/NAME@REPOSITORY_ID, which repositories send that were made, renamed or
    moved since 2026-07-15. Older ones send OWNER/NAME until they are switched: those need `names`.
    https://github.blog/changelog/2026-04-23-immutable-subject-claims-for-github-actions-oidc-tokens/
    """
    environments: list[CloudEnvironment] = Field(default=["dev", "staging", "prod"], min_length=1)
    """The GitHub environments that get a deploy role each. By default all three do.

    https://docs.github.com/actions/reference/workflows-and-actions/deployments-and-environments
    """

    @field_validator("repository")
    @classmethod
    def _not_a_folder(cls, repository: str) -> str:
        if repository.endswith(("/.", "/..")):
            raise ValueError("names no repository; write OWNER/NAME as in its address at GitHub")
        return repository

    @model_validator(mode="after")
    def _ids_are_known(self) -> Self:
        ids = {"ownerId": self.owner_id, "repositoryId": self.repository_id}
        missing = [name for name, number in ids.items() if number is None]
        if self.subject == "ids" and missing:
            raise ValueError(
                f"subject ids needs {' and '.join(missing)}; set what `gh api repos/{self.repository} --jq "
                "'.owner.id, .id'` prints, or subject: names if the repository still sends tokens without ids"
            )
        return self


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


class OversightSettings(Model):
    """What watches the account: a budget, CloudTrail, GuardDuty, and mail about failed backups."""

    email: Email
    """The mailbox that gets the alarms of the budget, failed backups and serious findings of GuardDuty.

    AWS sends it a mail to confirm once. https://docs.aws.amazon.com/sns/latest/dg/sns-email-notifications.html
    """
    monthly_budget: int | None = Field(default=4000, ge=1, le=1_000_000)
    """The amount in US dollars that the account may cost a month, by default 4000. `null` makes no budget.

    Mail comes at 80 and 100 percent of it, and when the forecast exceeds it; nothing is stopped.
    https://docs.aws.amazon.com/cost-management/latest/userguide/budgets-managing-costs.html
    """
    trail: bool = True
    """Whether the stack makes a trail of CloudTrail. Set it to false where an organization's trail covers the account.

    A second trail of the same events costs money, and a region holds five.
    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-trails.html
    """
    trail_days: int = Field(default=365, ge=90, le=3653)
    """How many days the trail's bucket keeps a file.

    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-examples.html
    """
    guard_duty: bool = True
    """Whether the stack turns on GuardDuty in its region. Set it to false where an organization has done so.

    A region of an account has one detector; AWS refuses to make another.
    https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_settingup.html
    """

    @field_validator("email")
    @classmethod
    def _mailbox_exists(cls, email: str) -> str:
        return mailbox(email)


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
    oversight: OversightSettings
    """What watches the account: a budget, CloudTrail, GuardDuty, and mail about failed backups."""
    copy_regions: list[Region] = []
    """Further AWS regions in which environments may keep copies of their backups, such as eu-west-1.

    By default there are none. What an environment copies where is in its `aws.backup.copyToRegion`.
    https://docs.aws.amazon.com/aws-backup/latest/devguide/cross-region-backup.html
    """
    protect: bool = True
    """Whether Pulumi refuses to delete the DNS zone, the image repositories, the trail's files and their key.

    https://www.pulumi.com/docs/iac/concepts/options/protect/
    """

    @field_validator("domain")
    @classmethod
    def _can_be_delegated(cls, domain: str) -> str:
        if domain.rpartition(".")[2] in RESERVED_TLDS:
            raise ValueError("is reserved for tests, no registrar delegates it; name a domain that you own")
        return domain

    @field_validator("copy_regions")
    @classmethod
    def _further_ones(cls, regions: list[str], info: ValidationInfo) -> list[str]:
        aws = info.data.get("aws")
        if aws is not None and aws.region in regions:
            raise ValueError(f"{aws.region} is the stack's own region; name others, or take it out")
        return regions
