"""The permissions boundary of all IAM roles of environments, and how a deployment may create roles within it.

The boundary allows what the roles of the components need and no more. So nothing in a cluster can create load
balancers, security groups, log groups, users or roles, and a deployment cannot give its own roles more than this.
"""

import pulumi

from components.aws.identity.iam import Statement
from components.aws.scope import PROJECT, Scope

BOUNDARY_REASON = "a boundary limits the actions; the policies of each role limit the resources"

READ_ACTIONS = (
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
NODE_ACTIONS = (
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
"""For the kubelet, image pulls, the VPC CNI and the EKS Pod Identity Agent."""
VOLUME_ACTIONS = (
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
"""For the EBS CSI driver."""
SCALING_ACTIONS = ("autoscaling:SetDesiredCapacity", "autoscaling:TerminateInstanceInAutoScalingGroup")
"""For the Cluster Autoscaler."""
BACKUP_ACTIONS = (
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
"""For AWS Backup: backups of a cluster and its volumes, and restores into an existing cluster."""
ENCRYPTION_ACTIONS = (
    "kms:CreateGrant",
    "kms:Decrypt",
    "kms:Encrypt",
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
)
OBJECT_ACTIONS = ("s3:GetObject", "s3:ListBucket", "s3:PutObject")
"""For the pods that back up the application's data, in the buckets for backups alone: Pulumi's state is in another."""
LOG_ACTIONS = ("logs:CreateLogStream", "logs:PutLogEvents")
"""For VPC flow logs, into existing log groups."""

PASS_ROLE_SERVICES = [
    "backup.amazonaws.com",
    "ec2.amazonaws.com",
    "eks.amazonaws.com",
    "pods.eks.amazonaws.com",
    "restore-testing.backup.amazonaws.com",
    "vpc-flow-logs.amazonaws.com",
]
"""Services to which a deployment hands roles of an environment (Service Authorization Reference, API operations)."""
SERVICE_LINKED_ROLE_SERVICES = [
    "autoscaling.amazonaws.com",
    "backup.amazonaws.com",
    "eks-nodegroup.amazonaws.com",
    "eks.amazonaws.com",
    "elasticloadbalancing.amazonaws.com",
    "restore-testing.backup.amazonaws.com",
    "spot.amazonaws.com",
]
"""Services that create a service-linked role when they are first used in an account."""
SERVICE_LINKED_ROLES_OF_EACH = ["scraper.aps.amazonaws.com"]
"""Services that create one for each resource: AMP for each collector (AMP guide, Using service-linked roles)."""


def boundary_statements(scope: Scope) -> tuple[Statement, ...]:
    """The statements of the permissions boundary. They allow actions only in the scope's regions."""
    region = {"StringEquals": {"aws:RequestedRegion": scope.regions}}
    actions_by_sid = {
        "Read": READ_ACTIONS,
        "Nodes": NODE_ACTIONS,
        "Volumes": VOLUME_ACTIONS,
        "Scale": SCALING_ACTIONS,
        "Backups": BACKUP_ACTIONS,
        "Encrypt": ENCRYPTION_ACTIONS,
        "Logs": LOG_ACTIONS,
    }
    return (
        *(
            Statement(sid=sid, actions=actions, resources=["*"], reason=BOUNDARY_REASON, conditions=region)
            for sid, actions in actions_by_sid.items()
        ),
        Statement(
            sid="Objects",
            actions=OBJECT_ACTIONS,
            resources=[
                f"arn:aws:s3:::{PROJECT}-*-{what}-{scope.account}{objects}"
                for what in ("backups", "artifacts")
                for objects in ("", "/*")
            ],
            conditions=region,
        ),
        Statement(
            sid="Roles",
            actions=["iam:GetRole", "iam:ListAttachedRolePolicies"],
            resources=[scope.iam_arn(f"role/{PROJECT}-*")],
        ),
    )


def role_statements(scope: Scope, boundary_arn: pulumi.Input[str]) -> tuple[Statement, ...]:
    """Lets a deployment manage the roles `<scope>-*`, as long as they have the permissions boundary.

    It can neither create a role without the boundary nor give one a policy, nor remove the boundary of a role (IAM
    guide, Permissions boundaries).
    """
    roles = scope.iam_arn(f"role/{scope.name}-*")
    has_boundary = {"iam:PermissionsBoundary": boundary_arn}
    return (
        Statement(
            sid="BoundedRoles",
            actions=["iam:CreateRole", "iam:DeleteRolePolicy", "iam:PutRolePolicy"],
            resources=[roles],
            conditions={"StringEquals": has_boundary},
        ),
        Statement(
            sid="ManagedPolicies",
            actions=["iam:AttachRolePolicy", "iam:DetachRolePolicy"],
            resources=[roles],
            conditions={"StringEquals": has_boundary, "ArnLike": {"iam:PolicyARN": "arn:aws:iam::aws:policy/*"}},
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
            resources=[roles],
        ),
        Statement(
            sid="PassRoles",
            actions=["iam:PassRole"],
            resources=[roles],
            conditions={"StringEquals": {"iam:PassedToService": PASS_ROLE_SERVICES}},
        ),
        Statement(
            sid="ServiceLinkedRoles",
            actions=["iam:CreateServiceLinkedRole"],
            resources=[scope.iam_arn("role/aws-service-role/*")],
            conditions={
                "StringEquals": {"iam:AWSServiceName": [*SERVICE_LINKED_ROLE_SERVICES, *SERVICE_LINKED_ROLES_OF_EACH]}
            },
        ),
    )
