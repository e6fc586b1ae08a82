"""S3 buckets into which AWS services write logs, and pods write backups."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.aws.identity.iam import Statement, policy_document
from components.aws.scope import Scope

PREFIX = "AWSLogs"
"""AWS writes below AWSLogs/<account>/ (ELB guide, Access logs; CloudTrail guide, Log file examples)."""
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


def bucket_arn(bucket: str) -> str:
    """The ARN of a bucket. It follows from the name, so it needs no Output."""
    return f"arn:aws:s3:::{bucket}"


def tls_alone(bucket: str) -> Statement:
    """Denies access without TLS."""
    return Statement(
        sid="TlsAlone",
        effect="Deny",
        actions=TLS_ONLY_ACTIONS,
        resources=[bucket_arn(bucket), f"{bucket_arn(bucket)}/*"],
        principals={"AWS": ["*"]},
        conditions={"Bool": {"aws:SecureTransport": "false"}},
    )


@dataclass(kw_only=True)
class LogBucketArgs:
    """Arguments of LogBucket.

    scope: account, region and name prefix; without `scope.protect`, Pulumi deletes the bucket with the logs in it, with
        it, Pulumi refuses.
    bucket: its name, which is unique across all AWS accounts.
    writers: statements of the bucket's policy that let a service write below `AWSLogs/`.
    retention_days: how many days a log is kept.
    key_arn: the KMS key that encrypts the logs; None for S3's own (SSE-S3), where a service cannot use a KMS key.
    prefix: what the names of the objects that expire begin with; "" for all of them.
    versioned: whether an object that was overwritten or deleted is kept for `retention_days` too.
    """

    scope: Scope
    bucket: str
    writers: Sequence[Statement]
    retention_days: int
    key_arn: pulumi.Input[str] | None = None
    prefix: str = f"{PREFIX}/"
    versioned: bool = False


class LogBucket(pulumi.ComponentResource):
    """A private, encrypted bucket whose objects expire.

    bucket: the bucket's name, known once the services may write to it.
    """

    bucket: pulumi.Output[str]

    def __init__(self, name: str, args: LogBucketArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:aws:LogBucket", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        bucket = aws.s3.Bucket(
            name,
            bucket=args.bucket,
            force_destroy=not args.scope.protect,
            opts=pulumi.ResourceOptions(parent=self, protect=args.scope.protect),
        )
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
        aws.s3.BucketServerSideEncryptionConfiguration(
            name, bucket=bucket.bucket, rules=[_encryption(args.key_arn)], opts=child
        )
        # A lifecycle rule of versions must come after the versioning (provider, bucket lifecycle configuration).
        versioning = [self._create_versioning(name, bucket)] if args.versioned else []
        aws.s3.BucketLifecycleConfiguration(
            name,
            bucket=bucket.bucket,
            rules=[_expiry(args)],
            opts=pulumi.ResourceOptions(parent=self, depends_on=versioning),
        )
        # S3 rejects concurrent changes of the public access block and the policy of a bucket.
        policy = aws.s3.BucketPolicy(
            name,
            bucket=bucket.bucket,
            policy=policy_document(*args.writers, tls_alone(args.bucket)),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[public_access_block]),
        )
        self.bucket = pulumi.Output.all(bucket.bucket, policy.id).apply(lambda known: known[0])
        self.register_outputs({"bucket": self.bucket})

    def _create_versioning(self, name: str, bucket: aws.s3.Bucket) -> aws.s3.BucketVersioning:
        return aws.s3.BucketVersioning(
            name,
            bucket=bucket.bucket,
            versioning_configuration=aws.s3.BucketVersioningVersioningConfigurationArgs(status="Enabled"),
            opts=pulumi.ResourceOptions(parent=self),
        )


def _encryption(key_arn: pulumi.Input[str] | None) -> aws.s3.BucketServerSideEncryptionConfigurationRuleArgs:
    """With a KMS key, S3 keeps a key for the bucket, and asks KMS less often."""
    default = aws.s3.BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgs(
        sse_algorithm="AES256" if key_arn is None else "aws:kms", kms_master_key_id=key_arn
    )
    return aws.s3.BucketServerSideEncryptionConfigurationRuleArgs(
        apply_server_side_encryption_by_default=default, bucket_key_enabled=None if key_arn is None else True
    )


def _expiry(args: LogBucketArgs) -> aws.s3.BucketLifecycleConfigurationRuleArgs:
    noncurrent = aws.s3.BucketLifecycleConfigurationRuleNoncurrentVersionExpirationArgs(
        noncurrent_days=args.retention_days
    )
    return aws.s3.BucketLifecycleConfigurationRuleArgs(
        id="expire",
        status="Enabled",
        filter=aws.s3.BucketLifecycleConfigurationRuleFilterArgs(prefix=args.prefix),
        expiration=aws.s3.BucketLifecycleConfigurationRuleExpirationArgs(days=args.retention_days),
        noncurrent_version_expiration=noncurrent if args.versioned else None,
        abort_incomplete_multipart_upload=aws.s3.BucketLifecycleConfigurationRuleAbortIncompleteMultipartUploadArgs(
            days_after_initiation=1
        ),
    )
