"""The bucket that a network load balancer's access logs go to."""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.aws.identity.iam import Statement, document
from components.aws.scope import Scope

DELIVERY = "delivery.logs.amazonaws.com"
PREFIX = "AWSLogs"
"""Where AWS puts the logs: AWSLogs/<account>/elasticloadbalancing/<region>/…"""
REACHED_OVER_TLS = (
    "s3:GetObject",
    "s3:GetObjectVersion",
    "s3:PutObject",
    "s3:DeleteObject",
    "s3:DeleteObjectVersion",
    "s3:ListBucket",
    "s3:GetBucketAcl",
    "s3:GetBucketLocation",
)
"""All that anybody does with logs; the bucket's own settings are changed over the API's TLS alone."""


def bucket_name(scope: Scope) -> str:
    """Names of buckets are unique in the world, so the account is part of it."""
    return f"{scope.name}-access-logs-{scope.account}"


def policy(scope: Scope) -> tuple[Statement, ...]:
    """Who may do what with the bucket (ELB guide, Access logs for your Network Load Balancer)."""
    bucket = f"arn:aws:s3:::{bucket_name(scope)}"
    ours = {"aws:SourceAccount": scope.account}
    logs = {"aws:SourceArn": scope.arn("logs", "*")}
    return (
        Statement(
            sid="DeliveryWrites",
            actions=["s3:PutObject"],
            resources=[f"{bucket}/{PREFIX}/{scope.account}/*"],
            principals={"Service": [DELIVERY]},
            conditions={"StringEquals": {**ours, "s3:x-amz-acl": "bucket-owner-full-control"}, "ArnLike": logs},
        ),
        Statement(
            sid="DeliveryLooks",
            actions=["s3:GetBucketAcl"],
            resources=[bucket],
            principals={"Service": [DELIVERY]},
            conditions={"StringEquals": ours, "ArnLike": logs},
        ),
        Statement(
            sid="TlsAlone",
            effect="Deny",
            actions=REACHED_OVER_TLS,
            resources=[bucket, f"{bucket}/*"],
            principals={"AWS": ["*"]},
            conditions={"Bool": {"aws:SecureTransport": "false"}},
        ),
    )


@dataclass(kw_only=True)
class AccessLogsArgs:
    """What the bucket needs to be told.

    days: how long a log is kept.
    """

    scope: Scope
    days: int


class AccessLogs(pulumi.ComponentResource):
    """A private bucket whose objects expire. `bucket` is its name, known once AWS may write to it.

    Encryption is S3's own: it needs no permission on a key of ours for AWS to write.
    """

    bucket: pulumi.Output[str]

    def __init__(self, name: str, args: AccessLogsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:aws:AccessLogs", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        physical = bucket_name(args.scope)
        bucket = aws.s3.Bucket(name, bucket=physical, force_destroy=not args.scope.protect, opts=child)
        aws.s3.BucketOwnershipControls(
            name,
            bucket=bucket.bucket,
            rule=aws.s3.BucketOwnershipControlsRuleArgs(object_ownership="BucketOwnerEnforced"),
            opts=child,
        )
        blocked = aws.s3.BucketPublicAccessBlock(
            name,
            bucket=bucket.bucket,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            opts=child,
        )
        default = aws.s3.BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgs(
            sse_algorithm="AES256"
        )
        aws.s3.BucketServerSideEncryptionConfiguration(
            name,
            bucket=bucket.bucket,
            rules=[
                aws.s3.BucketServerSideEncryptionConfigurationRuleArgs(apply_server_side_encryption_by_default=default)
            ],
            opts=child,
        )
        aws.s3.BucketLifecycleConfiguration(name, bucket=bucket.bucket, rules=[_expiry(args.days)], opts=child)
        # S3 refuses two changes of a bucket's access at once.
        allowed = aws.s3.BucketPolicy(
            name,
            bucket=bucket.bucket,
            policy=document(*policy(args.scope)),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[blocked]),
        )
        self.bucket = pulumi.Output.all(bucket.bucket, allowed.id).apply(lambda known: known[0])
        self.register_outputs({"bucket": self.bucket})


def _expiry(days: int) -> aws.s3.BucketLifecycleConfigurationRuleArgs:
    return aws.s3.BucketLifecycleConfigurationRuleArgs(
        id="expire",
        status="Enabled",
        filter=aws.s3.BucketLifecycleConfigurationRuleFilterArgs(prefix=f"{PREFIX}/"),
        expiration=aws.s3.BucketLifecycleConfigurationRuleExpirationArgs(days=days),
        abort_incomplete_multipart_upload=aws.s3.BucketLifecycleConfigurationRuleAbortIncompleteMultipartUploadArgs(
            days_after_initiation=1
        ),
    )
