"""A complete EKS cluster for one environment, from the VPC to the DNS name that clients connect to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pulumi
import pulumi_kubernetes as kubernetes

from components.aws import artifacts
from components.aws.account import SharedStackReference
from components.aws.backup import data_backups
from components.aws.backup.backup import Backup, BackupArgs
from components.aws.edge.dns import DnsRecords, DnsRecordsArgs
from components.aws.edge.load_balancer import (
    LoadBalancer,
    LoadBalancerArgs,
    TargetGroupAttachments,
    TargetGroupAttachmentsArgs,
)
from components.aws.eks.add_ons import AddOn, AddOns, AddOnsArgs, add_on_identities, cluster_add_ons, node_add_ons
from components.aws.eks.cluster_autoscaler import ClusterAutoscaler, ClusterAutoscalerArgs, autoscaler_identity
from components.aws.eks.control_plane import ControlPlane, ControlPlaneArgs
from components.aws.eks.node_group import NODE_GROUP_LABEL_OF_EKS, NodeGroup, NodeGroupArgs, node_role
from components.aws.eks.pod_identity import PodIdentity
from components.aws.eks.scaling import live_sizes
from components.aws.eks.storage_class import DefaultStorageClass
from components.aws.encryption import EncryptionKey, EncryptionKeyArgs
from components.aws.identity.iam import Role
from components.aws.log_bucket import LogBucket
from components.aws.network.network import Network, NetworkArgs
from components.aws.observability import mail
from components.aws.observability.observability import Observability, ObservabilityArgs
from components.aws.observability.watch import Watch
from components.aws.pod_bucket import bucket_identity
from components.aws.scope import Scope, default_tags
from components.kubernetes import HEALTH_PORT, NODE_PORTS, ArtifactBucket, Bucket, Cluster, PodBucket, create_provider
from components.settings import AwsSettings, NodeGroupSettings
from components.settings.node_groups import INGRESS, Placement, managed_node_groups

AUTOSCALER = "cluster-autoscaler"


@dataclass(kw_only=True)
class EksClusterArgs:
    """Arguments of EksCluster.

    scope: account, region and name prefix; the cluster is called `scope.name`.
    settings: the section `aws` of the stack's settings.
    hosts: the DNS names that clients use. They must be in the hosted zone of the stack `shared`.
    allowed_cidrs: client networks that the load balancer accepts, IPv4 or IPv6; "0.0.0.0/0" accepts everybody.
    data_backups: the pods that write backups of the application's data.
    artifacts: the pods of workflows, where they are on.
    watch: what is collected, and when somebody is told; None where the settings name nobody.
    """

    scope: Scope
    settings: AwsSettings
    hosts: Sequence[str]
    allowed_cidrs: Sequence[str]
    data_backups: PodBucket
    artifacts: PodBucket | None = None
    watch: Watch | None = None


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
        self._cluster_add_ons = cluster_add_ons(zones=len(args.settings.network.zones), volume_tags=self._tags)
        services = [] if args.settings.alarms is None else [mail.key_statement(self._scope)]
        key = EncryptionKeyArgs(scope=self._scope, services=services)
        self._key = EncryptionKey("encryption", key, opts=self._options())
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
            ingress_placement=_on_nodes_of(node_groups["ingress"]),
            registry=self._shared.registry,
            ingress_address=self._load_balancer.dns_name,
            storage_class=self._create_storage_class(provider, add_ons),
            add_ons=add_ons,
            backups=Bucket(name=self._create_backup_bucket(), region=self._scope.region),
            artifacts=self._create_artifact_bucket(),
            dns=[add_ons_by_name["coredns"]],
            ingress_dependencies=self._expose_ingress_nodes(node_groups["ingress"]),
            collectors=self._create_observability(),
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
                previewers={"preview": self._shared.preview_role_arn(self._scope.environment)},
                auditors={"audit": self._shared.audit_role_arn(self._scope.environment)},
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
        identities = self._create_pod_identities()
        role = Role("node", node_role(self._scope), opts=self._options())
        zones, plan = self._settings.network.zones, self._settings.network.plan
        subnet_ids = dict(zip(zones, self._network.private_subnet_ids, strict=True))
        subnet_cidrs = dict(zip(zones, plan.private, strict=True))
        live = live_sizes(self._scope.name, parent=self)
        return {
            group.name: NodeGroup(
                group.name,
                NodeGroupArgs(
                    scope=self._scope,
                    group=group,
                    live=live,
                    cluster_name=self._control_plane.cluster_name,
                    version=self._settings.control_plane.version,
                    subnet_ids=[subnet_ids[zone] for zone in group.zones],
                    subnet_cidrs=[subnet_cidrs[zone] for zone in group.zones],
                    security_group_ids=self._security_groups_of(group.settings),
                    role_arn=role.arn,
                    tags=self._tags,
                    depends_on=[*self._network.egress, *add_ons.values(), *identities],
                ),
                opts=self._options(),
            )
            for group in managed_node_groups(self._settings.node_groups, zones)
        }

    def _create_pod_identities(self) -> list[pulumi.Resource]:
        """All associations of EKS Pod Identity; see PodIdentity for why the nodes wait for them."""
        scope, cluster_name = self._scope, self._control_plane.cluster_name
        buckets = {data_backups.bucket_name(scope): self._args.data_backups}
        if self._args.artifacts is not None:
            buckets[artifacts.bucket_name(scope)] = self._args.artifacts
        add_ons = [*node_add_ons(), *self._cluster_add_ons]
        identities = {
            **add_on_identities(add_ons, scope, cluster_name),
            AUTOSCALER: autoscaler_identity(AUTOSCALER, scope, cluster_name),
            **{
                pods.service_account: bucket_identity(scope, cluster_name, self._key.key_arn, bucket, pods)
                for bucket, pods in buckets.items()
            },
        }
        return [PodIdentity(name, args, opts=self._options()) for name, args in identities.items()]

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
        depends_on = list(node_groups.values())
        return self._create_add_ons("cluster-add-ons", self._cluster_add_ons, depends_on)

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
            AUTOSCALER,
            ClusterAutoscalerArgs(scope=self._scope, version=self._settings.control_plane.version),
            opts=pulumi.ResourceOptions(parent=self, provider=provider, depends_on=list(add_ons)),
        )

    def _expose_ingress_nodes(self, ingress_nodes: NodeGroup) -> list[pulumi.Resource]:
        """Connect the load balancer to the ingress nodes and the hosts' DNS records to the load balancer.

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
        records = [
            record
            for number, host in enumerate(self._args.hosts)
            for record in self._create_records("dns" if number == 0 else f"dns-{number}", host)
        ]
        return [*self._load_balancer.resources, *attachments.resources, *records]

    def _create_records(self, name: str, host: str) -> Sequence[pulumi.Resource]:
        records = DnsRecordsArgs(
            host=host,
            zone_id=self._shared.zone_id_of(host),
            load_balancer_dns_name=self._load_balancer.dns_name,
            load_balancer_zone_id=self._load_balancer.zone_id,
        )
        return DnsRecords(name, records, opts=self._options()).resources

    def _create_backup_bucket(self) -> pulumi.Output[str]:
        args = data_backups.backup_bucket(self._scope, self._args.data_backups.keep_days, self._key.key_arn)
        return LogBucket("data-backups", args, opts=self._options()).bucket

    def _create_observability(self) -> Sequence[str]:
        """The networks from which metrics are collected: the nodes' subnets, where the collector has its addresses."""
        alarms, watch = self._settings.alarms, self._args.watch
        if alarms is None or watch is None:
            return []
        Observability(
            "observability",
            ObservabilityArgs(
                scope=self._scope,
                settings=alarms,
                watch=watch,
                key_arn=self._key.key_arn,
                cluster_arn=self._control_plane.cluster_arn,
                subnet_ids=self._network.private_subnet_ids,
                security_group_ids=[self._control_plane.security_group_id],
                load_balancer=self._load_balancer,
            ),
            opts=self._options(),
        )
        return self._settings.network.plan.private

    def _create_artifact_bucket(self) -> ArtifactBucket | None:
        if self._args.artifacts is None:
            return None
        args = artifacts.artifact_bucket(self._scope, self._args.artifacts.keep_days, self._key.key_arn)
        LogBucket("artifacts", args, opts=self._options())
        return ArtifactBucket(name=artifacts.bucket_name(self._scope), region=self._scope.region)

    def _create_backup(self) -> None:
        Backup(
            "backup",
            BackupArgs(
                scope=self._scope,
                settings=self._settings.backup,
                account=self._settings,
                cluster_arn=self._control_plane.cluster_arn,
                key_arn=self._key.key_arn,
            ),
            opts=self._options(),
        )

    def _options(self, depends_on: Sequence[pulumi.Resource] = ()) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, depends_on=list(depends_on))


def _on_nodes_of(ingress_nodes: NodeGroup) -> Placement:
    """Where ingress pods run: on the nodes of this very node group, not of one that it replaces.

    When Pulumi replaces the group, the pods roll to the new nodes while the old ones are still targets; the old
    attachment and the old group are deleted after that. EKS deletes all nodes of a group at once, and the autoscaling
    group takes each from the load balancer before its pods are drained (EKS guide, Delete a managed node group; EC2
    Auto Scaling guide, How lifecycle hooks work).
    """
    return replace(INGRESS, labels=((NODE_GROUP_LABEL_OF_EKS, ingress_nodes.physical_name),))
