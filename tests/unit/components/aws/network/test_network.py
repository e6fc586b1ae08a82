"""The network: subnets, routes, NAT, endpoints, flow logs, and what nodes wait for."""

import json
from collections.abc import Callable
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest

from components.aws.network.network import Network, NetworkArgs, Tier, subnet_tags
from components.aws.network.routing import NatMode, nat_gateway_zones
from components.aws.network.vpc_endpoints import endpoint_policy
from components.aws.scope import Scope
from components.settings import NetworkSettings
from components.settings.aws import NEEDED_WITHOUT_NAT
from tools.recording import Recorder, run
from tools.resource import Resource

A, B, C = ZONES = ["eu-central-1a", "eu-central-1b", "eu-central-1c"]
SCOPE = Scope(name="journal-prod", environment="prod", account="123456789012", region="eu-central-1", protect=True)
KEY = "arn:aws:kms:eu-central-1:123456789012:key/1"
VPC = "network-id"
RULE, GROUP = "SecurityGroupIngressRule", "aws:ec2/securityGroup:SecurityGroup"
SHAPES: dict[str, dict[str, Any]] = {
    "dev": {"cidr": "10.10.0.0/16", "zones": [A, B], "nat": "single", "flowLogDays": 7},
    "prod": {
        "cidr": "10.30.0.0/16",
        "zones": ZONES,
        "nat": "perZone",
        "podCidr": "100.64.0.0/16",
        "interfaceEndpoints": ["ecr.api", "ecr.dkr", "sts", "logs", "ec2", "eks", "eks-auth", "kms"],
        "flowLogDays": 365,
    },
    "no way out": {"cidr": "10.40.0.0/20", "zones": [A, C], "nat": "none", "interfaceEndpoints": [*NEEDED_WITHOUT_NAT]},
    "one way out, pods apart": {"cidr": "10.50.0.0/20", "zones": ZONES, "nat": "single", "podCidr": "100.64.0.0/18"},
}


def record(shape: dict[str, Any]) -> Recorder:
    def program() -> None:
        settings = NetworkSettings.model_validate(shape)
        args = NetworkArgs(scope=SCOPE, settings=settings, cluster_name="journal-prod", key_arn=KEY)
        network = Network("network", args)
        aws.sqs.Queue("nodes", opts=pulumi.ResourceOptions(depends_on=list(network.egress)))
        for tier in ("public", "private", "pod"):
            pulumi.export(tier, getattr(network, f"{tier}_subnet_ids"))

    return run(program, Recorder(), project="journal", stack="prod", fail_on_warnings=True)


@pytest.fixture(scope="module")
def recordings() -> dict[str, Recorder]:
    return {name: record(shape) for name, shape in SHAPES.items()}


@pytest.fixture(params=SHAPES)
def shape(request: pytest.FixtureRequest) -> dict[str, Any]:
    return SHAPES[request.param]


@pytest.fixture
def recorded(shape: dict[str, Any], recordings: dict[str, Recorder]) -> Recorder:
    """Each shape, one after the other."""
    return next(recordings[name] for name, known in SHAPES.items() if known is shape)


@pytest.fixture
def before(recorded: Recorder) -> Callable[[Resource], list[Resource]]:
    """What is there before a resource, and goes after it."""
    return lambda r: [recorded.by_urn(urn) for urn in recorded.dependencies_of(r)]


@pytest.mark.parametrize(
    ("mode", "expected"),
    [("none", {}), ("single", {A: A, B: A, C: A}), ("perZone", {A: A, B: B, C: C})],
)
def test_where_a_zones_traffic_leaves(mode: NatMode, expected: dict[str, str]) -> None:
    assert nat_gateway_zones(mode, ZONES) == expected


@pytest.mark.parametrize(("tier", "role"), [("public", "elb"), ("private", "internal-elb"), ("pods", "cni")])
def test_what_eks_knows_subnets_by(tier: Tier, role: str) -> None:
    expected = {f"kubernetes.io/role/{role}": "1", "kubernetes.io/cluster/one": "shared"}
    assert subnet_tags(tier, "one", pods_apart=False) == expected
    excluded = {"kubernetes.io/role/cni": "0"} if tier == "private" else {}
    assert subnet_tags(tier, "one", pods_apart=True) == expected | excluded


def test_the_vpc_resolves_names(recorded: Recorder, shape: dict[str, Any]) -> None:
    vpc = recorded.one("Vpc")
    assert vpc["cidrBlock"] == shape["cidr"]
    assert vpc["enableDnsSupport"] is vpc["enableDnsHostnames"] is True


def test_the_default_security_group_lets_nothing_through(recorded: Recorder) -> None:
    group = recorded.one("DefaultSecurityGroup")
    assert (group["vpcId"], group["ingress"], group["egress"]) == (VPC, [], [])


def test_subnets_are_those_of_the_plan(recorded: Recorder, shape: dict[str, Any]) -> None:
    plan = NetworkSettings.model_validate(shape).plan
    tiers: dict[Tier, tuple[str, ...]] = {"public": plan.public, "private": plan.private, "pods": plan.pods}
    expected = {
        f"{tier}-{zone}": (zone, block, subnet_tags(tier, "journal-prod", pods_apart="podCidr" in shape))
        for tier, blocks in tiers.items()
        for zone, block in zip(shape["zones"], blocks, strict=False)
    }
    subnets = {
        r.name: (r["availabilityZone"], r["cidrBlock"], {k: v for k, v in r["tags"].items() if k != "Name"})
        for r in recorded.all("Subnet")
    }
    assert subnets == expected


def test_nothing_gets_a_public_address_on_launch(recorded: Recorder) -> None:
    assert {r["mapPublicIpOnLaunch"] for r in recorded.all("Subnet")} == {False}


def test_pod_subnets_wait_for_their_block(
    recorded: Recorder, shape: dict[str, Any], before: Callable[[Resource], list[Resource]]
) -> None:
    blocks = recorded.all("VpcIpv4CidrBlockAssociation")
    assert [r["cidrBlock"] for r in blocks] == [shape[key] for key in ("podCidr",) if key in shape]
    waiting = {r.name for r in recorded.all("Subnet") if any(block in before(r) for block in blocks)}
    assert waiting == {f"pods-{zone}" for zone in shape["zones"] if "podCidr" in shape}


def test_each_subnet_has_one_route_table_of_its_tier_and_zone(recorded: Recorder) -> None:
    associated = {r["subnetId"]: r["routeTableId"] for r in recorded.all("RouteTableAssociation")}
    assert len(associated) == len(recorded.all("RouteTableAssociation"))
    expected = {
        f"{r.name}-id": "public-id" if r.name.startswith("public") else f"private-{r['availabilityZone']}-id"
        for r in recorded.all("Subnet")
    }
    assert associated == expected


def test_public_subnets_reach_the_internet_gateway(recorded: Recorder) -> None:
    route = recorded.one("Route", "public")
    assert (route["routeTableId"], route["gatewayId"]) == ("public-id", "routing-id")
    assert recorded.one("InternetGateway")["vpcId"] == VPC


def test_private_routes_lead_to_the_nat_gateway_of_their_zone(recorded: Recorder, shape: dict[str, Any]) -> None:
    routes = {r["routeTableId"]: r["natGatewayId"] for r in recorded.all("Route") if r.name != "public"}
    assert routes == {
        f"private-{zone}-id": f"nat-{nat}-id" for zone, nat in nat_gateway_zones(shape["nat"], shape["zones"]).items()
    }


@pytest.mark.parametrize(
    ("name", "zones"), [("dev", [A]), ("prod", ZONES), ("no way out", []), ("one way out, pods apart", [A])]
)
def test_nat_gateways_have_an_address_and_are_in_a_public_subnet(
    recordings: dict[str, Recorder], name: str, zones: list[str]
) -> None:
    recorded = recordings[name]
    gateways = {r.name: (r["subnetId"], r["allocationId"]) for r in recorded.all("NatGateway")}
    assert gateways == {f"nat-{zone}": (f"public-{zone}-id", f"nat-{zone}-id") for zone in zones}
    assert [r["domain"] for r in recorded.all("Eip")] == ["vpc"] * len(zones)


def test_nat_gateways_and_their_addresses_go_before_the_internet_gateway(
    recorded: Recorder, shape: dict[str, Any], before: Callable[[Resource], list[Resource]]
) -> None:
    gateway, route = recorded.one("InternetGateway"), recorded.one("Route", "public")
    nat = [*recorded.all("NatGateway"), *recorded.all("Eip")]
    assert len(nat) == 2 * len(set(nat_gateway_zones(shape["nat"], shape["zones"]).values()))
    assert [r.name for r in nat if not {gateway.urn, route.urn} <= {other.urn for other in before(r)}] == []


def test_nodes_go_before_anything_they_reach_the_world_by(
    recorded: Recorder, before: Callable[[Resource], list[Resource]]
) -> None:
    nodes = recorded.one("Queue", "nodes")
    needed = [
        *("InternetGateway", "Route", "RouteTable", "RouteTableAssociation", "NatGateway", "Eip", "Subnet", "Vpc"),
        *("VpcIpv4CidrBlockAssociation", "VpcEndpoint", "SecurityGroup", "SecurityGroupIngressRule"),
    ]
    required = {r.urn for kind in needed for r in recorded.all(kind)}
    assert len(required) > len(needed)
    assert required - {r.urn for r in before(nodes)} == set()


def test_s3_is_reached_without_nat_from_every_private_table(recorded: Recorder, shape: dict[str, Any]) -> None:
    s3 = recorded.one("VpcEndpoint", "s3")
    assert (s3["vpcEndpointType"], s3["serviceName"]) == ("Gateway", "com.amazonaws.eu-central-1.s3")
    assert s3["routeTableIds"] == [f"private-{zone}-id" for zone in shape["zones"]]


def test_interface_endpoints_are_those_of_the_settings(recorded: Recorder, shape: dict[str, Any]) -> None:
    interfaces = [r for r in recorded.all("VpcEndpoint") if r["vpcEndpointType"] == "Interface"]
    wanted = [f"com.amazonaws.eu-central-1.{service}" for service in shape.get("interfaceEndpoints", [])]
    assert sorted(r["serviceName"] for r in interfaces) == sorted(wanted)
    subnets = [f"private-{zone}-id" for zone in shape["zones"]]
    placed = [(r["privateDnsEnabled"], r["subnetIds"], r["securityGroupIds"]) for r in interfaces]
    assert placed == [(True, subnets, ["endpoints-id"])] * len(wanted)


def test_interface_endpoints_answer_https_from_the_vpc_alone(recorded: Recorder, shape: dict[str, Any]) -> None:
    rules = {r["cidrIpv4"]: (r["ipProtocol"], r["fromPort"], r["toPort"]) for r in recorded.all(RULE)}
    inside = [shape[key] for key in ("cidr", "podCidr") if key in shape and "interfaceEndpoints" in shape]
    assert rules == dict.fromkeys(inside, ("tcp", 443, 443))
    assert [r.name for r in recorded.all(GROUP)] == ["endpoints" for key in ("interfaceEndpoints",) if key in shape]
    assert not recorded.all("SecurityGroupEgressRule")


def test_images_are_pulled_through_the_endpoints_and_never_pushed(recordings: dict[str, Recorder]) -> None:
    for service in ("ecr.api", "ecr.dkr"):
        (statement,) = json.loads(recordings["prod"].one("VpcEndpoint", service)["policy"])["Statement"]
        assert "ecr:BatchGetImage" in statement["Action"]
        assert "ecr:PutImage" not in statement["Action"]
        assert statement["Condition"] == {"StringEquals": {"aws:PrincipalAccount": "123456789012"}}


def test_other_endpoints_leave_it_to_iam(recordings: dict[str, Recorder]) -> None:
    assert endpoint_policy("sts", SCOPE) is None
    with_policy = [r.name for r in recordings["prod"].all("VpcEndpoint") if "policy" in r.inputs]
    assert sorted(with_policy) == ["ecr.api", "ecr.dkr"]


def test_all_traffic_is_logged_encrypted_and_for_a_time(recorded: Recorder, shape: dict[str, Any]) -> None:
    group, log = recorded.one("LogGroup"), recorded.one("FlowLog")
    assert (group["name"], group["kmsKeyId"]) == ("journal-prod-flow-logs", KEY)
    assert group["retentionInDays"] == shape.get("flowLogDays", 90)
    assert group.protect
    assert (log["vpcId"], log["trafficType"], log["logDestinationType"]) == (VPC, "ALL", "cloud-watch-logs")
    assert log["logDestination"].endswith("flow-logs")


def test_flow_logs_start_once_they_may_be_written_and_never_make_a_group(
    recorded: Recorder, before: Callable[[Resource], list[Resource]]
) -> None:
    policy = recorded.one("RolePolicy", "flow-logs")
    assert policy in before(recorded.one("FlowLog"))
    write, find = json.loads(policy["policy"])["Statement"]
    assert "logs:CreateLogGroup" not in write["Action"]
    group = "arn:aws:logs:eu-central-1:123456789012:log-group:journal-prod-flow-logs"
    assert write["Resource"] == [group, f"{group}:*"]
    assert find["Action"] == ["logs:DescribeLogGroups"]
    (trust,) = json.loads(recorded.one("aws:iam/role:Role")["assumeRolePolicy"])["Statement"]
    assert trust["Principal"] == {"Service": ["vpc-flow-logs.amazonaws.com"]}
    assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": "123456789012"}}


def test_what_the_network_hands_on_is_in_the_zones_order(recorded: Recorder, shape: dict[str, Any]) -> None:
    outputs = recorded.outputs
    zones, pod_zones = shape["zones"], shape["zones"] if "podCidr" in shape else []
    assert outputs["public"] == [f"public-{zone}-id" for zone in zones]
    assert outputs["private"] == [f"private-{zone}-id" for zone in zones]
    assert outputs["pod"] == [f"pods-{zone}-id" for zone in pod_zones]
