"""What holds for stacks in AWS: each whole, over all that its program registers."""

import json
from collections import Counter
from collections.abc import Callable

import pytest

from components.aws.scope import Scope, default_tags
from tests.conftest import Recording, config_of, record
from tools.resource import Resource

ENVIRONMENTS = ("dev", "staging", "prod")
KEEPS_DATA = {"Key", "Vault", "Cluster", "Zone", "Repository", "LogGroup"}


@pytest.fixture(params=("shared", *ENVIRONMENTS))
def stack(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(params=ENVIRONMENTS)
def environment(request: pytest.FixtureRequest, recorded: Callable[[str], Recording]) -> tuple[str, Recording]:
    return request.param, recorded(request.param)


def aws(recording: Recording) -> list[Resource]:
    return [r for r in recording.registrations if r.package == "aws" and r.custom and r.kind != "Provider"]


def groups(recording: Recording) -> list[Resource]:
    return recording.of_type("aws:eks/nodeGroup:NodeGroup")


def test_the_provider_refuses_other_accounts_and_tags_everything(recording: Recording, stack: str) -> None:
    provider = recording.one("pulumi:providers:aws", "aws")
    settings = config_of(stack)["journal:aws"]
    assert json.loads(provider["allowedAccountIds"]) == [settings["account"]]
    assert provider["region"] == settings["region"]
    assert json.loads(provider["defaultTags"])["tags"] == {
        "Project": "journal",
        "Environment": stack,
        "ManagedBy": "pulumi",
    }


def test_a_stacks_own_tags_cannot_replace_ours() -> None:
    scope = Scope(name="journal-dev", environment="dev", account="1" * 12, region="eu-central-1", protect=False)
    assert default_tags(scope, {"Environment": "prod", "team": "web"})["Environment"] == "dev"
    assert default_tags(scope, {"team": "web"})["team"] == "web"


def test_everything_names_its_provider(recording: Recording) -> None:
    made = [r for r in recording.registrations if r.custom and r.package != "pulumi"]
    assert made
    for r in made:
        assert r.provider is not None, r.label
        assert not r.provider.name.startswith("default"), r.label


def test_what_holds_data_is_protected_where_the_stack_says_so(recording: Recording, stack: str) -> None:
    wanted = stack in ("prod", "shared")
    held = [r for r in aws(recording) if r.kind in KEEPS_DATA]
    assert held
    assert {r.label: r.protect for r in held} == {r.label: wanted for r in held}


def test_physical_names_begin_with_the_stacks(recording: Recording, stack: str) -> None:
    kinds = ("Role", "Policy", "Cluster", "NodeGroup", "LoadBalancer", "TargetGroup", "Bucket", "Vault")
    named = [r for r in aws(recording) if r.kind in kinds]
    prefix = "journal" if stack == "shared" else f"journal-{stack}"
    assert named
    for r in named:
        name = r.inputs.get("nodeGroupName", r.inputs.get("bucket", r.inputs.get("name", "")))
        assert name.startswith(prefix), r.label


def test_images_of_ours_come_from_the_shared_registry(environment: tuple[str, Recording]) -> None:
    _, recording = environment
    for tier in ("frontend", "fileserver"):
        (container,) = recording.one("Deployment", tier)["spec"]["template"]["spec"]["containers"]
        assert container["image"].startswith(f"111122223333.dkr.ecr.eu-central-1.amazonaws.com/journal/{tier}:v")


def configuration(recording: Recording) -> dict[str, str]:
    (config,) = [r for r in recording.of_type("ConfigMap") if r.name.startswith("frontend-config-v1-")]
    return config["data"]


def test_errors_are_reported_from_prod_alone(environment: tuple[str, Recording]) -> None:
    name, recording = environment
    data = configuration(recording)
    assert ("SENTRY_DSN" in data) == (name == "prod")


def test_cross_origins_are_numbered(recorded: Callable[[str], Recording]) -> None:
    data = configuration(recorded("prod"))
    origins = {key: value for key, value in data.items() if key.startswith("WEB__")}
    assert origins == {
        "WEB__CROSS_ORIGIN__0": "https://kbp-sample.com",
        "WEB__CROSS_ORIGIN__1": "https://www.kbp-sample.com",
    }


def test_dev_is_small_and_prod_is_not(recorded: Callable[[str], Recording]) -> None:
    dev, staging, prod = (recorded(name) for name in ENVIRONMENTS)
    assert [len(r.all("NatGateway")) for r in (dev, staging, prod)] == [1, 3, 3]
    assert {g["capacityType"] for g in groups(dev)} == {"SPOT"}
    assert {g["capacityType"] for g in groups(prod)} == {"ON_DEMAND"}
    assert {len(g["subnetIds"]) for g in groups(prod) if not g.name.startswith("apps-")} == {3}
    assert not prod.one("aws:eks/cluster:Cluster")["vpcConfig"]["endpointPublicAccess"]


def test_staging_has_prods_shape(recorded: Callable[[str], Recording]) -> None:
    """The same but for what prod's settings add: alarms, subnets for pods, restore tests, copies of backups."""
    without_alarms = record("prod", aws={**config_of("prod")["journal:aws"], "alarms": None})
    staging, prod = (Counter(r.type for r in made.registrations) for made in (recorded("staging"), without_alarms))
    assert staging <= prod
    assert {kind.rpartition(":")[2] for kind in prod - staging} == {
        "Alias",
        "EncryptionKey",
        "Key",
        "RestoreTestingPlan",
        "RestoreTestingSelection",
        "RouteTableAssociation",
        "SecurityGroupIngressRule",
        "Subnet",
        "Vault",
        "VpcIpv4CidrBlockAssociation",
        "aws",
    }


def test_a_node_group_that_must_be_replaced_gets_a_new_name_first(recorded: Callable[[str], Recording]) -> None:
    settings = config_of("prod")["journal:aws"]
    wanted = [{**g, "instanceTypes": ["m7a.xlarge"]} if g["name"] == "apps" else g for g in settings["nodeGroups"]]
    changed = record("prod", aws={**settings, "nodeGroups": wanted})
    before, after = (
        {g.name: g["nodeGroupName"] for g in groups(recording)} for recording in (recorded("prod"), changed)
    )
    assert {name for name in before if before[name] != after[name]} == {f"apps-eu-central-1{z}" for z in "abc"}
    assert {g.delete_before_replace for g in groups(changed)} == {False}


def test_the_ingress_nodes_and_they_alone_are_targets(environment: tuple[str, Recording]) -> None:
    _, recording = environment
    ingress = next(g for g in groups(recording) if g.name == "ingress")
    attachments = recording.all("Attachment")
    assert len(attachments) == 2
    for attachment in attachments:
        assert f"eks-{ingress['nodeGroupName']}-" in attachment["autoscalingGroupName"]
