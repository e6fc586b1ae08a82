"""The S3 bucket that receives the access logs of the Network Load Balancer."""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.aws.identity.iam import Statement, policy_document
from components.aws.scope import Scope

DELIVERY_SERVICE = "delivery.logs.amazonaws.com"
PREFIX = "AWSLogs"
"""ELB writes below AWSLogs/<account>/elasticloadbalancing/<region>/ (ELB guide, Access logs)."""
TLS_ONLY_ACTIONS = (
    "s3:GetObject",
    "s3:GetObjectVersion",
    "s3:PutObject",
    "s3:DeleteObject",
    "s3:DeleteObjectVersion",
    "s3:ListBucket",
    "s3:GetBucketAcl",
    "s3:GetBucketLocation",
)
"""The actions on objects, and on the bucket to find them, that are denied without TLS."""


def bucket_name(scope: Scope) -> str:
    """`<scope>-access-logs-<account>`: bucket names are unique across all AWS accounts."""
    return f"{scope.name}-access-logs-{scope.account}"


def bucket_policy(scope: Scope) -> tuple[Statement, ...]:
    """Lets the log delivery service write, and denies access without TLS (ELB guide, Access logs)."""
    bucket = f"arn:aws:s3:::{bucket_name(scope)}"
    source_account = {"aws:SourceAccount": scope.account}
    source_arn = {"aws:SourceArn": scope.arn("logs", "*")}
    return (
        Statement(
            sid="DeliveryWrites",
            actions=["s3:PutObject"],
            resources=[f"{bucket}/{PREFIX}/{scope.account}/*"],
            principals={"Service": [DELIVERY_SERVICE]},
            conditions={
                "StringEquals": {**source_account, "s3:x-amz-acl": "bucket-owner-full-control"},
                "ArnLike": source_arn,
            },
        ),
        Statement(
            sid="DeliveryLooks",
            actions=["s3:GetBucketAcl"],
            resources=[bucket],
            principals={"Service": [DELIVERY_SERVICE]},
            conditions={"StringEquals": source_account, "ArnLike": source_arn},
        ),
        Statement(
            sid="TlsAlone",
            effect="Deny",
            actions=TLS_ONLY_ACTIONS,
            resources=[bucket, f"{bucket}/*"],
            principals={"AWS": ["*"]},
            conditions={"Bool": {"aws:SecureTransport": "false"}},
        ),
    )


@dataclass(kw_only=True)
class AccessLogsArgs:
    """Arguments of AccessLogs.

    scope: account, region and name prefix; without `scope.protect`, Pulumi deletes the bucket with the logs in it.
    retention_days: how many days a log is kept.
    """

    scope: Scope
    retention_days: int


class AccessLogs(pulumi.ComponentResource):
    """A private bucket whose objects expire.

    Objects are encrypted by S3 (SSE-S3). With a KMS key, the log delivery service would need permission to use it.
    bucket: the bucket's name, known once ELB may write to it.
    """

    bucket: pulumi.Output[str]

    def __init__(self, name: str, args: AccessLogsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:aws/edge:AccessLogs", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        bucket = aws.s3.Bucket(name, bucket=bucket_name(args.scope), force_destroy=not args.scope.protect, opts=child)
        aws.s3.BucketOwnershipControls(
            name,
            bucket=bucket.bucket,
            rule=aws.s3.BucketOwnershipControlsRuleArgs(object_ownership="BucketOwnerEnforced"),
            opts=child,
        )
        public_access_block = aws.s3.BucketPublicAccessBlock(
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
        aws.s3.BucketLifecycleConfiguration(
            name, bucket=bucket.bucket, rules=[_expiry(args.retention_days)], opts=child
        )
        # S3 rejects concurrent changes of the public access block and the policy of a bucket.
        policy = aws.s3.BucketPolicy(
            name,
            bucket=bucket.bucket,
            policy=policy_document(*bucket_policy(args.scope)),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[public_access_block]),
        )
        self.bucket = pulumi.Output.all(bucket.bucket, policy.id).apply(lambda known: known[0])
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
