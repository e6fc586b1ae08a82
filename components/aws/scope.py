"""What every AWS component of a stack is told: where it is, and how its things are called."""

from dataclasses import dataclass

import pulumi


@dataclass(frozen=True, kw_only=True)
class Scope:
    """A stack's place in AWS.

    name: prefix of physical names, "journal-prod".
    account, region: 12 digits; like "eu-central-1".
    protect: whether Pulumi refuses to delete what holds data.
    boundary: ARN of the permissions boundary that each role of an environment must carry; None in stack `shared`.
    """

    name: str
    environment: str
    account: str
    region: str
    protect: bool
    boundary: pulumi.Input[str] | None = None

    def arn(self, service: str, resource: str) -> str:
        """The ARN of something in this account and region, known before it is made."""
        return f"arn:aws:{service}:{self.region}:{self.account}:{resource}"

    def iam_arn(self, resource: str) -> str:
        """The ARN of something in IAM, which has no regions."""
        return f"arn:aws:iam::{self.account}:{resource}"
