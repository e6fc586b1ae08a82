"""A VPC with public, private and pod subnets in several availability zones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import pulumi
import pulumi_aws as aws

from components.aws.network.flow_logs import FlowLogs, FlowLogsArgs
from components.aws.network.routing import Routing, RoutingArgs, Subnets
from components.aws.network.vpc_endpoints import VpcEndpoints, VpcEndpointsArgs
from components.aws.scope import Scope
from components.settings import NetworkSettings

Tier = Literal["public", "private", "pods"]
SUBNET_ROLE_TAGS: Mapping[Tier, str] = {
    "public": "kubernetes.io/role/elb",
    "private": "kubernetes.io/role/internal-elb",
    "pods": "kubernetes.io/role/cni",
}
"""Tags by which EKS and the VPC CNI find subnets (EKS guide, VPC and subnet requirements; VPC CNI README)."""


def subnet_tags(tier: Tier, cluster_name: str, *, pods_apart: bool) -> dict[str, str]:
    """The tags that assign a subnet to a cluster: its role, and the cluster's name.

    pods_apart: whether pods have subnets of their own. The VPC CNI gives pods addresses of the node's own subnet unless
    the tag for pods says 0 there (amazon-vpc-cni-k8s 1.22.1, enhanced subnet discovery).
    """
    tags = {SUBNET_ROLE_TAGS[tier]: "1", f"kubernetes.io/cluster/{cluster_name}": "shared"}
    return {**tags, SUBNET_ROLE_TAGS["pods"]: "0"} if tier == "private" and pods_apart else tags


@dataclass(kw_only=True)
class NetworkArgs:
    """Arguments of Network.

    scope: account, region and name prefix.
    settings: CIDR blocks, zones, NAT gateways, interface endpoints, and how long flow logs are kept.
    cluster_name: name of the EKS cluster that will use the subnets.
    key_arn: the KMS key that encrypts the flow logs.
    """

    scope: Scope
    settings: NetworkSettings
    cluster_name: str
    key_arn: pulumi.Input[str]


class Network(pulumi.ComponentResource):
    """A VPC for one cluster, with its subnets, routes, VPC endpoints and flow logs.

    public_subnet_ids, private_subnet_ids, pod_subnet_ids: one ID for each zone, in the order of the settings.
    pod_subnet_ids is empty if the settings name no `podCidr`; pods then have addresses of the private subnets.
    egress: routes, NAT gateways and VPC endpoints. Whatever connects to AWS or the internet from inside the VPC depends
    on them, so that it is created after and deleted before them.
    """

    vpc_id: pulumi.Output[str]
    public_subnet_ids: list[pulumi.Output[str]]
    private_subnet_ids: list[pulumi.Output[str]]
    pod_subnet_ids: list[pulumi.Output[str]]
    egress: Sequence[pulumi.Resource]

    def __init__(self, name: str, args: NetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:aws/network:Network", name, {}, opts)
        self._name, self._args, self._settings = name, args, args.settings
        self.vpc_id = self._create_vpc().id
        self._close_default_security_group()
        plan = args.settings.plan
        public = self._create_subnets("public", plan.public, self.vpc_id)
        private = self._create_subnets("private", plan.private, self.vpc_id)
        pods = self._create_pod_subnets(plan.pods)
        routing = self._create_routing(public, private, pods)
        endpoints = self._create_endpoints(private, routing)
        self._create_flow_logs()
        self.egress = [*routing.resources, *endpoints.resources]
        self.public_subnet_ids = [subnet.id for subnet in public.values()]
        self.private_subnet_ids = [subnet.id for subnet in private.values()]
        self.pod_subnet_ids = [subnet.id for subnet in pods.values()]
        self.register_outputs({"vpc_id": self.vpc_id})

    def _create_vpc(self) -> aws.ec2.Vpc:
        return aws.ec2.Vpc(
            self._name,
            cidr_block=self._settings.cidr,
            enable_dns_support=True,
            enable_dns_hostnames=True,
            tags=self._tags(),
            opts=self._options(),
        )

    def _close_default_security_group(self) -> None:
        """Without rules: network interfaces that name no security group get the default one (Security Hub, EC2.2)."""
        aws.ec2.DefaultSecurityGroup(
            self._name,
            vpc_id=self.vpc_id,
            ingress=[],
            egress=[],
            tags=self._tags("default-closed"),
            opts=self._options(),
        )

    def _create_subnets(self, tier: Tier, blocks: Sequence[str], vpc_id: pulumi.Input[str]) -> Subnets:
        return {
            zone: aws.ec2.Subnet(
                f"{tier}-{zone}",
                vpc_id=vpc_id,
                availability_zone=zone,
                cidr_block=block,
                map_public_ip_on_launch=False,
                tags={**self._tags(f"{tier}-{zone}"), **self._subnet_tags(tier)},
                opts=self._options(),
            )
            for zone, block in zip(self._settings.zones, blocks, strict=True)
        }

    def _subnet_tags(self, tier: Tier) -> dict[str, str]:
        return subnet_tags(tier, self._args.cluster_name, pods_apart=self._settings.pod_cidr is not None)

    def _create_pod_subnets(self, blocks: Sequence[str]) -> Subnets:
        if self._settings.pod_cidr is None:
            return {}
        association = aws.ec2.VpcIpv4CidrBlockAssociation(
            "pods", vpc_id=self.vpc_id, cidr_block=self._settings.pod_cidr, opts=self._options()
        )
        return self._create_subnets("pods", blocks, association.vpc_id)

    def _create_routing(self, public: Subnets, private: Subnets, pods: Subnets) -> Routing:
        return Routing(
            "routing",
            RoutingArgs(
                scope=self._args.scope,
                vpc_id=self.vpc_id,
                nat=self._settings.nat,
                public=public,
                private=private,
                pods=pods,
            ),
            opts=self._options(),
        )

    def _create_endpoints(self, private: Subnets, routing: Routing) -> VpcEndpoints:
        client_cidrs = [block for block in (self._settings.cidr, self._settings.pod_cidr) if block is not None]
        return VpcEndpoints(
            "endpoints",
            VpcEndpointsArgs(
                scope=self._args.scope,
                vpc_id=self.vpc_id,
                services=self._settings.interface_endpoints,
                subnet_ids=[subnet.id for subnet in private.values()],
                route_table_ids=[table.id for table in routing.private_route_tables],
                client_cidrs=client_cidrs,
            ),
            opts=self._options(),
        )

    def _create_flow_logs(self) -> None:
        FlowLogs(
            "flow-logs",
            FlowLogsArgs(
                scope=self._args.scope,
                vpc_id=self.vpc_id,
                retention_days=self._settings.flow_log_days,
                key_arn=self._args.key_arn,
            ),
            opts=self._options(),
        )

    def _tags(self, name: str | None = None) -> dict[str, str]:
        return {"Name": self._args.scope.name if name is None else f"{self._args.scope.name}-{name}"}

    def _options(self) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self)
