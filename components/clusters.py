"""The cluster that a stack runs on: one of its own in AWS, or one that is there already."""

import pulumi

from components.cluster import Cluster, ExistingCluster
from components.settings import ClusterSettings, Settings


def of(stack: Settings) -> Cluster:
    if stack.aws is None:
        return ExistingCluster("cluster", ClusterSettings() if stack.cluster is None else stack.cluster).cluster
    from components.aws.environment import Environment, EnvironmentArgs  # a stack without AWS need not import it
    from components.aws.provider import provider_of, scope_of

    scope = scope_of(stack.environment, stack.aws, protect=stack.aws.protect)
    args = EnvironmentArgs(scope=scope, settings=stack.aws, host=stack.host, allowed_cidrs=stack.ingress.allowed_cidrs)
    return Environment("environment", args, opts=pulumi.ResourceOptions(provider=provider_of(scope, stack.aws))).cluster
