"""What `pulumi preview` and `pulumi refresh` read in AWS: the configuration of resources, no data and no secrets."""

from components.aws.identity.iam import Statement
from components.aws.scope import PROJECT, Scope

DESCRIBE_REASON = "these actions support no resource-level permissions (Service Authorization Reference)"

DESCRIBE_ACTIONS = {
    "Network": (
        "ec2:DescribeAccountAttributes",
        "ec2:DescribeAddresses",
        "ec2:DescribeAddressesAttribute",
        "ec2:DescribeAvailabilityZones",
        "ec2:DescribeFlowLogs",
        "ec2:DescribeImages",
        "ec2:DescribeInstances",
        "ec2:DescribeInstanceTypes",
        "ec2:DescribeInternetGateways",
        "ec2:DescribeLaunchTemplates",
        "ec2:DescribeLaunchTemplateVersions",
        "ec2:DescribeNatGateways",
        "ec2:DescribeNetworkAcls",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribePrefixLists",
        "ec2:DescribeRouteTables",
        "ec2:DescribeSecurityGroupRules",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeSubnets",
        "ec2:DescribeTags",
        "ec2:DescribeVolumes",
        "ec2:DescribeVpcAttribute",
        "ec2:DescribeVpcEndpoints",
        "ec2:DescribeVpcEndpointServices",
        "ec2:DescribeVpcs",
    ),
    "Edge": (
        "autoscaling:DescribeAutoScalingGroups",
        "autoscaling:DescribeLoadBalancerTargetGroups",
        "autoscaling:DescribeTags",
        "elasticloadbalancing:DescribeCapacityReservation",
        "elasticloadbalancing:DescribeListenerAttributes",
        "elasticloadbalancing:DescribeListeners",
        "elasticloadbalancing:DescribeLoadBalancerAttributes",
        "elasticloadbalancing:DescribeLoadBalancers",
        "elasticloadbalancing:DescribeTags",
        "elasticloadbalancing:DescribeTargetGroupAttributes",
        "elasticloadbalancing:DescribeTargetGroups",
        "elasticloadbalancing:DescribeTargetHealth",
    ),
    "Account": (
        "backup:DescribeRegionSettings",
        "cloudtrail:DescribeTrails",
        "eks:DescribeAddonConfiguration",
        "eks:DescribeAddonVersions",
        "eks:DescribeClusterVersions",
        "kms:ListAliases",
        "logs:DescribeLogGroups",
        "route53:ListHostedZones",
    ),
}

BUCKET_ACTIONS = (
    "s3:GetAccelerateConfiguration",
    "s3:GetBucketAbac",
    "s3:GetBucketAcl",
    "s3:GetBucketCORS",
    "s3:GetBucketLocation",
    "s3:GetBucketLogging",
    "s3:GetBucketObjectLockConfiguration",
    "s3:GetBucketOwnershipControls",
    "s3:GetBucketPolicy",
    "s3:GetBucketPublicAccessBlock",
    "s3:GetBucketRequestPayment",
    "s3:GetBucketTagging",
    "s3:GetBucketVersioning",
    "s3:GetBucketWebsite",
    "s3:GetEncryptionConfiguration",
    "s3:GetLifecycleConfiguration",
    "s3:GetReplicationConfiguration",
    "s3:ListBucket",
    "s3:ListTagsForResource",
)
"""What the AWS provider reads of an S3 bucket."""


OVERSIGHT_ACTIONS = (
    "budgets:ListTagsForResource",
    "budgets:ViewBudget",
    "cloudtrail:GetEventSelectors",
    "cloudtrail:GetInsightSelectors",
    "cloudtrail:GetTrailStatus",
    "cloudtrail:ListTags",
    "events:DescribeRule",
    "events:ListTagsForResource",
    "events:ListTargetsByRule",
    "guardduty:GetDetector",
    "guardduty:ListTagsForResource",
    "sns:GetSubscriptionAttributes",
    "sns:GetTopicAttributes",
    "sns:ListTagsForResource",
)
"""What the AWS provider reads of a budget, a trail, a detector, a topic with its mailbox, and events' rules."""


ALARM_ACTIONS = (
    "aps:DescribeAlertManagerDefinition",
    "aps:DescribeLoggingConfiguration",
    "aps:DescribeRuleGroupsNamespace",
    "aps:DescribeScraper",
    "aps:DescribeWorkspace",
    "aps:ListTagsForResource",
)
"""What the AWS provider reads of a workspace of Prometheus, its rules and alert manager, and a collector."""


def read_statements(scope: Scope, oidc_issuer: str) -> tuple[Statement, ...]:
    """Lets a role read the resources of all stacks in the account.

    oidc_issuer: host of the OpenID Connect provider that GitHub's roles trust.
    """
    names = f"{PROJECT}-*"
    describe = tuple(
        Statement(sid=f"Lists{group}", actions=actions, resources=["*"], reason=DESCRIBE_REASON)
        for group, actions in DESCRIBE_ACTIONS.items()
    )
    return (
        *describe,
        Statement(
            sid="Clusters",
            actions=[
                "eks:DescribeAccessEntry",
                "eks:DescribeAddon",
                "eks:DescribeCluster",
                "eks:DescribeNodegroup",
                "eks:DescribePodIdentityAssociation",
                "eks:DescribeUpdate",
                "eks:ListAccessEntries",
                "eks:ListAddons",
                "eks:ListAssociatedAccessPolicies",
                "eks:ListNodegroups",
                "eks:ListPodIdentityAssociations",
                "eks:ListTagsForResource",
            ],
            resources=[
                scope.arn("eks", f"{kind}/{names}")
                for kind in ("cluster", "nodegroup", "addon", "access-entry", "podidentityassociation")
            ],
        ),
        Statement(
            sid="Roles",
            actions=[
                "iam:GetRole",
                "iam:GetRolePolicy",
                "iam:ListAttachedRolePolicies",
                "iam:ListInstanceProfilesForRole",
                "iam:ListRolePolicies",
                "iam:GetPolicy",
                "iam:GetPolicyVersion",
                "iam:ListPolicyVersions",
                "iam:GetOpenIDConnectProvider",
            ],
            resources=[
                scope.iam_arn(f"role/{names}"),
                scope.iam_arn(f"policy/{names}"),
                scope.iam_arn(f"oidc-provider/{oidc_issuer}"),
            ],
        ),
        # A canary's deployment waits while one of them is not OK (tools/canary.py).
        Statement(
            sid="Alarms",
            actions=["cloudwatch:DescribeAlarms", "cloudwatch:ListTagsForResource"],
            resources=[scope.arn("cloudwatch", "alarm:*")],
        ),
        # The newest releases of nodes' images, which AWS publishes (tools/node_images.py).
        Statement(
            sid="Releases",
            actions=["ssm:GetParameter"],
            resources=[
                f"arn:aws:ssm:{scope.region}::parameter/aws/service/{kind}/*"
                for kind in ("eks/optimized-ami", "bottlerocket")
            ],
        ),
        Statement(sid="Prometheus", actions=ALARM_ACTIONS, resources=[scope.arn("aps", "*")]),
        # CreateNodegroup looks for the service-linked role with the caller's permissions (terraform-aws-eks issue 823).
        Statement(
            sid="ServiceLinkedRoles", actions=["iam:GetRole"], resources=[scope.iam_arn("role/aws-service-role/*")]
        ),
        # CreateLoadBalancer and SetSecurityGroups too (aws-load-balancer-controller issue 3917).
        Statement(
            sid="SecurityGroupsForVpc",
            actions=["ec2:GetSecurityGroupsForVpc"],
            resources=[scope.arn("ec2", "vpc/*")],
        ),
        Statement(
            sid="Data",
            actions=[
                "backup:DescribeBackupVault",
                "backup:GetBackupPlan",
                "backup:GetBackupSelection",
                "backup:GetRestoreTestingPlan",
                "backup:GetRestoreTestingSelection",
                "backup:ListTags",
                "ecr:DescribeImages",
                "ecr:DescribeRepositories",
                "ecr:GetLifecyclePolicy",
                "ecr:ListTagsForResource",
                "kms:DescribeKey",
                "kms:GetKeyPolicy",
                "kms:GetKeyRotationStatus",
                "kms:ListResourceTags",
                "logs:ListTagsForResource",
                "route53:GetChange",
                "route53:GetHostedZone",
                "route53:ListResourceRecordSets",
                "route53:ListTagsForResource",
            ],
            resources=[
                *scope.arns("backup", "*"),
                scope.arn("ecr", "repository/*"),
                *scope.arns("kms", "key/*"),
                scope.arn("logs", "log-group:*"),
                "arn:aws:route53:::hostedzone/*",
                "arn:aws:route53:::change/*",
            ],
        ),
        Statement(sid="Buckets", actions=BUCKET_ACTIONS, resources=[f"arn:aws:s3:::{names}"]),
        Statement(
            sid="Oversight",
            actions=OVERSIGHT_ACTIONS,
            resources=[
                scope.arn("cloudtrail", f"trail/{names}"),
                scope.arn("events", f"rule/{names}"),
                scope.arn("guardduty", "detector/*"),
                scope.arn("sns", names),
                f"arn:aws:budgets::{scope.account}:budget/{names}",
            ],
        ),
    )
