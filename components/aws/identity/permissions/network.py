"""What the deployment of an environment may change in EC2.

Resources in EC2 have no names in their ARNs, so the tag `Environment` says which environment they belong to.
"""

from collections.abc import Mapping, Sequence

from components.aws.identity.iam import (
    ENVIRONMENT_TAG,
    Statement,
    has_environment_tag,
    requests_environment_tag,
)
from components.aws.scope import Scope

CREATE_ACTIONS: Mapping[str, Sequence[str]] = {
    "vpc": ["CreateVpc"],
    "subnet": ["CreateSubnet"],
    "elastic-ip": ["AllocateAddress"],
    "route-table": ["CreateRouteTable"],
    "security-group": ["CreateSecurityGroup"],
    "security-group-rule": ["AuthorizeSecurityGroupIngress", "AuthorizeSecurityGroupEgress"],
    "internet-gateway": ["CreateInternetGateway"],
    "natgateway": ["CreateNatGateway"],
    "vpc-endpoint": ["CreateVpcEndpoint"],
    "vpc-flow-log": ["CreateFlowLogs"],
    "launch-template": ["CreateLaunchTemplate"],
}
"""Actions that create a resource, by the resource type in its ARN."""
SECURITY_GROUP_RULES = [
    "ec2:AuthorizeSecurityGroupEgress",
    "ec2:AuthorizeSecurityGroupIngress",
    "ec2:ModifySecurityGroupRules",
    "ec2:RevokeSecurityGroupEgress",
    "ec2:RevokeSecurityGroupIngress",
    "ec2:UpdateSecurityGroupRuleDescriptionsEgress",
    "ec2:UpdateSecurityGroupRuleDescriptionsIngress",
]
CHANGE_ACTIONS = [
    *SECURITY_GROUP_RULES,
    "ec2:AssociateRouteTable",
    "ec2:AssociateVpcCidrBlock",
    "ec2:AttachInternetGateway",
    "ec2:CreateFlowLogs",
    "ec2:CreateLaunchTemplateVersion",
    "ec2:CreateNatGateway",
    "ec2:CreateRoute",
    "ec2:CreateRouteTable",
    "ec2:CreateSecurityGroup",
    "ec2:CreateSubnet",
    "ec2:CreateVpcEndpoint",
    "ec2:DeleteFlowLogs",
    "ec2:DeleteInternetGateway",
    "ec2:DeleteLaunchTemplate",
    "ec2:DeleteLaunchTemplateVersions",
    "ec2:DeleteNatGateway",
    "ec2:DeleteRoute",
    "ec2:DeleteRouteTable",
    "ec2:DeleteSecurityGroup",
    "ec2:DeleteSubnet",
    "ec2:DeleteVpc",
    "ec2:DeleteVpcEndpoints",
    "ec2:DetachInternetGateway",
    "ec2:DisassociateAddress",
    "ec2:DisassociateRouteTable",
    "ec2:DisassociateVpcCidrBlock",
    "ec2:ModifyLaunchTemplate",
    "ec2:ModifySubnetAttribute",
    "ec2:ModifyVpcAttribute",
    "ec2:ModifyVpcEndpoint",
    "ec2:ReleaseAddress",
    "ec2:ReplaceRoute",
    "ec2:ReplaceRouteTableAssociation",
    "ec2:RunInstances",
]
"""Actions on existing resources, including those on the parent of a new resource, such as the VPC of a subnet."""


def network_statements(scope: Scope) -> tuple[Statement, ...]:
    """Lets it manage VPCs and what is in them, launch templates, and the tags of all these."""
    return (
        *(
            Statement(
                sid=f"Make{kind.title().replace('-', '')}",
                actions=[f"ec2:{action}" for action in actions],
                resources=[scope.arn("ec2", f"{kind}/*")],
                conditions=requests_environment_tag(scope),
            )
            for kind, actions in CREATE_ACTIONS.items()
        ),
        Statement(
            sid="Change",
            actions=CHANGE_ACTIONS,
            resources=[scope.arn("ec2", "*")],
            conditions=has_environment_tag(scope),
        ),
        # EKS creates the cluster security group without the tag `Environment`, but with one of its own. The group stays
        # where a network interface still used it as the cluster was deleted, and so would the VPC.
        Statement(
            sid="ClusterSecurityGroup",
            actions=[*SECURITY_GROUP_RULES, "ec2:DeleteSecurityGroup", "ec2:RunInstances"],
            resources=[scope.arn("ec2", "security-group/*")],
            conditions={"StringEquals": {f"aws:ResourceTag/kubernetes.io/cluster/{scope.name}": "owned"}},
        ),
        # The VPC CNI sets this tag, and leaves interfaces behind when a node ends before it does. EC2 refuses to delete
        # an interface that is attached.
        Statement(
            sid="LeftInterfaces",
            actions=["ec2:DeleteNetworkInterface"],
            resources=[scope.arn("ec2", "network-interface/*")],
            conditions={"StringEquals": {"aws:ResourceTag/cluster.k8s.amazonaws.com/name": scope.name}},
        ),
        # EKS checks a launch template with the permissions of the caller (EKS guide, Launch templates).
        Statement(
            sid="TryLaunchTemplate",
            actions=["ec2:RunInstances"],
            resources=[
                f"arn:aws:ec2:{scope.region}::image/*",
                *(scope.arn("ec2", f"{kind}/*") for kind in ("instance", "volume", "network-interface")),
            ],
        ),
        *tagging_statements(scope),
    )


def tagging_statements(scope: Scope) -> tuple[Statement, ...]:
    """Lets it tag new resources and the environment's own, but never change the tag `Environment` of a resource."""
    all_resources = scope.arn("ec2", "*")
    requests_tag = {f"aws:RequestTag/{ENVIRONMENT_TAG}": scope.environment}
    return (
        Statement(
            sid="TagMade",
            actions=["ec2:CreateTags"],
            resources=[all_resources],
            conditions={
                "StringEquals": {
                    "ec2:CreateAction": [*(a for actions in CREATE_ACTIONS.values() for a in actions), "RunInstances"],
                    **requests_tag,
                }
            },
        ),
        Statement(
            sid="TagOwn",
            actions=["ec2:CreateTags"],
            resources=[all_resources],
            conditions={**has_environment_tag(scope), "StringEqualsIfExists": requests_tag},
        ),
        # The default security group of a new VPC has no tags. Security groups that EKS creates have the tag `Name`.
        Statement(
            sid="TagDefaultSecurityGroup",
            actions=["ec2:CreateTags"],
            resources=[scope.arn("ec2", "security-group/*")],
            conditions={
                "StringEquals": requests_tag,
                "Null": {f"aws:ResourceTag/{tag}": "true" for tag in (ENVIRONMENT_TAG, "Name")},
            },
        ),
        Statement(
            sid="Untag",
            actions=["ec2:DeleteTags"],
            resources=[all_resources],
            conditions={**has_environment_tag(scope), "ForAllValues:StringNotEquals": {"aws:TagKeys": ENVIRONMENT_TAG}},
        ),
    )
