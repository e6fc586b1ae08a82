"""The Network Load Balancer in front of the ingress nodes: listeners, target groups and security groups."""

import hashlib
import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.aws.edge.access_logs import access_log_bucket
from components.aws.log_bucket import LogBucket
from components.aws.scope import Scope
from components.settings.aws import LoadBalancerSettings

LISTENERS = {"web": 80, "websecure": 443}
"""Ports of the listeners by the name of the ingress controller's entry point (Traefik's term)."""
MAX_NAME_LENGTH = 32
"""Longest name of a target group, in characters (ELB API reference, CreateTargetGroup)."""
DRAIN_SECONDS = 120
"""How long open connections to a node may continue after the node is deregistered or its health check fails."""


def target_group_name(scope: Scope, entry_point: str, port: int) -> str:
    """`<scope>-<entry point>-<5 hex digits>`, the digits a hash of protocol, port and target type.

    AWS cannot change these in place. Since the name changes with them, Pulumi creates the new target group before it
    deletes the old one. Raises ValueError if the name has more than 32 characters.
    """
    digest = hashlib.sha256(f"TCP/{port}/instance".encode()).hexdigest()[:5]
    name = f"{scope.name}-{entry_point}-{digest}"
    if len(name) > MAX_NAME_LENGTH:
        raise ValueError(
            f"target group {name} has {len(name)} characters, AWS takes {MAX_NAME_LENGTH}; shorten {scope.name}"
        )
    return name


def ipv4_or_ipv6(cidr: str) -> tuple[str | None, str | None]:
    """(cidr, None) for an IPv4 block and (None, cidr) for an IPv6 one: security group rules have a field for each."""
    return (cidr, None) if ipaddress.ip_network(cidr).version == 4 else (None, cidr)


@dataclass(kw_only=True)
class LoadBalancerArgs:
    """Arguments of LoadBalancer.

    scope: account, region and name prefix; the load balancer is called `scope.name`.
    settings: deletion protection, and how long access logs are kept.
    allowed_cidrs: client networks that may connect, IPv4 or IPv6.
    vpc_id: the VPC of the subnets and nodes.
    subnet_ids: public subnets, one in each zone.
    node_ports: by entry point (`web`, `websecure`), the port on which ingress nodes receive its traffic.
    health_port: the port on which a node answers GET /healthz with 200 while it runs a ready ingress pod.
    egress: the internet gateway and routes of the VPC. AWS creates no internet-facing load balancer without a gateway,
    and does not detach a gateway while a load balancer has public addresses.
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
    """A public Network Load Balancer that forwards TCP on ports 80 and 443 and preserves client addresses.

    target_group_arns: by entry point; TargetGroupAttachments registers the nodes.
    metrics_name, target_group_metrics_names: what CloudWatch's metrics call it, and each target group by entry point.
    security_group_id: the load balancer's own security group.
    node_security_group_id: the security group that lets traffic from the load balancer into ingress nodes; they carry
    it beside the cluster's security group.
    dns_name, zone_id: the target of an alias record.
    resources: listeners and security group rules. Clients cannot reach the ingress controller before they are there.
    """

    target_group_arns: Mapping[str, pulumi.Output[str]]
    metrics_name: pulumi.Output[str]
    target_group_metrics_names: Mapping[str, pulumi.Output[str]]
    security_group_id: pulumi.Output[str]
    node_security_group_id: pulumi.Output[str]
    dns_name: pulumi.Output[str]
    zone_id: pulumi.Output[str]
    resources: Sequence[pulumi.Resource]

    def __init__(self, name: str, args: LoadBalancerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:aws/edge:LoadBalancer", name, {}, opts)
        self._name, self._args, self._scope = name, args, args.scope
        self.security_group_id = self._create_security_group("load-balancer", "Way in and out of the load balancer").id
        self.node_security_group_id = self._create_security_group(
            "ingress-nodes", "What the load balancer may reach on ingress nodes"
        ).id
        rules = [*self._create_client_rules(), *self._create_node_rules()]
        logs = LogBucket(
            f"{name}-logs",
            access_log_bucket(args.scope, args.settings.access_log_days),
            opts=pulumi.ResourceOptions(parent=self),
        )
        balancer = self._create_load_balancer(logs.bucket, rules)
        groups = {entry_point: self._create_target_group(entry_point) for entry_point in LISTENERS}
        listeners = [self._create_listener(entry_point, balancer, groups[entry_point]) for entry_point in LISTENERS]
        self.target_group_arns = {entry_point: group.arn for entry_point, group in groups.items()}
        self.metrics_name = balancer.arn_suffix
        self.target_group_metrics_names = {entry_point: group.arn_suffix for entry_point, group in groups.items()}
        self.dns_name, self.zone_id = balancer.dns_name, balancer.zone_id
        self.resources = [*listeners, *rules]
        self.register_outputs({"dns_name": self.dns_name})

    def _create_security_group(self, suffix: str, description: str) -> aws.ec2.SecurityGroup:
        group_name = f"{self._scope.name}-{suffix}"
        return aws.ec2.SecurityGroup(
            f"{self._name}-{suffix}",
            name=group_name,
            description=description,
            vpc_id=self._args.vpc_id,
            tags={"Name": group_name},
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _create_client_rules(self) -> list[pulumi.Resource]:
        """Ingress rules of the load balancer: one for each listener and client network."""
        return [
            aws.vpc.SecurityGroupIngressRule(
                f"{self._name}-{entry_point}-from-{cidr.replace(':', '.')}",
                security_group_id=self.security_group_id,
                description=f"Clients to {entry_point}",
                ip_protocol="tcp",
                from_port=port,
                to_port=port,
                cidr_ipv4=ipv4_or_ipv6(cidr)[0],
                cidr_ipv6=ipv4_or_ipv6(cidr)[1],
                opts=pulumi.ResourceOptions(parent=self),
            )
            for entry_point, port in LISTENERS.items()
            for cidr in self._args.allowed_cidrs
        ]

    def _create_node_rules(self) -> list[pulumi.Resource]:
        """Egress rules of the load balancer and matching ingress rules of the nodes, for each node port.

        Nodes see client addresses, but a rule that references the load balancer's security group still matches, and
        only for traffic through the load balancer. Health checks must pass its egress rules as well (ELB guide, Update
        the security groups for your Network Load Balancer).
        """
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
        """Access logs cover TLS listeners only (ELB guide, Access logs); for TCP listeners see the VPC's flow logs."""
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
        """A node is healthy while it runs a ready ingress pod; connections to an unhealthy node may finish."""
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


@dataclass(kw_only=True)
class TargetGroupAttachmentsArgs:
    """Arguments of TargetGroupAttachments.

    target_group_arns: by entry point.
    autoscaling_group_name: the autoscaling group of the ingress node group.
    """

    target_group_arns: Mapping[str, pulumi.Input[str]]
    autoscaling_group_name: pulumi.Input[str]


class TargetGroupAttachments(pulumi.ComponentResource):
    """Registers every node of an autoscaling group, present and future, with the load balancer's target groups.

    resources: the attachments. Clients cannot reach the ingress controller before they are there.
    """

    resources: Sequence[pulumi.Resource]

    def __init__(self, name: str, args: TargetGroupAttachmentsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:aws/edge:TargetGroupAttachments", name, {}, opts)
        self.resources = [
            aws.autoscaling.Attachment(
                f"{name}-{entry_point}",
                autoscaling_group_name=args.autoscaling_group_name,
                lb_target_group_arn=arn,
                opts=pulumi.ResourceOptions(parent=self),
            )
            for entry_point, arn in args.target_group_arns.items()
        ]
        self.register_outputs({})
