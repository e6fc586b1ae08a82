"""The network load balancer before the ingress controller: listeners, target groups, and who may talk to whom."""

import hashlib
import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.aws.edge.access_logs import AccessLogs, AccessLogsArgs
from components.aws.scope import Scope
from components.settings.aws import LoadBalancerSettings

LISTENERS = {"web": 80, "websecure": 443}
"""Ports that clients connect to, by the name of the ingress controller's entry point."""
MAX_NAME = 32
"""Characters in the name of a load balancer or a target group (ELB API reference)."""
DRAIN_SECONDS = 120
"""How long connections to a node that goes, or whose ingress pod went, may take to end."""


def target_group_name(scope: Scope, entry_point: str, port: int) -> str:
    """Ends with a hash of what AWS can't change in place, so that a replacement is made first, under another name.

    Raises ValueError where the name is too long.
    """
    digest = hashlib.sha256(f"TCP/{port}/instance".encode()).hexdigest()[:5]
    name = f"{scope.name}-{entry_point}-{digest}"
    if len(name) > MAX_NAME:
        raise ValueError(f"target group {name} has {len(name)} characters, AWS takes {MAX_NAME}; shorten {scope.name}")
    return name


def by_family(cidr: str) -> tuple[str | None, str | None]:
    """A network as a security group rule takes it: IPv4 first, IPv6 second, one of them None."""
    return (cidr, None) if ipaddress.ip_network(cidr).version == 4 else (None, cidr)


@dataclass(kw_only=True)
class LoadBalancerArgs:
    """What the load balancer needs to be told.

    allowed_cidrs: client networks that are let in.
    subnet_ids: public subnets, one a zone.
    node_ports: ports of the ingress nodes by entry point, `web` and `websecure`.
    health_port: port of each node that answers GET /healthz with 200 while it has a ready ingress pod.
    egress: the network's way out; AWS makes no internet-facing load balancer before it is there, and an internet
    gateway can't go while a load balancer has addresses.
    """

    scope: Scope
    settings: LoadBalancerSettings
    allowed_cidrs: Sequence[str]
    vpc_id: pulumi.Input[str]
    subnet_ids: Sequence[pulumi.Input[str]]
    node_ports: Mapping[str, int]
    health_port: int
    egress: Sequence[pulumi.Resource] = ()


class LoadBalancer(pulumi.ComponentResource):
    """The way into the cluster; clients' addresses are kept up to the ingress controller.

    target_group_arns: by entry point.
    node_security_group_id: what the ingress nodes carry, beside the cluster's own group.
    dns_name, zone_id: what an alias record points to.
    resources: what must be there before the world reaches the ingress controller.
    """

    target_group_arns: Mapping[str, pulumi.Output[str]]
    security_group_id: pulumi.Output[str]
    node_security_group_id: pulumi.Output[str]
    dns_name: pulumi.Output[str]
    zone_id: pulumi.Output[str]
    resources: Sequence[pulumi.Resource]

    def __init__(self, name: str, args: LoadBalancerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:aws:LoadBalancer", name, {}, opts)
        self._name, self._args, self._scope = name, args, args.scope
        self.security_group_id = self._create_security_group("load-balancer", "Way in and out of the load balancer").id
        self.node_security_group_id = self._create_security_group(
            "ingress-nodes", "What the load balancer may reach on ingress nodes"
        ).id
        rules = [*self._admit_clients(), *self._connect_to_nodes()]
        logs = AccessLogs(
            f"{name}-logs",
            AccessLogsArgs(scope=args.scope, days=args.settings.access_log_days),
            opts=pulumi.ResourceOptions(parent=self),
        )
        balancer = self._create_load_balancer(logs.bucket, rules)
        groups = {entry_point: self._create_target_group(entry_point) for entry_point in LISTENERS}
        listeners = [self._create_listener(entry_point, balancer, groups[entry_point]) for entry_point in LISTENERS]
        self.target_group_arns = {entry_point: group.arn for entry_point, group in groups.items()}
        self.dns_name, self.zone_id = balancer.dns_name, balancer.zone_id
        self.resources = [*listeners, *rules]
        self.register_outputs({"dns_name": self.dns_name})

    def _create_security_group(self, suffix: str, description: str) -> aws.ec2.SecurityGroup:
        physical = f"{self._scope.name}-{suffix}"
        return aws.ec2.SecurityGroup(
            f"{self._name}-{suffix}",
            name=physical,
            description=description,
            vpc_id=self._args.vpc_id,
            tags={"Name": physical},
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _admit_clients(self) -> list[pulumi.Resource]:
        return [
            aws.vpc.SecurityGroupIngressRule(
                f"{self._name}-{entry_point}-from-{cidr.replace(':', '.')}",
                security_group_id=self.security_group_id,
                description=f"Clients to {entry_point}",
                ip_protocol="tcp",
                from_port=port,
                to_port=port,
                cidr_ipv4=by_family(cidr)[0],
                cidr_ipv6=by_family(cidr)[1],
                opts=pulumi.ResourceOptions(parent=self),
            )
            for entry_point, port in LISTENERS.items()
            for cidr in self._args.allowed_cidrs
        ]

    def _connect_to_nodes(self) -> list[pulumi.Resource]:
        """A rule that names the load balancer's group holds for clients behind it too, and for them alone (ELB guide,
        Update the security groups for your Network Load Balancer); health checks are subject to its way out."""
        rules: list[pulumi.Resource] = []
        for purpose, port in {**self._args.node_ports, "health": self._args.health_port}.items():
            rules.append(
                aws.vpc.SecurityGroupEgressRule(
                    f"{self._name}-{purpose}-to-nodes",
                    security_group_id=self.security_group_id,
                    referenced_security_group_id=self.node_security_group_id,
                    description=f"To ingress nodes, {purpose}",
                    ip_protocol="tcp",
                    from_port=port,
                    to_port=port,
                    opts=pulumi.ResourceOptions(parent=self),
                )
            )
            rules.append(
                aws.vpc.SecurityGroupIngressRule(
                    f"{self._name}-{purpose}-at-nodes",
                    security_group_id=self.node_security_group_id,
                    referenced_security_group_id=self.security_group_id,
                    description=f"From the load balancer, {purpose}",
                    ip_protocol="tcp",
                    from_port=port,
                    to_port=port,
                    opts=pulumi.ResourceOptions(parent=self),
                )
            )
        return rules

    def _create_load_balancer(
        self, log_bucket: pulumi.Output[str], rules: Sequence[pulumi.Resource]
    ) -> aws.lb.LoadBalancer:
        """AWS writes access logs of TLS listeners alone; connections to these ones are in the network's flow logs."""
        return aws.lb.LoadBalancer(
            self._name,
            name=self._scope.name,
            load_balancer_type="network",
            internal=False,
            ip_address_type="ipv4",
            subnets=list(self._args.subnet_ids),
            security_groups=[self.security_group_id],
            enable_cross_zone_load_balancing=True,
            enable_deletion_protection=self._args.settings.deletion_protection,
            access_logs=aws.lb.LoadBalancerAccessLogsArgs(bucket=log_bucket, enabled=True),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[*rules, *self._args.egress]),
        )

    def _create_target_group(self, entry_point: str) -> aws.lb.TargetGroup:
        """Healthy where an ingress pod is ready; what a node still serves when its pod goes may end in peace."""
        port = self._args.node_ports[entry_point]
        return aws.lb.TargetGroup(
            f"{self._name}-{entry_point}",
            name=target_group_name(self._scope, entry_point, port),
            vpc_id=self._args.vpc_id,
            target_type="instance",
            protocol="TCP",
            port=port,
            preserve_client_ip="true",
            deregistration_delay=DRAIN_SECONDS,
            connection_termination=True,
            target_health_states=[
                aws.lb.TargetGroupTargetHealthStateArgs(
                    enable_unhealthy_connection_termination=False, unhealthy_draining_interval=DRAIN_SECONDS
                )
            ],
            health_check=aws.lb.TargetGroupHealthCheckArgs(
                protocol="HTTP",
                port=str(self._args.health_port),
                path="/healthz",
                matcher="200",
                interval=5,
                timeout=4,
                healthy_threshold=2,
                unhealthy_threshold=2,
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _create_listener(
        self, entry_point: str, balancer: aws.lb.LoadBalancer, group: aws.lb.TargetGroup
    ) -> aws.lb.Listener:
        return aws.lb.Listener(
            f"{self._name}-{entry_point}",
            load_balancer_arn=balancer.arn,
            protocol="TCP",
            port=LISTENERS[entry_point],
            default_actions=[aws.lb.ListenerDefaultActionArgs(type="forward", target_group_arn=group.arn)],
            opts=pulumi.ResourceOptions(parent=self),
        )
