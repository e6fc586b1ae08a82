"""All that `pulumi preview` and `pulumi refresh` ask of AWS about the journal's stacks; no data, no secret."""

from components.aws.identity.iam import Statement
from components.aws.identity.permissions.github import ISSUER
from components.aws.provider import PROJECT
from components.aws.scope import Scope

LISTS = "AWS lists and describes these without naming one (Service Authorization Reference)"

DESCRIBES = {
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
        "eks:DescribeAddonConfiguration",
        "eks:DescribeAddonVersions",
        "eks:DescribeClusterVersions",
        "kms:ListAliases",
        "logs:DescribeLogGroups",
        "route53:ListHostedZones",
    ),
}

READS_BUCKET = (
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
"""What the provider asks of a bucket when it reads one."""


def reads(scope: Scope) -> tuple[Statement, ...]:
    """Reading of every stack of the account: a preview is read-only, and stacks are previewed together."""
    names = f"{PROJECT}-*"
    lists = tuple(
        Statement(sid=f"Lists{what}", actions=actions, resources=["*"], reason=LISTS)
        for what, actions in DESCRIBES.items()
    )
    return (
        *lists,
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
                scope.iam_arn(f"oidc-provider/{ISSUER}"),
            ],
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
                scope.arn("backup", "*"),
                scope.arn("ecr", "repository/*"),
                scope.arn("kms", "key/*"),
                scope.arn("logs", "log-group:*"),
                "arn:aws:route53:::hostedzone/*",
                "arn:aws:route53:::change/*",
            ],
        ),
        Statement(sid="Buckets", actions=READS_BUCKET, resources=[f"arn:aws:s3:::{names}"]),
    )
