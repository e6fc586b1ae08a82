"""A complete EKS cluster for one environment, from the VPC to the DNS name that clients connect to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pulumi
import pulumi_kubernetes as kubernetes

from components.aws.account import SharedStackReference
from components.aws.backup.backup import Backup, BackupArgs
from components.aws.edge.dns import DnsRecords, DnsRecordsArgs
from components.aws.edge.load_balancer import (
    LoadBalancer,
    LoadBalancerArgs,
    TargetGroupAttachments,
    TargetGroupAttachmentsArgs,
)
from components.aws.eks.add_ons import AddOn, AddOns, AddOnsArgs, cluster_add_ons, node_add_ons
from components.aws.eks.cluster_autoscaler import ClusterAutoscaler, ClusterAutoscalerArgs
from components.aws.eks.control_plane import ControlPlane, ControlPlaneArgs
from components.aws.eks.node_group import NodeGroup, NodeGroupArgs, node_role
from components.aws.eks.storage_class import DefaultStorageClass
from components.aws.encryption import EncryptionKey, EncryptionKeyArgs
from components.aws.identity.iam import Role
from components.aws.network.network import Network, NetworkArgs
from components.aws.scope import Scope, default_tags
from components.kubernetes import HEALTH_PORT, NODE_PORTS, Cluster, create_provider
from components.settings import AwsSettings, NodeGroupSettings
from components.settings.node_groups import INGRESS


@dataclass(kw_only=True)
class EksClusterArgs:
    """Arguments of EksCluster.

    scope: account, region and name prefix; the cluster is called `scope.name`.
    settings: the section `aws` of the stack's settings.
    host: the DNS name that clients use. It must be in the hosted zone of the stack `shared`.
    allowed_cidrs: client networks that the load balancer accepts, IPv4 or IPv6; "0.0.0.0/0" accepts everybody.
    """

    scope: Scope
    settings: AwsSettings
    host: str
    allowed_cidrs: Sequence[str]


class EksCluster(pulumi.ComponentResource):
    """Network, control plane, node groups, add-ons, load balancer, DNS records, autoscaler and backups of one cluster.

    cluster: what the components inside the cluster depend on; ExistingCluster provides the same value.
    """

    cluster: Cluster

    def __init__(self, name: str, args: EksClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:aws:EksCluster", name, {}, opts)
        self._args, self._settings = args, args.settings
        self._shared = SharedStackReference(args.settings.shared_stack, opts=self._options())
        self._scope = replace(args.scope, boundary=self._shared.boundary_arn)
        self._tags = default_tags(args.scope, args.settings.tags)
        self._key = EncryptionKey("encryption", EncryptionKeyArgs(scope=self._scope), opts=self._options())
        self._network = self._create_network()
        self._control_plane = self._create_control_plane()
        self._load_balancer = self._create_load_balancer()
        node_groups = self._create_node_groups()
        provider = self._create_kubernetes_provider(node_groups)
        add_ons_by_name = self._create_cluster_add_ons(node_groups)
        add_ons = list(add_ons_by_name.values())
        self.cluster = Cluster(
            provider=provider,
            exposure="TargetGroup",
            ingress_placement=INGRESS,
            registry=self._shared.registry,
            ingress_address=self._load_balancer.dns_name,
            storage_class=self._create_storage_class(provider, add_ons),
            add_ons=add_ons,
            dns=[add_ons_by_name["coredns"]],
            ingress_dependencies=self._expose_ingress_nodes(node_groups["ingress"]),
        )
        self._create_autoscaler(provider, add_ons)
        self._create_backup()
        self.register_outputs({"address": self._load_balancer.dns_name})

    def _create_network(self) -> Network:
        return Network(
            "network",
            NetworkArgs(
                scope=self._scope,
                settings=self._settings.network,
                cluster_name=self._scope.name,
                key_arn=self._key.key_arn,
            ),
            opts=self._options(),
        )

    def _create_control_plane(self) -> ControlPlane:
        return ControlPlane(
            "control-plane",
            ControlPlaneArgs(
                scope=self._scope,
                settings=self._settings.control_plane,
                subnet_ids=self._network.private_subnet_ids,
                key_arn=self._key.key_arn,
                admins={"deploy": self._shared.deploy_role_arn(self._scope.environment)},
                viewers={"preview": self._shared.preview_role_arn},
                auditors={"drift": self._shared.drift_role_arn},
            ),
            opts=self._options(),
        )

    def _create_load_balancer(self) -> LoadBalancer:
        return LoadBalancer(
            "load-balancer",
            LoadBalancerArgs(
                scope=self._scope,
                settings=self._settings.load_balancer,
                allowed_cidrs=self._args.allowed_cidrs,
                vpc_id=self._network.vpc_id,
                subnet_ids=self._network.public_subnet_ids,
                node_ports=NODE_PORTS,
                health_port=HEALTH_PORT,
                egress=self._network.egress,
            ),
            opts=self._options(),
        )

    def _create_node_groups(self) -> dict[str, NodeGroup]:
        """The node groups by name. The add-ons that run on every node are installed before the first node starts."""
        add_ons = self._create_add_ons("node-add-ons", node_add_ons())
        role = Role("node", node_role(self._scope), opts=self._options())
        return {
            group.name: NodeGroup(
                group.name,
                NodeGroupArgs(
                    scope=self._scope,
                    settings=group,
                    cluster_name=self._control_plane.cluster_name,
                    version=self._settings.control_plane.version,
                    subnet_ids=self._network.private_subnet_ids,
                    subnet_cidrs=self._settings.network.plan.private,
                    security_group_ids=self._security_groups_of(group),
                    role_arn=role.arn,
                    tags=self._tags,
                    depends_on=[*self._network.egress, *add_ons.values()],
                ),
                opts=self._options(),
            )
            for group in self._settings.node_groups
        }

    def _security_groups_of(self, group: NodeGroupSettings) -> list[pulumi.Input[str]]:
        """The cluster's security group; ingress nodes also have the one that admits the load balancer."""
        if group.name == INGRESS.node_group:
            return [self._control_plane.security_group_id, self._load_balancer.node_security_group_id]
        return [self._control_plane.security_group_id]

    def _create_kubernetes_provider(self, node_groups: Mapping[str, NodeGroup]) -> kubernetes.Provider:
        """Kubernetes objects use this provider, so they are deleted before the nodes and the access entries are."""
        return create_provider(
            "cluster",
            kubeconfig=self._control_plane.kubeconfig,
            opts=self._options(depends_on=[*node_groups.values(), *self._control_plane.access_entries]),
        )

    def _create_cluster_add_ons(self, node_groups: Mapping[str, NodeGroup]) -> Mapping[str, pulumi.Resource]:
        add_ons = cluster_add_ons(zones=len(self._settings.network.zones), volume_tags=self._tags)
        return self._create_add_ons("cluster-add-ons", add_ons, depends_on=list(node_groups.values()))

    def _create_add_ons(
        self, name: str, add_ons: Sequence[AddOn], depends_on: Sequence[pulumi.Resource] = ()
    ) -> Mapping[str, pulumi.Resource]:
        args = AddOnsArgs(
            scope=self._scope,
            cluster_name=self._control_plane.cluster_name,
            version=self._settings.control_plane.version,
            add_ons=add_ons,
        )
        return AddOns(name, args, opts=self._options(depends_on)).by_name

    def _create_storage_class(
        self, provider: kubernetes.Provider, add_ons: Sequence[pulumi.Resource]
    ) -> pulumi.Output[str]:
        """The storage class's name, known once the class is there."""
        opts = pulumi.ResourceOptions(parent=self, provider=provider, depends_on=list(add_ons))
        storage_class = DefaultStorageClass("gp3", opts=opts)
        return storage_class.storage_class.id.apply(lambda _: storage_class.name)

    def _create_autoscaler(self, provider: kubernetes.Provider, add_ons: Sequence[pulumi.Resource]) -> None:
        ClusterAutoscaler(
            "cluster-autoscaler",
            ClusterAutoscalerArgs(
                scope=self._scope,
                cluster_name=self._control_plane.cluster_name,
                version=self._settings.control_plane.version,
            ),
            opts=pulumi.ResourceOptions(parent=self, provider=provider, depends_on=list(add_ons)),
        )

    def _expose_ingress_nodes(self, ingress_nodes: NodeGroup) -> list[pulumi.Resource]:
        """Connect the load balancer to the ingress nodes and the host's DNS records to the load balancer.

        Returns what must be there before clients reach the ingress controller.
        """
        attachments = TargetGroupAttachments(
            "ingress-nodes",
            TargetGroupAttachmentsArgs(
                target_group_arns=self._load_balancer.target_group_arns,
                autoscaling_group_name=ingress_nodes.autoscaling_group_name,
            ),
            opts=self._options(),
        )
        records = DnsRecords(
            "dns",
            DnsRecordsArgs(
                host=self._args.host,
                zone_id=self._shared.zone_id_of(self._args.host),
                load_balancer_dns_name=self._load_balancer.dns_name,
                load_balancer_zone_id=self._load_balancer.zone_id,
            ),
            opts=self._options(),
        )
        return [*self._load_balancer.resources, *attachments.resources, *records.resources]

    def _create_backup(self) -> None:
        Backup(
            "backup",
            BackupArgs(
                scope=self._scope,
                settings=self._settings.backup,
                cluster_arn=self._control_plane.cluster_arn,
                key_arn=self._key.key_arn,
            ),
            opts=self._options(),
        )

    def _options(self, depends_on: Sequence[pulumi.Resource] = ()) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, depends_on=list(depends_on))
