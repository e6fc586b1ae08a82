"""The S3 bucket for backups of the application's data."""

import pulumi

from components.aws.log_bucket import LogBucketArgs
from components.aws.scope import Scope


def bucket_name(scope: Scope) -> str:
    """`<scope>-backups-<account>`: bucket names are unique across all AWS accounts."""
    return f"{scope.name}-backups-{scope.account}"


def backup_bucket(scope: Scope, keep_days: int, key_arn: pulumi.Input[str]) -> LogBucketArgs:
    """The arguments of the bucket: versioned, so that a pod which may write cannot destroy what was written."""
    return LogBucketArgs(
        scope=scope,
        bucket=bucket_name(scope),
        writers=[],
        retention_days=keep_days,
        key_arn=key_arn,
        prefix="",
        versioned=True,
    )
