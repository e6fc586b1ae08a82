"""What the deployment of one environment may change in AWS: things by its names or with its tag, and no others.

EC2's things have no names, so they count as the environment's by their tag `Environment`, which only what has it, or
what is made with it, may be given.
"""

from collections.abc import Mapping, Sequence

import pulumi

from components.aws.iam import Statement
from components.aws.scope import Scope

TAG = "Environment"
UNNAMED = "What is made has no ARN yet; it must be made with the environment's tag"

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


def own(scope: Scope) -> dict[str, dict[str, str]]:
    """Holds for what carries the environment's tag."""
    return {"StringEquals": {f"aws:ResourceTag/{TAG}": scope.environment}}


def made(scope: Scope) -> dict[str, dict[str, str]]:
    """Holds for what is made with the environment's tag."""
    return {"StringEquals": {f"aws:RequestTag/{TAG}": scope.environment}}


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


def cluster(scope: Scope) -> tuple[Statement, ...]:
    """The EKS cluster and all in it that EKS knows; its nodes' autoscaling groups."""
    name = scope.name
    return (
        Statement(
            sid="MakeCluster", actions=["eks:CreateCluster"], resources=["*"], reason=UNNAMED, conditions=made(scope)
        ),
        Statement(
            sid="Cluster",
            actions=[
                *(
                    f"eks:{verb}{kind}"
                    for kind in ("Nodegroup", "Addon", "AccessEntry", "PodIdentityAssociation")
                    for verb in ("Create", "Delete")
                ),
                "eks:AssociateAccessPolicy",
                "eks:AssociateEncryptionConfig",
                "eks:DeleteCluster",
                "eks:DisassociateAccessPolicy",
                "eks:TagResource",
                "eks:UntagResource",
                "eks:UpdateAccessEntry",
                "eks:UpdateAddon",
                "eks:UpdateClusterConfig",
                "eks:UpdateClusterVersion",
                "eks:UpdateNodegroupConfig",
                "eks:UpdateNodegroupVersion",
                "eks:UpdatePodIdentityAssociation",
            ],
            resources=[
                scope.arn("eks", f"cluster/{name}"),
                *(
                    scope.arn("eks", f"{kind}/{name}/*")
                    for kind in ("nodegroup", "addon", "access-entry", "podidentityassociation")
                ),
            ],
        ),
        Statement(
            sid="AutoscalingGroups",
            actions=[
                "autoscaling:AttachLoadBalancerTargetGroups",
                "autoscaling:AttachTrafficSources",
                "autoscaling:CreateOrUpdateTags",
                "autoscaling:DeleteTags",
                "autoscaling:DetachLoadBalancerTargetGroups",
                "autoscaling:DetachTrafficSources",
            ],
            resources=[scope.arn("autoscaling", "autoScalingGroup:*:autoScalingGroupName/eks-*")],
            conditions={"StringEquals": {"aws:ResourceTag/eks:cluster-name": name}},
        ),
    )


def edge(scope: Scope, domain: str, zone_id: pulumi.Input[str], others: Sequence[str]) -> tuple[Statement, ...]:
    """Load balancer, target groups and listeners; the environment's names in the DNS zone.

    A host of dev is a name under dev.<domain>, and so on; one of prod is any name under <domain> but the `others'`.
    """
    zone = pulumi.Output.concat("arn:aws:route53:::hostedzone/", zone_id)
    changed = "route53:ChangeResourceRecordSetsNormalizedRecordNames"
    names = f"*.{domain}" if scope.environment == "prod" else f"*.{scope.environment}.{domain}"
    foreign = [f"*.{other}.{domain}" for other in others] if scope.environment == "prod" else []
    denied = Statement(
        sid="ForeignNames",
        effect="Deny",
        actions=["route53:ChangeResourceRecordSets"],
        resources=[zone],
        conditions={"ForAnyValue:StringLike": {changed: foreign}},
    )
    return (
        Statement(
            sid="LoadBalancer",
            actions=[
                *(
                    f"elasticloadbalancing:{verb}{kind}"
                    for kind in ("LoadBalancer", "TargetGroup", "Listener")
                    for verb in ("Create", "Delete")
                ),
                "elasticloadbalancing:AddTags",
                "elasticloadbalancing:ModifyListener",
                "elasticloadbalancing:ModifyListenerAttributes",
                "elasticloadbalancing:ModifyLoadBalancerAttributes",
                "elasticloadbalancing:ModifyTargetGroup",
                "elasticloadbalancing:ModifyTargetGroupAttributes",
                "elasticloadbalancing:RemoveTags",
                "elasticloadbalancing:SetIpAddressType",
                "elasticloadbalancing:SetSecurityGroups",
                "elasticloadbalancing:SetSubnets",
            ],
            resources=[
                scope.arn("elasticloadbalancing", f"loadbalancer/net/{scope.name}/*"),
                scope.arn("elasticloadbalancing", f"listener/net/{scope.name}/*"),
                scope.arn("elasticloadbalancing", f"targetgroup/{scope.name}-*"),
            ],
        ),
        Statement(
            sid="Names",
            actions=["route53:ChangeResourceRecordSets"],
            resources=[zone],
            conditions={"ForAllValues:StringLike": {changed: [names]}},
        ),
        *([denied] if foreign else []),
    )
