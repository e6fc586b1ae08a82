"""The S3 bucket that receives the access logs of the Network Load Balancer."""

from components.aws.identity.iam import Statement
from components.aws.log_bucket import PREFIX, LogBucketArgs, bucket_arn
from components.aws.scope import Scope

DELIVERY_SERVICE = "delivery.logs.amazonaws.com"


def bucket_name(scope: Scope) -> str:
    """`<scope>-access-logs-<account>`: bucket names are unique across all AWS accounts."""
    return f"{scope.name}-access-logs-{scope.account}"


def access_log_bucket(scope: Scope, retention_days: int) -> LogBucketArgs:
    """The arguments of the bucket. With a KMS key, the log delivery service would need permission to use it."""
    return LogBucketArgs(
        scope=scope, bucket=bucket_name(scope), writers=delivery_policy(scope), retention_days=retention_days
    )


def delivery_policy(scope: Scope) -> tuple[Statement, ...]:
    """Lets the log delivery service write (ELB guide, Access logs)."""
    bucket = bucket_arn(bucket_name(scope))
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
    )
