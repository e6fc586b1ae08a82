"""CloudTrail: a record of every call to AWS in the account, in all regions."""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.aws import encryption
from components.aws.identity.iam import Statement
from components.aws.log_bucket import PREFIX, LogBucket, LogBucketArgs, bucket_arn
from components.aws.scope import Scope

SERVICE = "cloudtrail.amazonaws.com"


def trail_name(scope: Scope) -> str:
    """The scope's own name: an account needs one trail."""
    return scope.name


def bucket_name(scope: Scope) -> str:
    """`<scope>-trail-<account>`: bucket names are unique across all AWS accounts."""
    return f"{scope.name}-trail-{scope.account}"


def _source(scope: Scope) -> dict[str, str]:
    return {"aws:SourceArn": scope.arn("cloudtrail", f"trail/{trail_name(scope)}")}


def key_statement(scope: Scope) -> Statement:
    """Lets the trail use the key (CloudTrail guide, Configure KMS key policies for CloudTrail).

    It reads the key's description when the trail is made, and encrypts by data keys, which S3 may keep for the bucket.
    """
    return encryption.key_statement(
        "Trail",
        ["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"],
        {"Service": [SERVICE]},
        {"StringEquals": _source(scope)},
    )


def writers(scope: Scope) -> tuple[Statement, ...]:
    """Lets the trail write to its bucket (CloudTrail guide, S3 bucket policy for CloudTrail)."""
    bucket = bucket_arn(bucket_name(scope))
    return (
        Statement(
            sid="TrailLooks",
            actions=["s3:GetBucketAcl"],
            resources=[bucket],
            principals={"Service": [SERVICE]},
            conditions={"StringEquals": _source(scope)},
        ),
        Statement(
            sid="TrailWrites",
            actions=["s3:PutObject"],
            resources=[f"{bucket}/{PREFIX}/{scope.account}/*"],
            principals={"Service": [SERVICE]},
            conditions={"StringEquals": {**_source(scope), "s3:x-amz-acl": "bucket-owner-full-control"}},
        ),
    )


@dataclass(kw_only=True)
class TrailArgs:
    """Arguments of Trail.

    scope: account, region and name prefix; the trail's home is that region.
    retention_days: how many days the bucket keeps the record.
    key_arn: the KMS key that encrypts it. Its policy has `key_statement()`.
    """

    scope: Scope
    retention_days: int
    key_arn: pulumi.Input[str]


class Trail(pulumi.ComponentResource):
    """A trail of management events, with digests that show whether a file of it was changed."""

    def __init__(self, name: str, args: TrailArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:aws/oversight:Trail", name, {}, opts)
        scope, child = args.scope, pulumi.ResourceOptions(parent=self)
        logs = LogBucket(
            name,
            LogBucketArgs(
                scope=scope,
                bucket=bucket_name(scope),
                writers=writers(scope),
                retention_days=args.retention_days,
                key_arn=args.key_arn,
            ),
            opts=child,
        )
        aws.cloudtrail.Trail(
            name,
            name=trail_name(scope),
            s3_bucket_name=logs.bucket,
            kms_key_id=args.key_arn,
            is_multi_region_trail=True,
            include_global_service_events=True,
            enable_log_file_validation=True,
            enable_logging=True,
            opts=child,
        )
        self.register_outputs({})
