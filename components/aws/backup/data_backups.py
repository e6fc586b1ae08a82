"""The S3 bucket for backups of the application's data, and what the pods that write them may do."""

import pulumi

from components.aws.eks.pod_identity import PodIdentityArgs
from components.aws.identity.iam import Statement
from components.aws.log_bucket import LogBucketArgs, bucket_arn
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


def backup_identity(
    scope: Scope, cluster_name: pulumi.Input[str], key_arn: pulumi.Input[str], *, namespace: str, service_account: str
) -> PodIdentityArgs:
    """The role of the pods that back up and restore, for PodIdentity: it reads and writes objects and deletes none."""
    bucket = bucket_arn(bucket_name(scope))
    return PodIdentityArgs(
        scope=scope,
        cluster_name=cluster_name,
        namespace=namespace,
        service_account=service_account,
        statements=[
            Statement(sid="Objects", actions=["s3:GetObject", "s3:PutObject"], resources=[f"{bucket}/*"]),
            # Without it, S3 says of an object that is not there that it may not be read.
            Statement(sid="Bucket", actions=["s3:ListBucket"], resources=[bucket]),
            Statement(sid="Key", actions=["kms:Decrypt", "kms:GenerateDataKey"], resources=[key_arn]),
        ],
    )
