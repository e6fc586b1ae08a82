"""The way in: load balancer, target groups, access logs, DNS."""

import json
import re
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest

from components.aws.edge.access_logs import bucket_name
from components.aws.edge.dns import DnsRecords, DnsRecordsArgs
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
        dns = DnsRecords(
            "dns",
            DnsRecordsArgs(
                host="journal.example.com",
                zone_id="Z1",
                load_balancer_dns_name=balancer.dns_name,
                load_balancer_zone_id=balancer.zone_id,
            ),
        )
        everything = [*balancer.resources, *attachments.resources, *dns.resources]
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


def statements(recorder: Recorder) -> dict[str, dict[str, Any]]:
    document = json.loads(recorder.one("BucketPolicy")["policy"])
    return {statement["Sid"]: statement for statement in document["Statement"]}


def test_the_log_bucket_is_private_encrypted_and_forgets(recorded: Recorder) -> None:
    block = recorded.one("BucketPublicAccessBlock").inputs
    assert all(block[k] for k in ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"))
    assert recorded.one("BucketOwnershipControls")["rule"] == {"objectOwnership": "BucketOwnerEnforced"}
    (rule,) = recorded.one("BucketServerSideEncryptionConfiguration")["rules"]
    assert rule["applyServerSideEncryptionByDefault"]["sseAlgorithm"] == "AES256"
    (expiry,) = recorded.one("BucketLifecycleConfiguration")["rules"]
    assert (expiry["status"], expiry["expiration"]) == ("Enabled", {"days": 30})


def test_only_the_delivery_service_for_this_account_writes_logs_and_only_over_tls(recorded: Recorder) -> None:
    by_sid = statements(recorded)
    allowed = [s for s in by_sid.values() if s["Effect"] == "Allow"]
    assert {tuple(s["Principal"]["Service"]) for s in allowed} == {("delivery.logs.amazonaws.com",)}
    assert all(s["Condition"]["StringEquals"]["aws:SourceAccount"] == "123456789012" for s in allowed)
    (target,) = by_sid["DeliveryWrites"]["Resource"]
    assert target.startswith(f"arn:aws:s3:::{bucket_name(scope())}/AWSLogs/123456789012/")
    assert by_sid["TlsAlone"]["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


@pytest.mark.parametrize("protect", [True, False])
def test_a_log_bucket_with_logs_goes_only_where_nothing_is_protected(protect: bool) -> None:
    assert record(scope(protect=protect)).one("Bucket")["forceDestroy"] is not protect


def test_order(recorded: Recorder) -> None:
    before = recorded.dependencies_of(recorded.one(BALANCER))
    assert recorded.one("InternetGateway").urn in before
    assert recorded.one("BucketPolicy").urn in before
    ready = recorded.dependencies_of(recorded.one("Eip", "after"))
    kinds = ("Listener", "Attachment", "Record", "SecurityGroupIngressRule", "SecurityGroupEgressRule")
    assert {r.urn for kind in kinds for r in recorded.all(kind)} <= ready


def test_the_host_leads_to_the_load_balancer_and_one_authority_vouches_for_it(recorded: Recorder) -> None:
    alias, authority = recorded.one("Record", "dns").inputs, recorded.one("Record", "dns-caa").inputs
    assert (alias["name"], alias["type"], alias["zoneId"]) == ("journal.example.com", "A", "Z1")
    assert alias["aliases"] == [
        {"name": "lb.elb.amazonaws.com", "zoneId": "Z3F0SRJ5LGBH90", "evaluateTargetHealth": True}
    ]
    assert authority["name"] == alias["name"]
    assert '0 issue "letsencrypt.org"' in authority["records"]
