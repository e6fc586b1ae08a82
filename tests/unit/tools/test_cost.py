"""The cost of a stack: each rule on its own, what is unknown, and an estimate of every stack in AWS."""

from collections.abc import Callable
from dataclasses import replace

import pulumi_aws as aws
import pytest
import yaml
from pulumi_kubernetes.apps.v1 import StatefulSet, StatefulSetSpecArgs
from pulumi_kubernetes.core.v1 import (
    PersistentVolumeClaim,
    PersistentVolumeClaimArgs,
    PersistentVolumeClaimSpecArgs,
    PodTemplateSpecArgs,
    VolumeResourceRequirementsArgs,
)
from pulumi_kubernetes.meta.v1 import LabelSelectorArgs, ObjectMetaArgs
from typer.testing import CliRunner

from tests.conftest import Recording
from tools import cli, cloud, cost, stack
from tools.failures import Failure
from tools.recording import Recorder, run

PRICES = cost.PriceList(
    region="eu-central-1",
    date="2026-11-21",
    hours=100,
    prices={
        "eks-cluster": {"price": 0.10, "per": "hour"},
        "nat-gateway": {"price": 0.05, "per": "hour"},
        "interface-endpoint": {"price": 0.01, "per": "hour"},
        "load-balancer": {"price": 0.02, "per": "hour"},
        "public-ipv4": {"price": 0.005, "per": "hour"},
        "gp3": {"price": 0.1, "per": "GB-month"},
        "kms-key": {"price": 1.0, "per": "month"},
        "hosted-zone": {"price": 0.5, "per": "month"},
        "backup-volume": {"price": 0.05, "per": "GB-month"},
    },
    instances={"m7i.large": {"price": 0.12}},
    spot_share=0.5,
    by_use={"aws:cloudwatch/logGroup:LogGroup": "logs", "aws:backup/plan:Plan": "further backups"},
    free=frozenset({"aws:ec2/launchTemplate:LaunchTemplate"}),
    always_left_out=["traffic"],
)
ARN = "arn:aws:iam::111122223333:role/x"


def estimate_of(program: Callable[[], object]) -> cost.Estimate:
    return cost.estimate(run(program, Recorder(cloud.Cloud()), project="p", stack="s").registrations, PRICES)


def cluster() -> None:
    aws.eks.Cluster("c", role_arn=ARN, vpc_config=aws.eks.ClusterVpcConfigArgs(subnet_ids=["subnet-1"]))


def nodes(*, capacity: str = "ON_DEMAND", desired: int = 3, type_: str = "m7i.large") -> None:
    disk = aws.ec2.LaunchTemplateBlockDeviceMappingEbsArgs(volume_size=50)
    template = aws.ec2.LaunchTemplate(
        "t", block_device_mappings=[aws.ec2.LaunchTemplateBlockDeviceMappingArgs(device_name="/dev/xvda", ebs=disk)]
    )
    aws.eks.NodeGroup(
        "apps",
        cluster_name="c",
        node_role_arn=ARN,
        subnet_ids=["subnet-1"],
        capacity_type=capacity,
        instance_types=[type_, "m7a.large"],
        scaling_config=aws.eks.NodeGroupScalingConfigArgs(min_size=0, desired_size=desired, max_size=9),
        launch_template=aws.eks.NodeGroupLaunchTemplateArgs(id=template.id, version=template.latest_version.apply(str)),
    )


def stateful_set() -> None:
    claim = PersistentVolumeClaimArgs(metadata=ObjectMetaArgs(name="data"), spec=claim_of("50Gi"))
    spec = StatefulSetSpecArgs(
        service_name="redis",
        replicas=3,
        selector=LabelSelectorArgs(),
        template=PodTemplateSpecArgs(),
        volume_claim_templates=[claim],
    )
    StatefulSet("redis", metadata=ObjectMetaArgs(name="redis"), spec=spec)


def claim_of(size: str) -> PersistentVolumeClaimSpecArgs:
    return PersistentVolumeClaimSpecArgs(resources=VolumeResourceRequirementsArgs(requests={"storage": size}))


def load_balancer(*, internal: bool = False) -> None:
    aws.lb.LoadBalancer("n", load_balancer_type="network", internal=internal, subnets=["subnet-1", "subnet-2"])


def endpoint(type_: str) -> None:
    aws.ec2.VpcEndpoint(
        "e", vpc_id="vpc-1", service_name="x", vpc_endpoint_type=type_, subnet_ids=["subnet-1", "subnet-2"]
    )


def nat() -> None:
    address = aws.ec2.Eip("e", domain="vpc")
    aws.ec2.NatGateway("n", subnet_id="subnet-1", allocation_id=address.allocation_id)


@pytest.mark.parametrize(
    ("program", "month"),
    [
        (cluster, 10.0),
        (nodes, 3 * 12 + 3 * 50 * 0.1),
        (lambda: nodes(capacity="SPOT"), 3 * 6 + 3 * 50 * 0.1),
        (lambda: nodes(desired=0), 0),
        (stateful_set, 3 * 50 * 0.1),
        (load_balancer, 2 + 2 * 0.5),
        (lambda: load_balancer(internal=True), 2),
        (lambda: endpoint("Interface"), 2 * 1),
        (lambda: endpoint("Gateway"), 0),
        (nat, 5 + 0.5),
        (lambda: aws.kms.Key("k"), 1),
        (lambda: aws.route53.Zone("z", name="a.test"), 0.5),
        (lambda: aws.cloudwatch.LogGroup("l"), 0),
    ],
)
def test_each_thing_costs_what_it_should(program: Callable[[], object], month: float) -> None:
    assert estimate_of(program).month == pytest.approx(month)


def test_a_claim_of_its_own_counts() -> None:
    found = estimate_of(lambda: PersistentVolumeClaim("b", metadata=ObjectMetaArgs(name="b"), spec=claim_of("512Mi")))
    assert [(line.count, line.unit) for line in found.lines] == [(0.5, "GB-month")]


def test_the_claims_of_a_stateful_set_count_once() -> None:
    def program() -> None:
        stateful_set()
        for number in range(3):
            name = f"data-redis-{number}"
            PersistentVolumeClaim(name, metadata=ObjectMetaArgs(name=name), spec=claim_of("50Gi"))

    assert estimate_of(program).month == estimate_of(stateful_set).month


def test_a_backup_plan_keeps_a_copy_of_the_volumes_as_an_estimate() -> None:
    def program() -> None:
        stateful_set()
        rule = aws.backup.PlanRuleArgs(rule_name="r", target_vault_name="v")
        aws.backup.Plan("p", name="p", rules=[rule])

    found = estimate_of(program)
    (copy,) = [line for line in found.lines if line.approximate]
    assert (copy.count, copy.month) == (150, pytest.approx(7.5))
    assert "further backups" in found.left_out


def test_a_copy_in_another_region_costs_as_much_again() -> None:
    def program() -> None:
        stateful_set()
        copy = aws.backup.PlanRuleCopyActionArgs(destination_vault_arn="arn:aws:backup:eu-west-1:1:backup-vault:v")
        rule = aws.backup.PlanRuleArgs(rule_name="r", target_vault_name="v", copy_actions=[copy])
        aws.backup.Plan("p", name="p", rules=[rule])

    found = [line for line in estimate_of(program).lines if line.approximate]
    assert [line.month for line in found] == [pytest.approx(7.5)] * 2
    assert "another region" in "".join(line.what for line in found)


def test_spot_is_an_estimate_and_marked() -> None:
    line = next(line for line in estimate_of(lambda: nodes(capacity="SPOT")).lines if "Spot" in line.what)
    assert line.approximate
    assert line.price == pytest.approx(0.06)


def test_same_things_share_a_line() -> None:
    (line,) = estimate_of(lambda: [aws.kms.Key(name) for name in "abc"]).lines
    assert (line.what, line.count) == ("KMS keys", 3)


def test_the_parts_of_a_node_group_share_a_line(recorded: Callable[[str], Recording]) -> None:
    lines = [
        line for line in cost.estimate(recorded("prod").registrations, cost.read_prices()).lines if "apps" in line.what
    ]
    assert {(line.what, line.count) for line in lines} == {("nodes apps: m7i.xlarge", 3), ("disks of nodes apps", 150)}


def test_what_is_billed_by_use_is_named_and_traffic_always() -> None:
    assert estimate_of(lambda: [aws.cloudwatch.LogGroup("l"), aws.kms.Key("k")]).left_out == ["logs", "traffic"]


def test_a_type_that_is_not_known_is_an_error_that_names_the_file() -> None:
    with pytest.raises(Failure, match="aws:sqs/queue:Queue") as raised:
        estimate_of(lambda: aws.sqs.Queue("q"))
    assert "docs/prices.yaml" in raised.value.hint


def test_an_instance_type_without_a_price_is_an_error_that_names_the_file() -> None:
    with pytest.raises(Failure, match=r"instance type x9\.large") as raised:
        estimate_of(lambda: nodes(type_="x9.large"))
    assert "docs/prices.yaml" in raised.value.hint


def test_prices_of_another_region_are_refused() -> None:
    with pytest.raises(Failure, match="eu-north-1"):
        cost.of_stack("prod", replace(PRICES, region="eu-north-1"))


def test_a_stack_outside_aws_costs_nothing() -> None:
    result = CliRunner().invoke(cli.app, ["cost", "--stack", "local"])
    assert result.exit_code == 1


def test_every_price_has_its_source() -> None:
    table = yaml.safe_load((stack.ROOT / cost.FILE).read_text())
    entries = {**table["prices"], **table["instances"], "spot": table["spot"]}
    assert len(entries) > 10
    assert [name for name, entry in entries.items() if not entry["source"]] == []


@pytest.mark.parametrize("name", [name for name in stack.in_aws() if name != "shared"])
def test_every_environment_in_aws_has_an_estimate(name: str, recorded: Callable[[str], Recording]) -> None:
    prices = cost.read_prices()
    found = cost.estimate(recorded(name).registrations, prices)
    whats = " ".join(line.what for line in found.lines)
    for expected in ("EKS control plane", "nodes ", "disks of", "volumes of redis", "NAT", "load balancer", "KMS"):
        assert expected in whats, whats


def test_a_larger_environment_costs_more(recorded: Callable[[str], Recording]) -> None:
    prices = cost.read_prices()
    dev, staging, prod = (
        cost.estimate(recorded(name).registrations, prices).month for name in ("dev", "staging", "prod")
    )
    assert dev < staging < prod


@pytest.mark.usefixtures("recordings_once")
def test_the_estimate_for_a_comment_is_a_table() -> None:
    result = CliRunner().invoke(cli.app, ["cost", "--stack", "prod", "--markdown"])
    assert result.exit_code == 0, result.output
    assert result.output.startswith("**prod: $ ")
    assert "| EKS control plane | 1 | hour | 0.1 | 730 | 73.00 |" in result.output
    assert "Left out: " in result.output
