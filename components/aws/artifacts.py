"""The S3 bucket of what workflows store, and what their pods may do in it."""

import pulumi

from components.aws.eks.pod_identity import PodIdentityArgs
from components.aws.identity.iam import Statement
from components.aws.log_bucket import LogBucketArgs, bucket_arn
from components.aws.scope import Scope


def bucket_name(scope: Scope) -> str:
    """`<scope>-artifacts-<account>`: bucket names are unique across all AWS accounts."""
    return f"{scope.name}-artifacts-{scope.account}"


def artifact_bucket(scope: Scope, keep_days: int, key_arn: pulumi.Input[str]) -> LogBucketArgs:
    """The arguments of the bucket: what is in it can be made again, so it has no versions."""
    return LogBucketArgs(
        scope=scope, bucket=bucket_name(scope), writers=[], retention_days=keep_days, key_arn=key_arn, prefix=""
    )


def artifact_identity(
    scope: Scope, cluster_name: pulumi.Input[str], key_arn: pulumi.Input[str], *, namespace: str, service_account: str
) -> PodIdentityArgs:
    """The role of workflows' pods, for PodIdentity: it reads and writes objects and deletes none."""
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
