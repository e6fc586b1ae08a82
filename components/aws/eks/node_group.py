"""Managed node groups with a launch template.

The name of a node group contains a hash of the properties that EKS cannot change in place. If one of them changes, the
new group has another name, so Pulumi creates it, its nodes take the pods, and then Pulumi deletes the old group.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
from pulumi_aws.ec2 import (
    LaunchTemplateBlockDeviceMappingArgs,
    LaunchTemplateBlockDeviceMappingEbsArgs,
    LaunchTemplateMetadataOptionsArgs,
    LaunchTemplateTagSpecificationArgs,
)

from components.aws.eks.scaling import LiveSize, scaling
from components.aws.identity.iam import RoleArgs, trust_service
from components.aws.scope import Scope
from components.settings import NodeGroupSettings
from components.settings.node_groups import NODE_GROUP_LABEL, ManagedNodeGroup

TAGGED_RESOURCE_TYPES = ("instance", "volume", "network-interface")
CLUSTER_TAG = "ebs.csi.aws.com/cluster-name"
"""The EBS CSI driver may attach volumes only to instances with this tag (AmazonEBSCSIDriverEKSClusterScopedPolicy)."""
NODE_POLICIES = ("AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryPullOnly")
"""For joining the cluster, EKS Pod Identity and image pulls; the VPC CNI has a role of its own. The policy for Session
Manager is left out, since it allows to read every parameter of the account; broken nodes are replaced."""
AMI_TYPES = {
    ("AL2023", "x86_64"): "AL2023_x86_64_STANDARD",
    ("AL2023", "arm64"): "AL2023_ARM_64_STANDARD",
    ("BOTTLEROCKET", "x86_64"): "BOTTLEROCKET_x86_64",
    ("BOTTLEROCKET", "arm64"): "BOTTLEROCKET_ARM_64",
}
"""AMI types by operating system and architecture (EKS API reference, Nodegroup, amiType)."""
NODE_GROUP_LABEL_OF_EKS = "eks.amazonaws.com/nodegroup"
"""Label that EKS gives each node; its value is the physical name of the node's group."""
LARGE_GROUP = 6
"""Maximum size from which a third of the nodes is updated at a time; smaller groups are updated node by node."""
THIRDS = 4
"""The most steps in which a third at a time is updated: 33 percent of the nodes, and then what is left."""


def node_role(scope: Scope) -> RoleArgs:
    """The IAM role that all nodes of a cluster share."""
    return RoleArgs(scope=scope, trust=[trust_service("ec2.amazonaws.com", scope)], managed_policies=NODE_POLICIES)


def ami_type(settings: NodeGroupSettings) -> str:
    """The AMI type of the node group in the EKS API, "AL2023_x86_64_STANDARD"."""
    return AMI_TYPES[settings.os, settings.architecture]


def physical_name(scope: Scope, group: ManagedNodeGroup, subnet_cidrs: Sequence[str]) -> str:
    """`<scope>-<group>-<8 hex digits>`, the digits a hash of what EKS cannot change in place.

    These are AMI type, capacity type, instance types and subnets (EKS API reference, UpdateNodegroupConfig).
    subnet_cidrs: CIDR blocks that identify the subnets, whose IDs are unknown in a preview.
    """
    settings = group.settings
    replaced_on_change = [ami_type(settings), settings.capacity_type, *settings.instance_types, *subnet_cidrs]
    digits = hashlib.sha256(json.dumps(replaced_on_change).encode()).hexdigest()[:8]
    return f"{scope.name}-{group.name}-{digits}"


def update_config(group: ManagedNodeGroup) -> aws.eks.NodeGroupUpdateConfigArgs:
    """How many nodes may be unavailable during an update: one, or a third in a large group."""
    if group.max_size < LARGE_GROUP:
        return aws.eks.NodeGroupUpdateConfigArgs(max_unavailable=1)
    return aws.eks.NodeGroupUpdateConfigArgs(max_unavailable_percentage=33)


def timeouts(group: ManagedNodeGroup) -> pulumi.CustomTimeouts:
    """How long Pulumi waits for EKS. An update takes ten minutes for new nodes, and fifteen for each step.

    EKS itself gives up a step whose pods do not leave within fifteen minutes (EKS guide, Managed node update behavior).
    The provider's own limit is an hour, whatever the number of nodes.
    """
    steps = group.max_size if group.max_size < LARGE_GROUP else THIRDS
    return pulumi.CustomTimeouts(create="30m", update=f"{10 + 15 * steps}m", delete="25m")


def block_device_mappings(settings: NodeGroupSettings) -> list[LaunchTemplateBlockDeviceMappingArgs]:
    """The EBS volumes of a node: the root volume, and with Bottlerocket a data volume as well.

    `disk_gib` is the size of the volume with images and container data. Bottlerocket's root volume has the size of its
    AMI (Bottlerocket README, Default volumes).
    """
    sizes = {"/dev/xvda": settings.disk_gib}
    if settings.os == "BOTTLEROCKET":
        sizes = {"/dev/xvda": None, "/dev/xvdb": settings.disk_gib}
    return [
        LaunchTemplateBlockDeviceMappingArgs(
            device_name=device,
            ebs=LaunchTemplateBlockDeviceMappingEbsArgs(
                volume_type="gp3", volume_size=size, encrypted="true", delete_on_termination="true"
            ),
        )
        for device, size in sizes.items()
    ]


def autoscaling_group_name(resources: Sequence[aws.eks.outputs.NodeGroupResource] | None) -> str:
    """The name of the autoscaling group that EKS created for a node group.

    A node group whose creation failed has none: then the name is "" in a preview, and an update raises pulumi.RunError.
    """
    names = [group.name for resource in resources or () for group in resource.autoscaling_groups or () if group.name]
    if not names and not pulumi.runtime.is_dry_run():
        raise pulumi.RunError("the node group has no autoscaling group: see its health in the EKS console, then retry")
    return names[0] if names else ""


@dataclass(kw_only=True)
class NodeGroupArgs:
    """Arguments of NodeGroup.

    scope: account, region and name prefix.
    group: name, instance types, sizes, labels and taints of the group.
    live: the sizes of the cluster's groups that exist, by physical name; see `live_sizes`.
    cluster_name: the EKS cluster.
    version: Kubernetes version, "1.36".
    subnet_ids: private subnets for the nodes, in the group's zones.
    subnet_cidrs: CIDR blocks of these subnets, in the same order.
    security_group_ids: all security groups of the nodes, including the cluster security group.
    role_arn: the nodes' IAM role; see `node_role`.
    tags: tags of instances, volumes and network interfaces, which the provider's default tags do not reach.
    depends_on: what nodes need to start and to drain, such as NAT gateways and the VPC CNI, and what their pods need
    when they are admitted, such as associations of EKS Pod Identity.
    """

    scope: Scope
    group: ManagedNodeGroup
    live: Mapping[str, LiveSize]
    cluster_name: pulumi.Input[str]
    version: str
    subnet_ids: Sequence[pulumi.Input[str]]
    subnet_cidrs: Sequence[str]
    security_group_ids: Sequence[pulumi.Input[str]]
    role_arn: pulumi.Input[str]
    tags: Mapping[str, str]
    depends_on: Sequence[pulumi.Resource] = ()


class NodeGroup(pulumi.ComponentResource):
    """A managed node group and its launch template.

    The Cluster Autoscaler sets the desired size, and a change of the bounds keeps it (see `scaling`). The launch
    template names no AMI and has no user data, so EKS sets the maximum number of pods for prefix delegation (EKS guide,
    Increase the available IP addresses).
    physical_name: the group's name in EKS, which every node of it carries as the label `eks.amazonaws.com/nodegroup`.
    autoscaling_group_name: name of the autoscaling group that EKS creates.
    """

    physical_name: str
    node_group: aws.eks.NodeGroup
    autoscaling_group_name: pulumi.Output[str]

    def __init__(self, name: str, args: NodeGroupArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:aws/eks:NodeGroup", name, {}, opts)
        self._name, self._args, self._settings = name, args, args.group.settings
        self.physical_name = physical_name(args.scope, args.group, args.subnet_cidrs)
        self.node_group = self._create_node_group(self._create_launch_template())
        self.autoscaling_group_name = self.node_group.resources.apply(autoscaling_group_name)
        self.register_outputs({"autoscaling_group_name": self.autoscaling_group_name})

    def _create_launch_template(self) -> aws.ec2.LaunchTemplate:
        name = f"{self._args.scope.name}-{self._args.group.name}"
        tags = {**self._args.tags, "Name": name, CLUSTER_TAG: self._args.scope.name}
        return aws.ec2.LaunchTemplate(
            self._name,
            name=name,
            update_default_version=True,
            vpc_security_group_ids=self._args.security_group_ids,
            block_device_mappings=block_device_mappings(self._settings),
            metadata_options=LaunchTemplateMetadataOptionsArgs(
                http_endpoint="enabled",
                http_tokens="required",
                http_put_response_hop_limit=1,
                instance_metadata_tags="disabled",
            ),
            tag_specifications=[
                LaunchTemplateTagSpecificationArgs(resource_type=resource_type, tags=tags)
                for resource_type in TAGGED_RESOURCE_TYPES
            ],
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _create_node_group(self, template: aws.ec2.LaunchTemplate) -> aws.eks.NodeGroup:
        args, settings = self._args, self._settings
        sizes = scaling(args.group, self.physical_name, args.live)
        return aws.eks.NodeGroup(
            self._name,
            node_group_name=self.physical_name,
            cluster_name=args.cluster_name,
            version=args.version,
            node_role_arn=args.role_arn,
            subnet_ids=args.subnet_ids,
            ami_type=ami_type(settings),
            capacity_type=settings.capacity_type,
            instance_types=list(settings.instance_types),
            launch_template=aws.eks.NodeGroupLaunchTemplateArgs(
                id=template.id, version=template.latest_version.apply(str)
            ),
            scaling_config=aws.eks.NodeGroupScalingConfigArgs(
                min_size=sizes.min_size, desired_size=sizes.desired_size, max_size=sizes.max_size
            ),
            update_config=update_config(args.group),
            node_repair_config=aws.eks.NodeGroupNodeRepairConfigArgs(enabled=True),
            labels={**settings.labels, NODE_GROUP_LABEL: settings.name},
            taints=[
                aws.eks.NodeGroupTaintArgs(key=taint.key, value=taint.value, effect=taint.effect)
                for taint in settings.taints
            ],
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=list(args.depends_on),
                custom_timeouts=timeouts(args.group),
                ignore_changes=["scalingConfig"] if sizes.unchanged else None,
            ),
        )
