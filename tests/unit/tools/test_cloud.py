"""What the mocks of AWS answer: of the right form, and the same in each run."""

import re
from collections.abc import Callable

import pulumi
import pulumi_aws as aws
import pytest

from tests.conftest import Recording, config_of
from tools import cloud
from tools.recording import ProgramError, Recorder, run

HEX = r"0[0-9a-f]{16}"
ACCOUNT, REGION = "222233334444", "eu-west-1"


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
        pulumi.export(name, value)


@pytest.fixture(scope="module")
def answers() -> dict[str, str]:
    return run(program, Recorder(cloud.Cloud(ACCOUNT, REGION)), project="p", stack="s").outputs


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
    assert run(program, Recorder(cloud.Cloud(ACCOUNT, REGION)), project="p", stack="s").outputs == answers


def test_no_two_resources_of_a_type_share_an_id(recording: Recording) -> None:
    """In one region: an id that follows from a name is the same in each."""
    made = [
        (r.provider and r.provider.name, r.type, r.id)
        for r in recording.registrations
        if r.package == "aws" and r.custom
    ]
    assert len(made) == len(set(made))


def test_the_account_and_region_are_those_of_the_stacks_file(recorded: Callable[[str], Recording]) -> None:
    aws_settings = config_of("prod")["journal:aws"]
    place = f"{aws_settings['region']}:{aws_settings['account']}"
    keys = {r["kmsKeyId"] for r in recorded("prod").of_type("LogGroup")}
    assert keys
    assert all(key.startswith(f"arn:aws:kms:{place}:key/") for key in keys)


def test_what_a_provider_of_another_region_makes_is_there(recorded: Callable[[str], Recording]) -> None:
    (rule,) = recorded("prod").one("aws:backup/plan:Plan", "backup-cluster")["rules"]
    (copy,) = rule["copyActions"]
    region = config_of("prod")["journal:aws"]["backup"]["copyToRegion"]
    assert copy["destinationVaultArn"] == f"arn:aws:backup:{region}:111122223333:backup-vault:journal-prod"


def test_a_stack_reads_what_stack_shared_exports(recorded: Callable[[str], Recording]) -> None:
    roles = recorded("dev").of_type("aws:iam/role:Role")
    assert roles
    assert {r["permissionsBoundary"] for r in roles} == {recorded("shared").outputs["boundary_arn"]}


def test_there_is_no_autoscaling_group_yet() -> None:
    def ask() -> None:
        pulumi.export("names", aws.autoscaling.get_ami_ids().names)

    assert run(ask, Recorder(cloud.Cloud(ACCOUNT, REGION)), project="p", stack="s").outputs["names"] == []


def test_what_else_a_program_asks_for_has_no_answer() -> None:
    with pytest.raises(ProgramError, match="The program calls aws:ec2/getVpc:getVpc"):
        run(lambda: aws.ec2.get_vpc(), Recorder(cloud.Cloud(ACCOUNT, REGION)), project="p", stack="s")
