"""The cluster that a stack runs on: one of its own in AWS, or one that is there already."""

import pulumi

from components.cluster import Cluster, ExistingCluster
from components.settings import ClusterSettings, Settings


def of(stack: Settings) -> Cluster:
    if stack.aws is None:
        return ExistingCluster("cluster", ClusterSettings() if stack.cluster is None else stack.cluster).cluster
    from components.aws.eks_cluster import EksCluster, EksClusterArgs  # a stack without AWS need not import it
    from components.aws.scope import create_provider, scope_of

    scope = scope_of(stack.environment, stack.aws, protect=stack.aws.protect)
    args = EksClusterArgs(scope=scope, settings=stack.aws, host=stack.host, allowed_cidrs=stack.ingress.allowed_cidrs)
    return EksCluster("cluster", args, opts=pulumi.ResourceOptions(provider=create_provider(scope, stack.aws))).cluster
