"""The S3 bucket of what workflows store."""

import pulumi

from components.aws.log_bucket import LogBucketArgs
from components.aws.scope import Scope


def bucket_name(scope: Scope) -> str:
    """`<scope>-artifacts-<account>`: bucket names are unique across all AWS accounts."""
    return f"{scope.name}-artifacts-{scope.account}"


def artifact_bucket(scope: Scope, keep_days: int, key_arn: pulumi.Input[str]) -> LogBucketArgs:
    """The arguments of the bucket: what is in it can be made again, so it has no versions."""
    return LogBucketArgs(
        scope=scope, bucket=bucket_name(scope), writers=[], retention_days=keep_days, key_arn=key_arn, prefix=""
    )
