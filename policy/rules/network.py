"""What the world reaches: endpoints, ports, addresses."""

import ipaddress
from collections.abc import Iterator
from typing import Any

from policy.rules.model import (
    Message,
    Rule,
    Stack,
    StackRule,
    Violation,
    among,
    at,
    elements,
    given,
    is_,
    refers,
    require,
    unknown_in,
)
from tools.resource import UNKNOWN, Resource

CLUSTER = "aws:eks/cluster:Cluster"
GROUP, DEFAULT_GROUP = "aws:ec2/securityGroup:SecurityGroup", "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"
RULE, INGRESS = (
    "aws:ec2/securityGroupRule:SecurityGroupRule",
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
)
LOAD_BALANCER = "aws:lb/loadBalancer:LoadBalancer"
SUBNET, TEMPLATE, VPC = "aws:ec2/subnet:Subnet", "aws:ec2/launchTemplate:LaunchTemplate", "aws:ec2/vpc:Vpc"
FLOW_LOG = "aws:ec2/flowLog:FlowLog"
PUBLIC_PORTS = (80, 443)
WORLD = {4: 8, 6: 16}
"""Prefix lengths below which a network counts as the world, by IP version."""


def is_world(cidr: Any) -> bool:
    """Whether a CIDR block covers so much that it is open to anybody."""
    if not isinstance(cidr, str):
        return False
    try:
        network = ipaddress.ip_network(cidr, strict=False)
    except ValueError:
        return False
    return network.prefixlen < WORLD[network.version]


def _api_endpoint(r: Resource) -> Iterator[Message]:
    config = at(r.inputs, "vpcConfig")
    yield from require(r, {"vpcConfig.endpointPrivateAccess": True}, "nodes reach the API server inside the VPC")
    public, cidrs = at(config, "endpointPublicAccess"), at(config, "publicAccessCidrs")
    if public is False or public is UNKNOWN or cidrs is UNKNOWN:
        return
    if not given(cidrs):
        yield "the API server answers the world: set vpcConfig.publicAccessCidrs, or endpointPublicAccess to false"
    for cidr in filter(is_world, elements(cidrs)):
        yield f"vpcConfig.publicAccessCidrs opens the API server to {cidr}: name the networks that need it"


def _openings(r: Resource) -> Iterator[tuple[Any, Any, Any, Any]]:
    """Protocol, block of addresses, and ports of what a security group lets in."""
    if r.type == INGRESS:
        rules = [(r.inputs, ("cidrIpv4", "cidrIpv6"), "ipProtocol")]
    elif r.type == RULE:
        rules = (
            [(r.inputs, ("cidrBlocks", "ipv6CidrBlocks"), "protocol")] if is_(r.inputs.get("type"), "ingress") else []
        )
    else:
        rules = [(rule, ("cidrBlocks", "ipv6CidrBlocks"), "protocol") for rule in elements(r.inputs.get("ingress"))]
    for rule, blocks, protocol in rules:
        for block in blocks:
            value = at(rule, block)
            for cidr in elements(value) if isinstance(value, list) else [value]:
                yield at(rule, protocol), cidr, at(rule, "fromPort"), at(rule, "toPort")


def _open_ports(r: Resource) -> Iterator[Message]:
    for protocol, cidr, first, last in _openings(r):
        if is_world(cidr) and not (
            protocol in ("tcp", "6", UNKNOWN) and among(first, PUBLIC_PORTS) and among(last, (first,))
        ):
            yield (
                f"lets {cidr} in to {protocol} {first}-{last}: name the networks that need it; "
                f"only TCP {' and '.join(map(str, PUBLIC_PORTS))} of a load balancer are public"
            )


def _open_to_load_balancers_alone(stack: Stack) -> Iterator[Violation]:
    named = [r.inputs.get("securityGroups") for r in stack.of(LOAD_BALANCER)]
    fronts = [UNKNOWN] if any(map(unknown_in, named)) else [group for groups in named for group in elements(groups)]
    for r in stack.of(GROUP, RULE, INGRESS):
        group = r.id if r.type == GROUP else r.inputs.get("securityGroupId")
        if not any(is_world(cidr) for _, cidr, _, _ in _openings(r)):
            continue
        if not among(group, fronts):
            yield Violation(r, "lets the world in, and belongs to no load balancer: name the networks that need it")


def _no_public_addresses(r: Resource) -> Iterator[Message]:
    if r.type == SUBNET and at(r.inputs, "mapPublicIpOnLaunch") is True:
        yield "gives every machine a public address: set mapPublicIpOnLaunch to false; machines go out through NAT"
    for interface in elements(at(r.inputs, "networkInterfaces")):
        if str(at(interface, "associatePublicIpAddress")).lower() == "true":
            yield "gives machines a public address: leave associatePublicIpAddress out"


def _empty(r: Resource) -> Iterator[Message]:
    for side in ("ingress", "egress"):
        if elements(r.inputs.get(side)):
            yield f"the default security group has {side} rules: leave it empty, and name a group where one is needed"


def _load_balancer_logs(r: Resource) -> Iterator[Message]:
    yield from require(r, {"accessLogs.enabled": True}, "what comes in is logged")


def _every_vpc_is_watched(stack: Stack) -> Iterator[Violation]:
    for vpc in stack.of(VPC):
        for type_, what in ((FLOW_LOG, "flow log"), (DEFAULT_GROUP, "default security group without rules")):
            if not any(refers(r.inputs.get("vpcId"), vpc) for r in stack.of(type_)):
                yield Violation(vpc, f"has no {what}: declare one ({type_})")


RULES = [
    Rule(
        name="api-endpoint-private",
        description="The API server of a cluster is reached from inside the VPC, and from named networks at most.",
        types=[CLUSTER],
        check=_api_endpoint,
    ),
    Rule(
        name="open-ports",
        description="Security groups let the world in to TCP 80 and 443, and nowhere else.",
        types=[GROUP, DEFAULT_GROUP, RULE, INGRESS],
        check=_open_ports,
    ),
    Rule(
        name="no-public-addresses",
        description="No machine gets a public address.",
        types=[SUBNET, TEMPLATE],
        check=_no_public_addresses,
    ),
    Rule(
        name="default-security-group-empty",
        description="The default security group of a VPC lets nothing in or out.",
        types=[DEFAULT_GROUP],
        check=_empty,
    ),
    Rule(
        name="load-balancer-logs",
        description="Load balancers log what comes in.",
        types=[LOAD_BALANCER],
        check=_load_balancer_logs,
    ),
]

STACK_RULES = [
    StackRule(
        name="open-to-load-balancers-alone",
        description="What the world reaches is a load balancer.",
        check=_open_to_load_balancers_alone,
    ),
    StackRule(
        name="vpc-watched",
        description="Every VPC has a flow log and an emptied default security group.",
        check=_every_vpc_is_watched,
    ),
]
