"""What pods may do in a bucket of the stack's."""

import pulumi

from components.aws.eks.pod_identity import PodIdentityArgs
from components.aws.identity.iam import Statement
from components.aws.log_bucket import bucket_arn
from components.aws.scope import Scope
from components.kubernetes import PodBucket


def bucket_identity(
    scope: Scope, cluster_name: pulumi.Input[str], key_arn: pulumi.Input[str], bucket: str, pods: PodBucket
) -> PodIdentityArgs:
    """The role of the pods, for PodIdentity: it reads and writes objects and deletes none."""
    arn = bucket_arn(bucket)
    return PodIdentityArgs(
        scope=scope,
        cluster_name=cluster_name,
        namespace=pods.namespace,
        service_account=pods.service_account,
        statements=[
            Statement(sid="Objects", actions=["s3:GetObject", "s3:PutObject"], resources=[f"{arn}/*"]),
            # Without it, S3 says of an object that is not there that it may not be read.
            Statement(sid="Bucket", actions=["s3:ListBucket"], resources=[arn]),
            Statement(sid="Key", actions=["kms:Decrypt", "kms:GenerateDataKey"], resources=[key_arn]),
        ],
    )
