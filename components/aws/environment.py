"""An environment in AWS: a cluster of its own, from the network to the address that clients connect to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pulumi
import pulumi_kubernetes as kubernetes

from components.aws.backup.backup import Backup, BackupArgs
from components.aws.edge.dns import Dns, DnsArgs
from components.aws.edge.load_balancer import LoadBalancer, LoadBalancerArgs
from components.aws.edge.target_group_attachments import Targets, TargetsArgs
from components.aws.eks.add_ons import AddOn, AddOns, AddOnsArgs, after_nodes, before_nodes
from components.aws.eks.cluster_autoscaler import ClusterAutoscaler, ClusterAutoscalerArgs
from components.aws.eks.control_plane import ControlPlane, ControlPlaneArgs
from components.aws.eks.node_group import NodeGroup, NodeGroupArgs, node_role
from components.aws.eks.storage_class import DefaultStorageClass
from components.aws.encryption import EncryptionKey, EncryptionKeyArgs
from components.aws.identity.iam import Role
from components.aws.network.network import Network, NetworkArgs
from components.aws.provider import tags
from components.aws.scope import Scope
from components.aws.shared_stack import SharedStack
from components.kubernetes import HEALTH_PORT, NODE_PORTS, Cluster
from components.settings import AwsSettings, NodeGroupSettings
from components.settings.node_groups import INGRESS


@dataclass(kw_only=True)
class EnvironmentArgs:
    """What an environment needs to be told.

    host: the DNS name that leads to it. allowed_cidrs: client networks that are let in.
    """

    scope: Scope
    settings: AwsSettings
    host: str
    allowed_cidrs: Sequence[str]


class Environment(pulumi.ComponentResource):
    """All of an environment that is no application; `cluster` is what applications are told of it."""

    cluster: Cluster

    def __init__(self, name: str, args: EnvironmentArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:aws:Environment", name, {}, opts)
        self._args, self._shared = args, SharedStack(args.settings.shared_stack, opts=self._options())
        self._scope = replace(args.scope, boundary=self._shared.boundary_arn)
        self._key = EncryptionKey("encryption", EncryptionKeyArgs(scope=self._scope), opts=self._options())
        self._network = self._create_network()
        self._control_plane = self._create_control_plane()
        self._load_balancer = self._create_load_balancer()
        node_groups = self._create_node_groups(list(self._create_add_ons("node-add-ons", before_nodes()).values()))
        provider = self._create_provider([*node_groups.values(), *self._control_plane.access])
        by_name = self._create_cluster_add_ons(list(node_groups.values()))
        add_ons = list(by_name.values())
        self.cluster = Cluster(
            provider=provider,
            exposure="TargetGroup",
            ingress_placement=INGRESS,
            registry=self._shared.registry,
            ingress_address=self._load_balancer.dns_name,
            storage_class=self._create_storage_class(provider, add_ons),
            add_ons=add_ons,
            dns=[by_name["coredns"]],
            ingress_dependencies=self._create_way_in(node_groups["ingress"]),
        )
        self._create_autoscaler(provider, add_ons)
        self._create_backup()
        self.register_outputs({"address": self._load_balancer.dns_name})

    def _create_network(self) -> Network:
        return Network(
            "network",
            NetworkArgs(
                scope=self._scope,
                settings=self._args.settings.network,
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
                settings=self._args.settings.control_plane,
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
                settings=self._args.settings.load_balancer,
                allowed_cidrs=self._args.allowed_cidrs,
                vpc_id=self._network.vpc_id,
                subnet_ids=self._network.public_subnet_ids,
                node_ports=NODE_PORTS,
                health_port=HEALTH_PORT,
                egress=self._network.egress,
            ),
            opts=self._options(),
        )

    def _create_add_ons(
        self, name: str, add_ons: Sequence[AddOn], depends_on: Sequence[pulumi.Resource] = ()
    ) -> Mapping[str, pulumi.Resource]:
        args = AddOnsArgs(
            scope=self._scope,
            cluster_name=self._control_plane.cluster_name,
            version=self._args.settings.control_plane.version,
            add_ons=add_ons,
        )
        return AddOns(name, args, opts=self._options(depends_on)).by_name

    def _create_node_groups(self, node_add_ons: Sequence[pulumi.Resource]) -> dict[str, NodeGroup]:
        """The groups by name. What pods need on every node is there before the first one."""
        role = Role("node", node_role(self._scope), opts=self._options())
        return {
            group.name: NodeGroup(
                group.name,
                NodeGroupArgs(
                    scope=self._scope,
                    settings=group,
                    cluster_name=self._control_plane.cluster_name,
                    version=self._args.settings.control_plane.version,
                    subnet_ids=self._network.private_subnet_ids,
                    subnet_cidrs=self._args.settings.network.plan.private,
                    security_group_ids=self._security_groups_of(group),
                    role_arn=role.arn,
                    tags=tags(self._scope, self._args.settings.tags),
                    after=[*self._network.egress, *node_add_ons],
                ),
                opts=self._options(),
            )
            for group in self._args.settings.node_groups
        }

    def _security_groups_of(self, group: NodeGroupSettings) -> list[pulumi.Input[str]]:
        of_ingress = [self._load_balancer.node_security_group_id] if group.name == INGRESS.node_group else []
        return [self._control_plane.security_group_id, *of_ingress]

    def _create_provider(self, before: Sequence[pulumi.Resource]) -> kubernetes.Provider:
        """Everything in the cluster comes after this, and goes before it."""
        return kubernetes.Provider(
            "cluster",
            kubeconfig=self._control_plane.kubeconfig,
            enable_server_side_apply=True,
            opts=self._options(depends_on=before),
        )

    def _create_cluster_add_ons(self, nodes: Sequence[pulumi.Resource]) -> Mapping[str, pulumi.Resource]:
        settings = self._args.settings
        wanted = after_nodes(len(settings.network.zones), tags(self._scope, settings.tags))
        return self._create_add_ons("cluster-add-ons", wanted, depends_on=nodes)

    def _create_storage_class(
        self, provider: kubernetes.Provider, add_ons: Sequence[pulumi.Resource]
    ) -> pulumi.Output[str]:
        opts = pulumi.ResourceOptions(parent=self, provider=provider, depends_on=list(add_ons))
        storage_class = DefaultStorageClass("gp3", opts=opts)
        return storage_class.storage_class.id.apply(lambda _: storage_class.name)

    def _create_autoscaler(self, provider: kubernetes.Provider, add_ons: Sequence[pulumi.Resource]) -> None:
        ClusterAutoscaler(
            "cluster-autoscaler",
            ClusterAutoscalerArgs(
                scope=self._scope,
                cluster_name=self._control_plane.cluster_name,
                version=self._args.settings.control_plane.version,
            ),
            opts=pulumi.ResourceOptions(parent=self, provider=provider, depends_on=list(add_ons)),
        )

    def _create_way_in(self, ingress_nodes: NodeGroup) -> list[pulumi.Resource]:
        balancer = self._load_balancer
        targets = Targets(
            "targets",
            TargetsArgs(
                target_group_arns=balancer.target_group_arns,
                autoscaling_group_name=ingress_nodes.autoscaling_group_name,
            ),
            opts=self._options(),
        )
        name = Dns(
            "name",
            DnsArgs(
                host=self._args.host,
                zone_id=self._shared.zone_id,
                target=balancer.dns_name,
                target_zone_id=balancer.zone_id,
            ),
            opts=self._options(),
        )
        return [*balancer.resources, *targets.resources, *name.resources]

    def _create_backup(self) -> None:
        Backup(
            "backup",
            BackupArgs(
                scope=self._scope,
                settings=self._args.settings.backup,
                cluster_arn=self._control_plane.cluster_arn,
                key_arn=self._key.key_arn,
            ),
            opts=self._options(),
        )

    def _options(self, depends_on: Sequence[pulumi.Resource] = ()) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, depends_on=list(depends_on))
