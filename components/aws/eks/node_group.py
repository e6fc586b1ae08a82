"""A managed node group: a launch template of ours, and a name that changes with what EKS can't change in place.

Whatever forces a replacement is part of the physical name, so the new group has a name of its own, is made first, takes
the pods, and the old one goes. The Cluster Autoscaler sets the desired size; EKS tags the autoscaling group for it.
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

from components.aws.identity.iam import RoleArgs, trust
from components.aws.scope import Scope
from components.settings import NodeGroupSettings
from components.settings.node_groups import NODE_GROUP_LABEL

TAGGED = ("instance", "volume", "network-interface")
CLUSTER_TAG = "ebs.csi.aws.com/cluster-name"
"""The storage driver attaches volumes to machines with this tag alone (AmazonEBSCSIDriverEKSClusterScopedPolicy)."""
NODE_POLICIES = ("AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryPullOnly")
"""What a node does itself: join, hand out Pod Identity credentials, pull images. The network plugin has a role of its
own. Session Manager is left out: its policy reads every parameter of the account; a broken node is replaced."""
AMI_TYPES = {
    ("AL2023", "x86_64"): "AL2023_x86_64_STANDARD",
    ("AL2023", "arm64"): "AL2023_ARM_64_STANDARD",
    ("BOTTLEROCKET", "x86_64"): "BOTTLEROCKET_x86_64",
    ("BOTTLEROCKET", "arm64"): "BOTTLEROCKET_ARM_64",
}
"""By operating system and architecture (EKS API reference, Nodegroup, amiType)."""
MANY = 6
"""Groups that may have this many nodes are updated a third at a time, smaller ones node by node."""


def node_role(scope: Scope) -> RoleArgs:
    """The role of all nodes of a cluster."""
    return RoleArgs(scope=scope, trust=[trust("ec2.amazonaws.com", scope)], managed=NODE_POLICIES)


def ami_type(settings: NodeGroupSettings) -> str:
    """EKS's word for the image."""
    return AMI_TYPES[settings.os, settings.architecture]


def physical_name(scope: Scope, settings: NodeGroupSettings, subnet_cidrs: Sequence[str]) -> str:
    """`<scope>-<group>-<8 hex digits>`, the digits of what forces a replacement (EKS API reference, UpdateNodegroup*).

    subnet_cidrs: stand for the subnets, whose ids only the cloud knows.
    """
    forces = [ami_type(settings), settings.capacity_type, *settings.instance_types, *subnet_cidrs]
    digits = hashlib.sha256(json.dumps(forces).encode()).hexdigest()[:8]
    return f"{scope.name}-{settings.name}-{digits}"


def update_config(settings: NodeGroupSettings) -> aws.eks.NodeGroupUpdateConfigArgs:
    """How many nodes may be away while the group is updated."""
    if settings.max_size < MANY:
        return aws.eks.NodeGroupUpdateConfigArgs(max_unavailable=1)
    return aws.eks.NodeGroupUpdateConfigArgs(max_unavailable_percentage=33)


def volumes(settings: NodeGroupSettings) -> list[LaunchTemplateBlockDeviceMappingArgs]:
    """The volumes of a node: one, or with Bottlerocket the system's, of its image's size, and one for data.

    Sources: EKS guide, AL2023; Bottlerocket README, Default volumes.
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


def autoscaling_group(resources: Sequence[aws.eks.outputs.NodeGroupResource] | None) -> str:
    """The name of a node group's autoscaling group; "" in a preview of a group whose creation failed.

    Raises pulumi.RunError where an update finds none.
    """
    found = [g.name for r in resources or () for g in r.autoscaling_groups or () if g.name]
    if not found and not pulumi.runtime.is_dry_run():
        raise pulumi.RunError("the node group has no autoscaling group: see its health in the EKS console, then retry")
    return found[0] if found else ""


@dataclass(kw_only=True)
class NodeGroupArgs:
    """What a node group needs to be told.

    version: of Kubernetes, "1.36". subnet_cidrs: of the subnets, in the same order.
    security_group_ids: all that the nodes have, the cluster's among them.
    tags: of instances, volumes and network interfaces, which the provider's default tags don't reach.
    after: what nodes need until they are gone: the network's way out, what every node runs.
    """

    scope: Scope
    settings: NodeGroupSettings
    cluster_name: pulumi.Input[str]
    version: str
    subnet_ids: Sequence[pulumi.Input[str]]
    subnet_cidrs: Sequence[str]
    security_group_ids: Sequence[pulumi.Input[str]]
    role_arn: pulumi.Input[str]
    tags: Mapping[str, str]
    after: Sequence[pulumi.Resource] = ()


class NodeGroup(pulumi.ComponentResource):
    """A managed node group and its launch template.

    No user data: EKS sets the most pods of a node to what prefix delegation allows, as the template names no image (EKS
    guide, Increase the available IP addresses).
    """

    node_group: aws.eks.NodeGroup
    autoscaling_group_name: pulumi.Output[str]

    def __init__(self, name: str, args: NodeGroupArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:aws:NodeGroup", name, {}, opts)
        self._name, self._args, self._settings = name, args, args.settings
        self.node_group = self._create_node_group(self._create_launch_template())
        self.autoscaling_group_name = self.node_group.resources.apply(autoscaling_group)
        self.register_outputs({"autoscaling_group_name": self.autoscaling_group_name})

    def _create_launch_template(self) -> aws.ec2.LaunchTemplate:
        name = f"{self._args.scope.name}-{self._settings.name}"
        tags = {**self._args.tags, "Name": name, CLUSTER_TAG: self._args.scope.name}
        return aws.ec2.LaunchTemplate(
            self._name,
            name=name,
            update_default_version=True,
            vpc_security_group_ids=self._args.security_group_ids,
            block_device_mappings=volumes(self._settings),
            metadata_options=LaunchTemplateMetadataOptionsArgs(
                http_endpoint="enabled",
                http_tokens="required",
                http_put_response_hop_limit=1,
                instance_metadata_tags="disabled",
            ),
            tag_specifications=[LaunchTemplateTagSpecificationArgs(resource_type=what, tags=tags) for what in TAGGED],
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _create_node_group(self, template: aws.ec2.LaunchTemplate) -> aws.eks.NodeGroup:
        args, settings = self._args, self._settings
        return aws.eks.NodeGroup(
            self._name,
            node_group_name=physical_name(args.scope, settings, args.subnet_cidrs),
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
                min_size=settings.min_size, desired_size=settings.desired_size, max_size=settings.max_size
            ),
            update_config=update_config(settings),
            node_repair_config=aws.eks.NodeGroupNodeRepairConfigArgs(enabled=True),
            labels={**settings.labels, NODE_GROUP_LABEL: settings.name},
            taints=[
                aws.eks.NodeGroupTaintArgs(key=taint.key, value=taint.value, effect=taint.effect)
                for taint in settings.taints
            ],
            opts=pulumi.ResourceOptions(
                parent=self, depends_on=list(args.after), ignore_changes=["scalingConfig.desiredSize"]
            ),
        )
