"""The permissions boundary of every role in an environment: what a role may at most do, whoever writes its policies.

It is what the roles of the components need, so nothing in a cluster makes load balancers, security groups, log groups,
users or roles, and nobody who may make roles for an environment comes to more than this.
"""

from components.aws.identity.iam import Statement
from components.aws.provider import PROJECT
from components.aws.scope import Scope

LIMITS = "A boundary limits kinds of action; the role's own policies name what they are done to"

READS = (
    "autoscaling:DescribeAutoScalingGroups",
    "autoscaling:DescribeAutoScalingInstances",
    "autoscaling:DescribeLaunchConfigurations",
    "autoscaling:DescribeScalingActivities",
    "autoscaling:DescribeTags",
    "ec2:DescribeAccountAttributes",
    "ec2:DescribeAddresses",
    "ec2:DescribeAvailabilityZones",
    "ec2:DescribeDhcpOptions",
    "ec2:DescribeImages",
    "ec2:DescribeInstances",
    "ec2:DescribeInstanceTopology",
    "ec2:DescribeInstanceTypes",
    "ec2:DescribeInternetGateways",
    "ec2:DescribeLaunchTemplateVersions",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeRouteTables",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSnapshots",
    "ec2:DescribeSnapshotTierStatus",
    "ec2:DescribeSubnets",
    "ec2:DescribeTags",
    "ec2:DescribeVolumes",
    "ec2:DescribeVolumesModifications",
    "ec2:DescribeVolumeStatus",
    "ec2:DescribeVpcs",
    "ec2:GetInstanceTypesFromInstanceRequirements",
    "eks:DescribeAccessEntry",
    "eks:DescribeAddon",
    "eks:DescribeCluster",
    "eks:DescribeFargateProfile",
    "eks:DescribeNodegroup",
    "eks:DescribePodIdentityAssociation",
    "eks:ListAccessEntries",
    "eks:ListAddons",
    "eks:ListAssociatedAccessPolicies",
    "eks:ListClusters",
    "eks:ListFargateProfiles",
    "eks:ListNodegroups",
    "eks:ListPodIdentityAssociations",
    "eks:ListTagsForResource",
    "kms:DescribeKey",
    "logs:DescribeLogGroups",
    "logs:DescribeLogStreams",
    "tag:GetResources",
)
NODES = (
    "ec2:AssignPrivateIpAddresses",
    "ec2:AttachNetworkInterface",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DetachNetworkInterface",
    "ec2:ModifyNetworkInterfaceAttribute",
    "ec2:UnassignPrivateIpAddresses",
    "ecr:BatchGetImage",
    "ecr:GetAuthorizationToken",
    "ecr:GetDownloadUrlForLayer",
    "eks-auth:AssumeRoleForPodIdentity",
)
"""The kubelet, its images, and the pods' addresses."""
VOLUMES = (
    "ec2:AttachVolume",
    "ec2:CreateSnapshot",
    "ec2:CreateTags",
    "ec2:CreateVolume",
    "ec2:DeleteSnapshot",
    "ec2:DeleteTags",
    "ec2:DeleteVolume",
    "ec2:DetachVolume",
    "ec2:ModifyVolume",
)
"""The CSI driver's."""
SCALING = ("autoscaling:SetDesiredCapacity", "autoscaling:TerminateInstanceInAutoScalingGroup")
"""The Cluster Autoscaler's."""
BACKUPS = (
    "backup:CopyFromBackupVault",
    "backup:CopyIntoBackupVault",
    "backup:DescribeBackupVault",
    "backup:DescribeRestoreJob",
    "backup:ListRecoveryPointsByBackupVault",
    "backup:ListRestoreJobs",
    "backup:StartRestoreJob",
    "backup:TagResource",
    "ebs:CompleteSnapshot",
    "ebs:PutSnapshotBlock",
    "ebs:StartSnapshot",
    "ec2:CopySnapshot",
    "ec2:ModifySnapshotAttribute",
    "ec2:ModifySnapshotTier",
    "ec2:RestoreSnapshotTier",
    "eks:AssociateAccessPolicy",
    "eks:CreateAccessEntry",
    "eks:DisassociateAccessPolicy",
)
"""AWS Backup of a cluster and its volumes, and their restore into a cluster that is there."""
ENCRYPTION = (
    "kms:CreateGrant",
    "kms:Decrypt",
    "kms:Encrypt",
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
)
LOGS = ("logs:CreateLogStream", "logs:PutLogEvents")
"""Flow logs, into groups that are there."""


def boundary(scope: Scope) -> tuple[Statement, ...]:
    """The statements; in the stack's region alone."""
    region = {"StringEquals": {"aws:RequestedRegion": scope.region}}
    kinds = {
        "Read": READS,
        "Nodes": NODES,
        "Volumes": VOLUMES,
        "Scale": SCALING,
        "Backups": BACKUPS,
        "Encrypt": ENCRYPTION,
        "Logs": LOGS,
    }
    return (
        *(
            Statement(sid=sid, actions=actions, resources=["*"], reason=LIMITS, conditions=region)
            for sid, actions in kinds.items()
        ),
        Statement(
            sid="Roles",
            actions=["iam:GetRole", "iam:ListAttachedRolePolicies"],
            resources=[scope.iam_arn(f"role/{PROJECT}-*")],
        ),
    )
