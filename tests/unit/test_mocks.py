"""What the cloud answers in previews and tests: of the right form, and the same in each run."""

import re

import pulumi
import pulumi_aws as aws
import pytest

from tools import cloud
from tools.recording import Recorder, run

HEX = r"0[0-9a-f]{16}"
ACCOUNT, REGION = "222233334444", "eu-west-1"
SEEN: dict[str, object] = {}


def keep(name: str, value: pulumi.Output) -> None:
    value.apply(lambda known: SEEN.__setitem__(name, known))


def program() -> None:
    vpc = aws.ec2.Vpc("net", cidr_block="10.0.0.0/16")
    subnet = aws.ec2.Subnet("a", vpc_id=vpc.id, cidr_block="10.0.0.0/24")
    role = aws.iam.Role("nodes", name="journal-test-nodes", assume_role_policy="{}")
    config = aws.eks.ClusterVpcConfigArgs(subnet_ids=[subnet.id])
    cluster = aws.eks.Cluster("eks", name="journal-test", role_arn=role.arn, vpc_config=config)
    scaling = aws.eks.NodeGroupScalingConfigArgs(min_size=1, desired_size=1, max_size=1)
    group = aws.eks.NodeGroup(
        "apps", cluster_name=cluster.name, node_role_arn=role.arn, subnet_ids=[subnet.id], scaling_config=scaling
    )
    balancer = aws.lb.LoadBalancer("in", name="journal-test", load_balancer_type="network", subnets=[subnet.id])
    for name, value in {
        "vpc": vpc.arn,
        "subnet": subnet.id,
        "role": role.arn,
        "endpoint": cluster.endpoint,
        "security group": cluster.vpc_config.cluster_security_group_id,
        "scaling group": group.resources[0].autoscaling_groups[0].name,
        "balancer": balancer.arn,
        "address": balancer.dns_name,
        "certificate": cluster.certificate_authority.data,
    }.items():
        keep(name, value)


@pytest.fixture(scope="module")
def answers() -> dict[str, str]:
    run(program, Recorder(cloud.Cloud(ACCOUNT, REGION)), project="p", stack="s")
    return {name: str(value) for name, value in SEEN.items()}


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("vpc", rf"arn:aws:ec2:{REGION}:{ACCOUNT}:vpc/vpc-{HEX}"),
        ("subnet", rf"subnet-{HEX}"),
        ("role", rf"arn:aws:iam::{ACCOUNT}:role/journal-test-nodes"),
        ("endpoint", rf"https://[0-9A-F]{{32}}\.gr7\.{REGION}\.eks\.amazonaws\.com"),
        ("security group", rf"sg-{HEX}"),
        ("scaling group", r"eks-apps-[0-9a-f]{7}-[0-9a-f-]{36}"),
        ("balancer", rf"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:loadbalancer/net/journal-test/[0-9a-f]{{16}}"),
        ("address", rf"journal-test-[0-9a-f]{{16}}\.elb\.{REGION}\.amazonaws\.com"),
        ("certificate", r"\w+"),
    ],
)
def test_answers_have_the_forms_of_aws(answers: dict[str, str], name: str, form: str) -> None:
    assert re.fullmatch(form, answers[name]), answers[name]


def test_answers_are_the_same_each_time(answers: dict[str, str]) -> None:
    run(program, Recorder(cloud.Cloud(ACCOUNT, REGION)), project="p", stack="s")
    assert {name: str(value) for name, value in SEEN.items()} == answers


def test_two_resources_have_two_ids() -> None:
    recorder = Recorder(cloud.Cloud())
    run(lambda: [aws.ec2.Vpc(name, cidr_block="10.0.0.0/16") for name in "ab"], recorder, project="p", stack="s")
    ids = {cloud.Cloud()(r)["id"] for r in recorder.of_type("Vpc")}
    assert len(ids) == 2


def test_the_account_and_region_of_a_stack_are_used() -> None:
    config = {"journal:aws": {"account": "555566667777", "region": "eu-north-1"}}
    recorder = Recorder(cloud.cloud_of(config))
    run(lambda: keep("key", aws.kms.Key("k").arn), recorder, project="p", stack="s")
    assert str(SEEN["key"]).startswith("arn:aws:kms:eu-north-1:555566667777:key/")
