"""What the deployment of one environment may change of who may do what."""

import pulumi

from components.aws.identity.iam import Statement
from components.aws.scope import Scope

PASSED_TO = [
    "backup.amazonaws.com",
    "ec2.amazonaws.com",
    "eks.amazonaws.com",
    "pods.eks.amazonaws.com",
    "vpc-flow-logs.amazonaws.com",
]
"""Services that take the roles of an environment."""
SERVICE_LINKED = [
    "autoscaling.amazonaws.com",
    "backup.amazonaws.com",
    "eks-nodegroup.amazonaws.com",
    "eks.amazonaws.com",
    "elasticloadbalancing.amazonaws.com",
    "restore-testing.backup.amazonaws.com",
    "spot.amazonaws.com",
]
"""Services that make a role of their own in an account when they are first used."""


def roles(scope: Scope, boundary_arn: pulumi.Input[str]) -> tuple[Statement, ...]:
    """The environment's roles. None is made, and none gets a policy, without the boundary; nobody may lift it."""
    ours = scope.iam_arn(f"role/{scope.name}-*")
    bounded = {"iam:PermissionsBoundary": boundary_arn}
    return (
        Statement(
            sid="BoundedRoles",
            actions=["iam:CreateRole", "iam:DeleteRolePolicy", "iam:PutRolePolicy"],
            resources=[ours],
            conditions={"StringEquals": bounded},
        ),
        Statement(
            sid="ManagedPolicies",
            actions=["iam:AttachRolePolicy", "iam:DetachRolePolicy"],
            resources=[ours],
            conditions={"StringEquals": bounded, "ArnLike": {"iam:PolicyARN": "arn:aws:iam::aws:policy/*"}},
        ),
        Statement(
            sid="Roles",
            actions=[
                "iam:DeleteRole",
                "iam:TagRole",
                "iam:UntagRole",
                "iam:UpdateAssumeRolePolicy",
                "iam:UpdateRole",
                "iam:UpdateRoleDescription",
            ],
            resources=[ours],
        ),
        Statement(
            sid="PassRoles",
            actions=["iam:PassRole"],
            resources=[ours],
            conditions={"StringEquals": {"iam:PassedToService": PASSED_TO}},
        ),
        Statement(
            sid="ServiceLinkedRoles",
            actions=["iam:CreateServiceLinkedRole"],
            resources=[scope.iam_arn("role/aws-service-role/*")],
            conditions={"StringEquals": {"iam:AWSServiceName": SERVICE_LINKED}},
        ),
    )
