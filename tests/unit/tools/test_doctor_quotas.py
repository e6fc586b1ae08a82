"""What stacks need of each quota, and how that compares with what an account has."""

from collections.abc import Callable, Mapping

import pulumi_aws as aws
import pytest

from tests.conftest import Recording
from tools import cloud
from tools.doctor import demand, quotas
from tools.doctor.findings import Verdict
from tools.doctor.quotas import Amount, Quota, Slot, Usage
from tools.recording import Recorder, run

REGION = "eu-central-1"
ARN = "arn:aws:iam::111122223333:role/x"


def needs(program: Callable[[], object]) -> Mapping[Slot, Amount]:
    return demand.of_stack(run(program, Recorder(cloud.Cloud()), project="p", stack="s").registrations)


def nodes(name: str = "apps", *, types: list[str], capacity: str = "ON_DEMAND", first: int = 2, most: int = 9) -> None:
    disk = aws.ec2.LaunchTemplateBlockDeviceMappingEbsArgs(volume_size=512)
    template = aws.ec2.LaunchTemplate(
        f"{name}-template",
        block_device_mappings=[aws.ec2.LaunchTemplateBlockDeviceMappingArgs(device_name="/dev/xvda", ebs=disk)],
    )
    aws.eks.NodeGroup(
        name,
        cluster_name="c",
        node_role_arn=ARN,
        subnet_ids=["subnet-1"],
        capacity_type=capacity,
        instance_types=types,
        scaling_config=aws.eks.NodeGroupScalingConfigArgs(min_size=0, desired_size=first, max_size=most),
        launch_template=aws.eks.NodeGroupLaunchTemplateArgs(id=template.id, version=template.latest_version.apply(str)),
    )


def test_the_stacks_of_one_account_need_seven_elastic_ips(recorded: Callable[[str], Recording]) -> None:
    needed = {
        name: demand.of_stack(recorded(name).registrations)[Slot(quotas.ELASTIC_IPS)].first
        for name in ("dev", "staging", "prod")
    }
    assert needed == {"dev": 1, "staging": 3, "prod": 3}
    assert sum(needed.values()) > quotas.ELASTIC_IPS.default


@pytest.mark.parametrize(
    ("slot", "amount"),
    [
        (Slot(quotas.VPCS), Amount(1, 1)),
        (Slot(quotas.NAT_GATEWAYS, "eu-central-1a"), Amount(1, 1)),
        (Slot(quotas.NAT_GATEWAYS, "eu-central-1c"), Amount(1, 1)),
        (Slot(quotas.LOAD_BALANCERS), Amount(1, 1)),
        (Slot(quotas.CLUSTERS), Amount(1, 1)),
    ],
)
def test_what_prod_needs(recorded: Callable[[str], Recording], slot: Slot, amount: Amount) -> None:
    assert demand.of_stack(recorded("prod").registrations)[slot] == amount


def test_prods_volumes_count_once(recorded: Callable[[str], Recording]) -> None:
    """Three groups of three nodes each, ingress with Bottlerocket's own disk; Redis' claims are its StatefulSet's."""
    disks, claims = 9 * 50 + 3 * 2, 3 * 50
    needed = demand.of_stack(recorded("prod").registrations)[Slot(quotas.GP3)]
    assert needed.first * 1024 == disks + claims


def test_prods_nodes_are_more_than_a_new_account_may_run(recorded: Callable[[str], Recording]) -> None:
    nodes_of_prod = demand.of_stack(recorded("prod").registrations)[Slot(quotas.ON_DEMAND)]
    assert quotas.ON_DEMAND.default < nodes_of_prod.first < nodes_of_prod.most


def test_every_quota_is_needed_by_some_stack(recorded: Callable[[str], Recording]) -> None:
    names = ("shared", "dev", "staging", "prod")
    needed = {slot.quota for name in names for slot in demand.of_stack(recorded(name).registrations)}
    assert needed == set(quotas.QUOTAS)
    assert len({quota.code for quota in quotas.QUOTAS}) == len(quotas.QUOTAS)


def test_nodes_of_several_types_take_the_smallest_first_and_the_largest_at_most() -> None:
    needed = needs(lambda: nodes(types=["m7i.large", "m7i.2xlarge"], first=2, most=9))
    assert needed[Slot(quotas.ON_DEMAND)] == Amount(4, 72)
    assert needed[Slot(quotas.GP3)] == Amount(1, 4.5)
    assert needed[Slot(quotas.NODES, "apps")] == Amount(2, 9)
    assert Slot(quotas.SPOT) not in needed


def test_spot_has_a_quota_of_its_own_and_other_families_are_not_counted() -> None:
    def program() -> None:
        nodes("a", types=["t3.large"], capacity="SPOT", first=1, most=3)
        nodes("b", types=["g6.xlarge"], first=1, most=4)

    recorder = run(program, Recorder(cloud.Cloud()), project="p", stack="s")
    needed = demand.of_stack(recorder.registrations)
    assert needed[Slot(quotas.SPOT)] == Amount(2, 6)
    assert Slot(quotas.ON_DEMAND) not in needed
    assert demand.other_instances(recorder.registrations) == ["g6.xlarge"]


def test_of_what_each_resource_has_the_greatest_counts() -> None:
    def program() -> None:
        for name, count in (("few", 1), ("many", 3)):
            group = aws.ec2.SecurityGroup(name)
            for number in range(count):
                aws.vpc.SecurityGroupIngressRule(
                    f"{name}-{number}", security_group_id=group.id, ip_protocol="tcp", cidr_ipv4=f"10.0.{number}.0/24"
                )
            aws.vpc.SecurityGroupEgressRule(f"{name}-out", security_group_id=group.id, ip_protocol="-1")

    assert needs(program) == {Slot(quotas.RULES, "many"): Amount(3, 3)}


@pytest.mark.parametrize(
    ("type_", "count"),
    [
        ("t3.medium", 2), ("t3a.small", 2), ("m7g.medium", 1), ("m7i.large", 2), ("m7i.xlarge", 4), ("c7i.2xlarge", 8),
        ("r7i.48xlarge", 192), ("m7i.metal-24xl", 96), ("c5.metal", 96),
    ],
)  # fmt: skip
def test_vcpus_by_size(type_: str, count: int) -> None:
    assert demand.vcpus(type_) == count


@pytest.mark.parametrize(
    ("type_", "standard"),
    [
        ("m7i.large", True), ("is4gen.large", True), ("im4gn.large", True), ("t4g.small", True), ("g6.large", False),
        ("p5.48xlarge", False), ("inf2.xlarge", False), ("trn1.2xlarge", False), ("hpc7a.12xlarge", False),
        ("x2gd.large", False), ("mac2.metal", False),
    ],
)  # fmt: skip
def test_families_of_standard_instances(type_: str, standard: bool) -> None:
    assert demand.is_standard(type_) is standard


IPS = quotas.ELASTIC_IPS


@pytest.mark.parametrize(
    ("asked", "every", "usage", "limit", "verdict"),
    [
        # nobody asked: the default, and a quota may have been raised
        ({"prod": (3, 3)}, {"prod": (3, 3)}, None, None, Verdict.OK),
        ({"prod": (3, 3)}, {"prod": (3, 3), "dev": (4, 4)}, None, None, Verdict.WARNING),
        ({"prod": (6, 6)}, {"prod": (6, 6)}, None, None, Verdict.WARNING),
        # asked
        ({"prod": (3, 3)}, {"prod": (3, 3)}, Usage(2), 5, Verdict.OK),
        ({"prod": (3, 3)}, {"prod": (3, 3)}, Usage(3), 5, Verdict.PROBLEM),
        ({"prod": (3, 3)}, {"prod": (3, 3), "dev": (1, 1)}, Usage(2), 5, Verdict.WARNING),
        ({"prod": (3, 9)}, {"prod": (3, 9)}, Usage(0), 5, Verdict.WARNING),
        # what runs of ours is not needed again
        ({"prod": (3, 3)}, {"prod": (3, 3)}, Usage(5, {"prod": 3}), 5, Verdict.OK),
        ({"prod": (3, 3)}, {"prod": (3, 3), "dev": (1, 1)}, Usage(5, {"prod": 3, "dev": 1}), 5, Verdict.OK),
        ({"prod": (3, 3)}, {"prod": (3, 3)}, Usage(5, {"prod": 1}), 5, Verdict.PROBLEM),
        ({"prod": (3, 3)}, {"prod": (3, 3)}, Usage(5, {"dev": 3}), 5, Verdict.PROBLEM),
        # only one of the two is known
        ({"prod": (6, 6)}, {"prod": (6, 6)}, None, 5, Verdict.PROBLEM),
        ({"prod": (3, 3)}, {"prod": (3, 3)}, Usage(4), None, Verdict.WARNING),
        # a quota of nothing, a usage of nothing
        ({"prod": (1, 1)}, {"prod": (1, 1)}, Usage(0), 0, Verdict.PROBLEM),
    ],
)
def test_verdicts(
    asked: Mapping[str, tuple[int, int]],
    every: Mapping[str, tuple[int, int]],
    usage: Usage | None,
    limit: float | None,
    verdict: Verdict,
) -> None:
    amounts = [{name: Amount(*pair) for name, pair in each.items()} for each in (asked, every)]
    found = quotas.compare(Slot(IPS), *amounts, usage, limit, REGION)
    assert found.verdict is verdict
    assert bool(found.remedy) == bool(found.says) == (verdict is not Verdict.OK)


def test_the_remedy_asks_for_room_for_all_stacks_beside_what_others_use() -> None:
    three, four = Amount(3, 3), Amount(4, 4)
    found = quotas.compare(Slot(IPS), {"prod": three}, {"prod": three, "dev": four}, Usage(2), 4, REGION)
    assert found.says == "5 after this deployment, 2 now; the quota is 4"
    assert found.remedy == (
        "aws service-quotas request-service-quota-increase --service-code ec2 --quota-code L-0263D0A3"
        " --desired-value 9 --region eu-central-1"
    )
    assert (found.needs, found.all_need, found.used, found.limit) == ("3", "7", "2", "4")


@pytest.mark.parametrize(
    ("first", "most", "usage", "says"),
    [
        (6, 9, None, "6 are needed; the default quota is 5"),
        (3, 9, None, "9 with all stacks at their largest; the default quota is 5"),
        (3, 9, Usage(1), "10 with all stacks at their largest, 1 now; the default quota is 5"),
    ],
)
def test_what_is_said_of_a_quota(first: int, most: int, usage: Usage | None, says: str) -> None:
    needed = {"prod": Amount(first, most)}
    assert quotas.compare(Slot(IPS), needed, needed, usage, None, REGION).says == says


@pytest.mark.parametrize(("quota", "region"), [(quotas.ROLES, "us-east-1"), (quotas.VPCS, "eu-central-1")])
def test_iams_quotas_are_kept_in_one_region(quota: Quota, region: str) -> None:
    much = {"prod": Amount(5000, 5000)}
    assert quotas.compare(Slot(quota), much, much, None, None, REGION).remedy.endswith(f"--region {region}")


@pytest.mark.parametrize(("value", "text"), [(0, "0"), (5.0, "5"), (0.591, "0.59"), (134, "134"), (1000, "1000")])
def test_figures(value: float, text: str) -> None:
    assert quotas.number(value) == text
