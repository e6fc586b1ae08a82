"""What the deployment of one environment may change in EC2."""

from collections.abc import Mapping, Sequence

from components.aws.identity.iam import Statement
from components.aws.identity.permissions.own import TAG, made, own
from components.aws.scope import Scope

MADE: Mapping[str, Sequence[str]] = {
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
"""Actions that make something in EC2, by its kind."""
SECURITY_GROUP_RULES = [
    "ec2:AuthorizeSecurityGroupEgress",
    "ec2:AuthorizeSecurityGroupIngress",
    "ec2:ModifySecurityGroupRules",
    "ec2:RevokeSecurityGroupEgress",
    "ec2:RevokeSecurityGroupIngress",
    "ec2:UpdateSecurityGroupRuleDescriptionsEgress",
    "ec2:UpdateSecurityGroupRuleDescriptionsIngress",
]
CHANGES = [
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
"""Actions on what is there, among it what something is made in, or of."""


def network(scope: Scope) -> tuple[Statement, ...]:
    """VPC, subnets, routes, gateways, security groups, endpoints, flow logs, launch templates."""
    return (
        *(
            Statement(
                sid=f"Make{kind.title().replace('-', '')}",
                actions=[f"ec2:{action}" for action in actions],
                resources=[scope.arn("ec2", f"{kind}/*")],
                conditions=made(scope),
            )
            for kind, actions in MADE.items()
        ),
        Statement(sid="Change", actions=CHANGES, resources=[scope.arn("ec2", "*")], conditions=own(scope)),
        # EKS makes the cluster's security group, with a tag of its own.
        Statement(
            sid="ClusterSecurityGroup",
            actions=[*SECURITY_GROUP_RULES, "ec2:RunInstances"],
            resources=[scope.arn("ec2", "security-group/*")],
            conditions={"StringEquals": {f"aws:ResourceTag/kubernetes.io/cluster/{scope.name}": "owned"}},
        ),
        # EKS tries a launch template with the rights of who makes the node group (EKS guide, Launch templates).
        Statement(
            sid="TryLaunchTemplate",
            actions=["ec2:RunInstances"],
            resources=[
                f"arn:aws:ec2:{scope.region}::image/*",
                *(scope.arn("ec2", f"{kind}/*") for kind in ("instance", "volume", "network-interface")),
            ],
        ),
        *tagging(scope),
    )


def tagging(scope: Scope) -> tuple[Statement, ...]:
    """Tags of EC2's things: set when they are made, changed on the environment's own, and never to another's."""
    everything = scope.arn("ec2", "*")
    same = {f"aws:RequestTag/{TAG}": scope.environment}
    return (
        Statement(
            sid="TagMade",
            actions=["ec2:CreateTags"],
            resources=[everything],
            conditions={
                "StringEquals": {
                    "ec2:CreateAction": [*(a for actions in MADE.values() for a in actions), "RunInstances"],
                    **same,
                }
            },
        ),
        Statement(
            sid="TagOwn",
            actions=["ec2:CreateTags"],
            resources=[everything],
            conditions={**own(scope), "StringEqualsIfExists": same},
        ),
        # A VPC comes with a security group that has no tags; those that EKS makes have a name.
        Statement(
            sid="TagDefaultSecurityGroup",
            actions=["ec2:CreateTags"],
            resources=[scope.arn("ec2", "security-group/*")],
            conditions={"StringEquals": same, "Null": {f"aws:ResourceTag/{tag}": "true" for tag in (TAG, "Name")}},
        ),
        Statement(
            sid="Untag",
            actions=["ec2:DeleteTags"],
            resources=[everything],
            conditions={**own(scope), "ForAllValues:StringNotEquals": {"aws:TagKeys": TAG}},
        ),
    )
