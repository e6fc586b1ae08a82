"""The load balancer: listeners, target groups, security groups, and what waits for what."""

import re

import pulumi
import pulumi_aws as aws
import pytest

from components.aws.edge.access_logs import bucket_name
from components.aws.edge.load_balancer import (
    LISTENERS,
    LoadBalancer,
    LoadBalancerArgs,
    TargetGroupAttachments,
    TargetGroupAttachmentsArgs,
    ipv4_or_ipv6,
    target_group_name,
)
from components.aws.scope import Scope
from components.settings.aws import LoadBalancerSettings
from tools.recording import Recorder, run

NODE_PORTS = {"web": 30080, "websecure": 30443}
HEALTH_PORT = 30254
BALANCER = "aws:lb/loadBalancer:LoadBalancer"
CLIENTS = ["203.0.113.0/24", "2001:db8::/32"]


def scope(environment: str = "prod", *, protect: bool = True) -> Scope:
    return Scope(
        name=f"journal-{environment}",
        environment=environment,
        account="123456789012",
        region="eu-central-1",
        protect=protect,
    )


def record(place: Scope, *, deletion_protection: bool = True) -> Recorder:
    recorder = Recorder(
        outputs={BALANCER: {"dnsName": "lb.elb.amazonaws.com", "zoneId": "Z3F0SRJ5LGBH90"}},
    )

    def program() -> None:
        gateway = aws.ec2.InternetGateway("gateway")
        balancer = LoadBalancer(
            "load-balancer",
            LoadBalancerArgs(
                scope=place,
                settings=LoadBalancerSettings.model_validate(
                    {"deletionProtection": deletion_protection, "accessLogDays": 30}
                ),
                allowed_cidrs=CLIENTS,
                vpc_id="vpc-1",
                subnet_ids=["subnet-a", "subnet-b"],
                node_ports=NODE_PORTS,
                health_port=HEALTH_PORT,
                egress=[gateway],
            ),
        )
        attachments = TargetGroupAttachments(
            "ingress-nodes",
            TargetGroupAttachmentsArgs(
                target_group_arns=balancer.target_group_arns, autoscaling_group_name="eks-ingress-1"
            ),
        )
        everything = [*balancer.resources, *attachments.resources]
        aws.ec2.Eip("after", opts=pulumi.ResourceOptions(depends_on=everything))

    run(program, recorder, project="journal", stack="prod", fail_on_warnings=True)
    return recorder


@pytest.fixture(scope="module")
def recorded() -> Recorder:
    return record(scope())


def test_the_load_balancer_is_public_guarded_and_spread_over_zones(recorded: Recorder) -> None:
    balancer = recorded.one(BALANCER).inputs
    assert (balancer["loadBalancerType"], balancer["internal"]) == ("network", False)
    assert balancer["enableCrossZoneLoadBalancing"] is True
    assert balancer["enableDeletionProtection"] is True
    assert balancer["subnets"] == ["subnet-a", "subnet-b"]
    assert balancer["securityGroups"] == ["load-balancer-load-balancer-id"]
    assert balancer["accessLogs"] == {"bucket": bucket_name(scope()), "enabled": True}


def test_clients_reach_two_ports_from_the_allowed_networks_alone(recorded: Recorder) -> None:
    rules = [
        (r["fromPort"], r["toPort"], r.inputs.get("cidrIpv4"), r.inputs.get("cidrIpv6"))
        for r in recorded.all("SecurityGroupIngressRule")
        if r["securityGroupId"] == "load-balancer-load-balancer-id"
    ]
    ports = list(LISTENERS.values())
    v4, v6 = CLIENTS
    assert sorted(rules, key=str) == sorted([(p, p, *c) for p in ports for c in ((v4, None), (None, v6))], key=str)


def test_load_balancer_and_nodes_admit_each_other_and_nobody_else(recorded: Recorder) -> None:
    nodes, balancer = "load-balancer-ingress-nodes-id", "load-balancer-load-balancer-id"
    ports = {(port, port) for port in (*NODE_PORTS.values(), HEALTH_PORT)}
    out = recorded.all("SecurityGroupEgressRule")
    into = [r for r in recorded.all("SecurityGroupIngressRule") if r["securityGroupId"] == nodes]
    assert {(r["securityGroupId"], r["referencedSecurityGroupId"]) for r in out} == {(balancer, nodes)}
    assert {(r["securityGroupId"], r["referencedSecurityGroupId"]) for r in into} == {(nodes, balancer)}
    assert {(r["fromPort"], r["toPort"]) for r in out} == {(r["fromPort"], r["toPort"]) for r in into} == ports


def test_descriptions_are_of_letters_that_ec2_takes(recorded: Recorder) -> None:
    kinds = ("SecurityGroup", "SecurityGroupIngressRule", "SecurityGroupEgressRule")
    texts = {r["description"] for kind in kinds for r in recorded.all(kind)}
    assert len(texts) == 10
    assert [text for text in texts if not re.fullmatch(r"[\w ./:()#,@\[\]+=&;{}!$*-]{1,255}", text, re.ASCII)] == []


@pytest.mark.parametrize("entry_point", list(LISTENERS))
def test_a_target_group_keeps_clients_addresses_and_follows_the_ingress_pods(
    recorded: Recorder, entry_point: str
) -> None:
    group = recorded.one("TargetGroup", f"load-balancer-{entry_point}").inputs
    assert (group["port"], group["protocol"], group["targetType"]) == (NODE_PORTS[entry_point], "TCP", "instance")
    assert group["preserveClientIp"] == "true"
    check = group["healthCheck"]
    assert (check["protocol"], check["path"], check["port"]) == ("HTTP", "/healthz", str(HEALTH_PORT))
    assert 5 <= check["interval"] <= 300
    assert 2 <= check["timeout"] < check["interval"]
    assert {check["healthyThreshold"], check["unhealthyThreshold"]} <= set(range(2, 11))


@pytest.mark.parametrize(("entry_point", "port"), LISTENERS.items())
def test_a_listener_forwards_to_its_target_group(recorded: Recorder, entry_point: str, port: int) -> None:
    listener = recorded.one("Listener", f"load-balancer-{entry_point}").inputs
    arn = recorded.one("Attachment", f"ingress-nodes-{entry_point}").inputs["lbTargetGroupArn"]
    assert (listener["port"], listener["protocol"]) == (port, "TCP")
    assert listener["defaultActions"] == [{"type": "forward", "targetGroupArn": arn}]


def test_the_ingress_nodes_join_both_target_groups(recorded: Recorder) -> None:
    attachments = recorded.all("Attachment")
    assert len({r["lbTargetGroupArn"] for r in attachments}) == len(LISTENERS)
    assert {r["autoscalingGroupName"] for r in attachments} == {"eks-ingress-1"}


def test_target_group_names_change_with_what_forces_replacement_and_fit() -> None:
    names = {target_group_name(scope("staging"), "websecure", port) for port in (30443, 30444)}
    assert len(names) == 2
    assert all(name.startswith("journal-staging-websecure-") and len(name) <= 32 for name in names)
    with pytest.raises(ValueError, match="32; shorten journal-acceptance"):
        target_group_name(scope("acceptance"), "websecure", 30443)


@pytest.mark.parametrize(
    ("cidr", "families"),
    [("0.0.0.0/0", ("0.0.0.0/0", None)), ("203.0.113.0/24", ("203.0.113.0/24", None)), ("::/0", (None, "::/0"))],
)
def test_a_network_goes_to_the_argument_of_its_family(cidr: str, families: tuple[str | None, str | None]) -> None:
    assert ipv4_or_ipv6(cidr) == families


def test_clients_wait_for_the_load_balancer_and_it_for_gateway_and_log_bucket(recorded: Recorder) -> None:
    before = recorded.dependencies_of(recorded.one(BALANCER))
    assert recorded.one("InternetGateway").urn in before
    assert recorded.one("BucketPolicy").urn in before
    ready = recorded.dependencies_of(recorded.one("Eip", "after"))
    kinds = ("Listener", "Attachment", "SecurityGroupIngressRule", "SecurityGroupEgressRule")
    required = {kind: {r.urn for r in recorded.all(kind)} for kind in kinds}
    assert {kind: len(urns) for kind, urns in required.items()} == dict(zip(kinds, (2, 2, 7, 3), strict=True))
    assert set().union(*required.values()) <= ready
