"""What the deployment of one environment may change of its cluster, and of the way into it."""

from collections.abc import Sequence

import pulumi

from components.aws.identity.iam import Statement
from components.aws.identity.permissions.own import UNNAMED, made
from components.aws.scope import Scope


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
