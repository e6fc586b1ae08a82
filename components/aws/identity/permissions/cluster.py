"""What the deployment of an environment may change in EKS, Auto Scaling, Elastic Load Balancing and Route 53."""

from collections.abc import Sequence

import pulumi

from components.aws.identity.iam import NO_ARN_YET, Statement, requests_environment_tag
from components.aws.scope import Scope


def cluster_statements(scope: Scope) -> tuple[Statement, ...]:
    """Lets it manage the EKS cluster `<scope>` and attach target groups to the autoscaling groups of its nodes."""
    name = scope.name
    return (
        Statement(
            sid="MakeCluster",
            actions=["eks:CreateCluster"],
            resources=["*"],
            reason=NO_ARN_YET,
            conditions=requests_environment_tag(scope),
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


def load_balancer_and_dns_statements(
    scope: Scope, domain: str, zone_id: pulumi.Input[str], other_environments: Sequence[str]
) -> tuple[Statement, ...]:
    """Lets it manage the load balancer `<scope>`, and the environment's records in the hosted zone of `domain`.

    The names under `<environment>.<domain>` belong to an environment, all other names under `<domain>` to prod.
    """
    zone = pulumi.Output.concat("arn:aws:route53:::hostedzone/", zone_id)
    record_names = "route53:ChangeResourceRecordSetsNormalizedRecordNames"
    own_names = f"*.{domain}" if scope.environment == "prod" else f"*.{scope.environment}.{domain}"
    other_names = [f"*.{other}.{domain}" for other in other_environments] if scope.environment == "prod" else []
    deny_other_names = Statement(
        sid="ForeignNames",
        effect="Deny",
        actions=["route53:ChangeResourceRecordSets"],
        resources=[zone],
        conditions={"ForAnyValue:StringLike": {record_names: other_names}},
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
            conditions={"ForAllValues:StringLike": {record_names: [own_names]}},
        ),
        *([deny_other_names] if other_names else []),
    )
