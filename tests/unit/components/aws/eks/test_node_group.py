"""Node groups: what a node is made of, and that a change makes the new group before the old one goes."""

import re
from typing import Any

import pulumi
import pytest

from components.aws.eks.node_group import (
    CLUSTER_TAG,
    NODE_POLICIES,
    NodeGroup,
    NodeGroupArgs,
    ami_type,
    node_role,
    physical_name,
    timeouts,
    update_config,
)
from components.aws.identity.iam import Role
from components.aws.scope import Scope
from components.settings import NodeGroupSettings
from components.settings.node_groups import NODE_GROUP_LABEL, ManagedNodeGroup, managed_node_groups
from tools.cloud import Cloud
from tools.recording import ProgramError, Recorder, run

GROUP = "aws:eks/nodeGroup:NodeGroup"
ACCOUNT = "111122223333"
SCOPE = Scope(name="journal-prod", environment="prod", account=ACCOUNT, region="eu-central-1", protect=True)
CIDRS, ZONES = ["10.30.0.0/18", "10.30.64.0/18"], ["eu-central-1a", "eu-central-1b"]
TAGS = {"Project": "journal", "Environment": "prod", "ManagedBy": "pulumi"}
APPS = {"name": "apps", "instanceTypes": ["m7i.xlarge"], "minSize": 3, "desiredSize": 4, "maxSize": 12, "diskGib": 80}
TAINTS = [{"key": "dedicated", "value": "apps"}]


def settings(**changes: Any) -> NodeGroupSettings:
    return NodeGroupSettings.model_validate({**APPS, "taints": TAINTS, **changes})


def group(**changes: Any) -> ManagedNodeGroup:
    (found,) = managed_node_groups([settings(**changes)], ZONES)
    return found


def record(**changes: Any) -> Recorder:
    recorder = Recorder(Cloud(ACCOUNT))

    def program() -> None:
        role = Role("node", node_role(SCOPE))
        made = NodeGroup(
            "apps",
            NodeGroupArgs(
                scope=SCOPE,
                group=group(**changes),
                live={},
                cluster_name="journal-prod",
                version="1.36",
                subnet_ids=["subnet-a", "subnet-b"],
                subnet_cidrs=CIDRS,
                security_group_ids=["sg-cluster"],
                role_arn=role.arn,
                tags=TAGS,
            ),
        )
        pulumi.export("autoscaling_group", made.autoscaling_group_name)

    run(program, recorder, project="journal", stack="prod", fail_on_warnings=True)
    return recorder


@pytest.fixture(scope="module")
def recorded() -> Recorder:
    return record()


@pytest.mark.parametrize(
    ("os", "architecture", "expected"),
    [
        ("AL2023", "x86_64", "AL2023_x86_64_STANDARD"),
        ("AL2023", "arm64", "AL2023_ARM_64_STANDARD"),
        ("BOTTLEROCKET", "x86_64", "BOTTLEROCKET_x86_64"),
        ("BOTTLEROCKET", "arm64", "BOTTLEROCKET_ARM_64"),
    ],
)
def test_the_image_follows_system_and_architecture(os: str, architecture: str, expected: str) -> None:
    types = ["m7g.large"] if architecture == "arm64" else ["m7i.large"]
    assert ami_type(settings(os=os, architecture=architecture, instanceTypes=types)) == expected


FORCES = {
    "instance types": group(instanceTypes=["m7i.2xlarge"]),
    "their order": group(instanceTypes=["m7a.xlarge", "m7i.xlarge"]),
    "capacity type": group(capacityType="SPOT"),
    "operating system": group(os="BOTTLEROCKET"),
    "architecture": group(architecture="arm64", instanceTypes=["m7g.xlarge"]),
}
KEEPS = {
    "sizes": group(minSize=0, desiredSize=1, maxSize=2),
    "disk": group(diskGib=100),
    "labels": group(labels={"a": "b"}),
    "taints": group(taints=[{"key": "dedicated", "value": "all"}]),
}


@pytest.mark.parametrize("what", FORCES)
def test_the_name_changes_with_what_forces_a_replacement(what: str) -> None:
    before, after = (physical_name(SCOPE, g, CIDRS) for g in (group(), FORCES[what]))
    assert before != after
    assert re.fullmatch(r"journal-prod-apps-[0-9a-f]{8}", after)


@pytest.mark.parametrize("what", KEEPS)
def test_the_name_stays_where_eks_changes_the_group_in_place(what: str) -> None:
    assert physical_name(SCOPE, KEEPS[what], CIDRS) == physical_name(SCOPE, group(), CIDRS)


def test_other_subnets_make_another_group() -> None:
    assert physical_name(SCOPE, group(), [*CIDRS, "10.30.128.0/18"]) != physical_name(SCOPE, group(), CIDRS)


def test_names_fit() -> None:
    longest = Scope(name="journal-staging", environment="staging", account=ACCOUNT, region="eu-west-1", protect=True)
    assert len(physical_name(longest, group(name="a" * 30), CIDRS)) <= 63
    part = managed_node_groups([settings(name="a" * 20, perZone=True, desiredSize=3)], ["ap-northeast-1a"])[0]
    assert len(physical_name(longest, part, CIDRS)) <= 63


def test_the_new_group_is_made_before_the_old_one_goes(recorded: Recorder) -> None:
    made = recorded.one(GROUP)
    assert made.delete_before_replace is False
    assert made["nodeGroupName"] == physical_name(SCOPE, group(), CIDRS)


@pytest.mark.parametrize(
    ("most", "at_once", "wait"),
    [(1, (1, None), "25m"), (5, (1, None), "85m"), (6, (None, 33), "70m"), (450, (None, 33), "70m")],
)
def test_how_many_nodes_are_updated_at_once_and_how_long_that_may_take(
    most: int, at_once: tuple[int | None, int | None], wait: str
) -> None:
    made = group(minSize=0, desiredSize=0, maxSize=most)
    config = update_config(made)
    assert (config.max_unavailable, config.max_unavailable_percentage) == at_once
    assert timeouts(made).update == wait


@pytest.mark.parametrize(
    ("os", "sizes"),
    [("AL2023", {"/dev/xvda": 80}), ("BOTTLEROCKET", {"/dev/xvda": None, "/dev/xvdb": 80})],
)
def test_every_volume_is_encrypted_and_the_data_volume_has_the_size(os: str, sizes: dict[str, int | None]) -> None:
    made = {v["deviceName"]: v["ebs"] for v in record(os=os).one("LaunchTemplate")["blockDeviceMappings"]}
    assert {device: ebs.get("volumeSize") for device, ebs in made.items()} == sizes
    kinds = {(ebs["encrypted"], ebs["volumeType"], ebs["deleteOnTermination"]) for ebs in made.values()}
    assert kinds == {("true", "gp3", "true")}


def test_the_launch_template_keeps_pods_off_the_nodes_credentials(recorded: Recorder) -> None:
    template = recorded.one("LaunchTemplate")
    assert template["metadataOptions"] == {
        "httpEndpoint": "enabled",
        "httpTokens": "required",
        "httpPutResponseHopLimit": 1,
        "instanceMetadataTags": "disabled",
    }
    assert template["vpcSecurityGroupIds"] == ["sg-cluster"]
    forbidden = {"imageId", "userData", "iamInstanceProfile", "instanceType", "keyName"}
    assert not forbidden & template.inputs.keys()


def test_machines_volumes_and_interfaces_are_tagged(recorded: Recorder) -> None:
    specifications = recorded.one("LaunchTemplate")["tagSpecifications"]
    assert {s["resourceType"] for s in specifications} == {"instance", "volume", "network-interface"}
    assert all(s["tags"] == {**TAGS, "Name": "journal-prod-apps", CLUSTER_TAG: "journal-prod"} for s in specifications)


def test_the_group_takes_the_settings(recorded: Recorder) -> None:
    made = recorded.one(GROUP)
    assert made["scalingConfig"] == {"minSize": 3, "desiredSize": 4, "maxSize": 12}
    assert (made["capacityType"], made["instanceTypes"]) == ("ON_DEMAND", ["m7i.xlarge"])
    assert (made["version"], made["clusterName"]) == ("1.36", "journal-prod")
    assert made["subnetIds"] == ["subnet-a", "subnet-b"]
    assert made["nodeRepairConfig"] == {"enabled": True}
    assert made["launchTemplate"]["version"] == "1"


def test_nodes_carry_their_groups_name_and_taints() -> None:
    taints = [{"key": "dedicated", "value": "apps"}, {"key": "slow", "effect": "PREFER_NO_SCHEDULE"}]
    made = record(labels={"team": "a"}, taints=taints).one(GROUP)
    assert made["labels"] == {"team": "a", NODE_GROUP_LABEL: "apps"}
    assert made["taints"] == [
        {"key": "dedicated", "value": "apps", "effect": "NO_SCHEDULE"},
        {"key": "slow", "value": "", "effect": "PREFER_NO_SCHEDULE"},
    ]


def test_the_group_comes_after_its_roles_policies(recorded: Recorder) -> None:
    attached = recorded.all("RolePolicyAttachment")
    assert {r["policyArn"].rpartition("/")[2] for r in attached} == set(NODE_POLICIES)
    assert {r.urn for r in attached} <= recorded.dependencies_of(recorded.one(GROUP))


def export_of(answer: Any, *, preview: bool) -> Any:
    def program() -> None:
        args = NodeGroupArgs(
            scope=SCOPE,
            group=group(),
            live={},
            cluster_name="c",
            version="1.36",
            subnet_ids=["subnet-a"],
            subnet_cidrs=CIDRS,
            security_group_ids=[],
            role_arn="arn",
            tags=TAGS,
        )
        pulumi.export("name", NodeGroup("apps", args).autoscaling_group_name)

    recorder = Recorder(outputs={GROUP: answer, "LaunchTemplate": {"latestVersion": 1}})
    return run(program, recorder, project="journal", stack="prod", preview=preview).outputs["name"]


def test_the_autoscaling_group_is_the_one_that_eks_made() -> None:
    answer = {"resources": [{"autoscalingGroups": [{"name": "eks-apps-1"}]}]}
    assert export_of(answer, preview=False) == "eks-apps-1"


@pytest.mark.parametrize("answer", [{"resources": []}, {"resources": [{"autoscalingGroups": []}]}])
def test_a_group_without_an_autoscaling_group_stops_an_update_and_no_preview(answer: Any) -> None:
    assert export_of(answer, preview=True) == ""
    with pytest.raises(ProgramError, match="has no autoscaling group"):
        export_of(answer, preview=False)
