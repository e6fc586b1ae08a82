"""Settings of stacks in AWS: what can't work is refused with one clear message, before any resource."""

import copy
from datetime import date
from typing import Any

import pytest
from pulumi_aws import Region

from components import settings
from components.settings.errors import SettingsError
from components.settings.regions import zones_of
from components.settings.subnets import refuse_overlaps
from tests.conftest import ROOT, config_of, settings_of
from tools.recording import ProgramError, Recorder, run
from tools.stack import names

PROD = settings_of("prod")
TAINT = {"key": "dedicated", "value": "databases"}


def changed(changes: dict[str, Any]) -> dict[str, Any]:
    """Prod's settings with values changed by dotted path below `aws`; `...` removes one."""
    raw = copy.deepcopy(PROD)
    for path, value in changes.items():
        *parents, last = path.split(".")
        here: Any = raw["aws"]
        for part in parents:
            here = here[int(part) if part.isdigit() else part]
        if value is ...:
            del here[last]
        else:
            here[last] = value
    return raw


def group(name: str, **changes: Any) -> dict[str, Any]:
    return {"name": name, "instanceTypes": ["m7i.large"], "minSize": 1, "desiredSize": 1, "maxSize": 2, **changes}


BAD = {
    "a zone of another region": (
        {"network.zones": ["eu-central-1a", "us-east-1a"]},
        "us-east-1a is not in eu-central-1",
    ),
    "a zone that does not exist": ({"network.zones": ["eu-central-1a", "eu-central-1x"]}, "eu-central-1x is not in"),
    "a zone twice": ({"network.zones": ["eu-central-1a", "eu-central-1a"]}, "eu-central-1a is named twice"),
    "a zone in two lines": ({"network.zones": ["eu-central-1a\n", "eu-central-1b"]}, r"eu-central-1a\n is not in"),
    "one zone": ({"network.zones": ["eu-central-1a"]}, "at least 2 items"),
    "an unknown region": ({"region": "eu-central-9"}, "is no region known here"),
    "a network in the Services' addresses": ({"network.cidr": "172.20.0.0/16"}, "overlap"),
    "pods in the network's addresses": ({"network.podCidr": "10.30.0.0/18"}, "overlap"),
    "a network too small": ({"network.cidr": "10.30.0.0/26"}, "name /16 to /24"),
    "a network too large": ({"network.cidr": "10.0.0.0/8"}, "name /16 to /24"),
    "a public block": ({"network.cidr": "52.1.0.0/16"}, "is no private block"),
    "no room for the pods": ({"network.podCidr": "100.64.0.0/22"}, "full nodes fit into the subnets"),
    "no way out": ({"network.nat": "none", "network.interfaceEndpoints": ["ecr.api"]}, "leaves nodes without"),
    "no way out for the autoscaler": (
        {"network.nat": "none", "network.interfaceEndpoints": ["ecr.api", "ecr.dkr", "sts", "ec2", "eks", "eks-auth"]},
        "leaves nodes without autoscaling",
    ),
    "a size that YAML reads as a truth": ({"nodeGroups.1.minSize": True}, "is a boolean to YAML; write a number"),
    "days that YAML reads as a truth": ({"controlPlane.logDays": True}, "is a boolean to YAML; write a number"),
    "min above desired": ({"nodeGroups.1.minSize": 4}, "minSize 4, desiredSize 3"),
    "desired above max": ({"nodeGroups.1.desiredSize": 13}, "desiredSize 13, maxSize 12"),
    "sizes that zones can't share": ({"nodeGroups.1.desiredSize": 4}, "perZone divides the sizes among 3 zones"),
    "a third zone and sizes for two": ({"network.zones": ["eu-central-1a", "eu-central-1b"]}, "choose multiples of 2"),
    "volumes on a group over zones": ({"nodeGroups.1.perZone": False}, "set perZone: true"),
    "an ingress group without nodes": ({"nodeGroups.2.minSize": 0}, "set minSize to 1 or more"),
    "an ingress group a zone": ({"nodeGroups.2.perZone": True}, "the ingress controller runs on the nodes of a single"),
    "a name that leaves no room for the zone": ({"nodeGroups.1.name": "a" * 21}, "choose one of at most 20"),
    "Arm instances on an x86 group": ({"nodeGroups.1.instanceTypes": ["m7g.large"]}, "m7g.large has no x86_64"),
    "x86 instances on an Arm group": ({"nodeGroups.1.architecture": "arm64"}, "has no arm64 processor"),
    "no instance type": ({"nodeGroups.1.instanceTypes": ["large"]}, "is no instance type"),
    "two groups of one name": ({"nodeGroups": [group("apps"), group("apps"), group("ingress")]}, "named twice"),
    "no group for the ingress": ({"nodeGroups": [group("apps")]}, "no node group takes the ingress controller"),
    "taints that leave the journal nowhere": ({"nodeGroups.1.taints": [TAINT]}, "takes the journal and cert-manager"),
    "an ingress group that tolerates nobody": ({"nodeGroups.2.taints": [TAINT]}, "takes the ingress controller"),
    "a taint's effect": ({"nodeGroups.1.taints": [{"key": "a", "effect": "NoSchedule"}]}, "'NO_SCHEDULE'"),
    "an unsupported Kubernetes version": ({"controlPlane.version": "1.19"}, "is not supported here; one of"),
    "a version that YAML reads as a number": ({"controlPlane.version": 1.34}, "valid string"),
    "a version in full-width digits": ({"controlPlane.version": "\uff11.36"}, "is not supported here; one of"),
    "nobody who may mend it": ({"controlPlane.access.admins": []}, "at least one"),
    "a wrong ARN": ({"controlPlane.access.admins": ["arn:aws:s3:::bucket"]}, "is no ARN of an IAM role or user"),
    "an ARN without an account": ({"controlPlane.access.viewers": ["arn:aws:iam::role/x"]}, "is no ARN"),
    "one principal twice": (
        {"controlPlane.access.viewers": ["arn:aws:iam::111122223333:role/journal-admin"]},
        "has one access entry",
    ),
    "an API server open to the world": ({"controlPlane.publicAccessCidrs": ["0.0.0.0/0"]}, "to the world"),
    "an API server open to the world by IPv6": ({"controlPlane.publicAccessCidrs": ["::/0"]}, "to the world"),
    "an API server open to an IPv6 network": ({"controlPlane.publicAccessCidrs": ["2001:db8::/32"]}, "is IPv6, which"),
    "half of the world": ({"controlPlane.publicAccessCidrs": ["0.0.0.0/1"]}, "to the world"),
    "log retention that AWS has not": ({"controlPlane.logDays": 42}, "1, 3, 5"),
    "two backups of a volume at once": (
        {"backup.schedule": "cron(0 6 * * ? *)"},
        "schedule and volumeSchedule are both cron(0 6 * * ? *)",
    ),
    "a schedule of volumes": ({"backup.volumeSchedule": "daily"}, "as an EventBridge cron expression"),
    "copies in the same region": ({"backup.copyToRegion": "eu-central-1"}, "is the stack's own region"),
    "copies in no region": ({"backup.copyToRegion": "eu-central-9"}, "is no region known here"),
    "copies kept for no time": ({"backup.copyRetentionDays": 0}, "greater than or equal to 1"),
    "copies kept nowhere": (
        {"backup.copyToRegion": ..., "backup.copyRetentionDays": 90},
        "copyRetentionDays 90 without copyToRegion",
    ),
    "an account's alias": ({"account": "my-account"}, "write its 12 digits in quotes"),
    "an account read as a number": ({"account": 111122223333}, "put it in quotes"),
    "an account in full-width digits": ({"account": "\uff11" * 12}, "write its 12 digits"),
    "an account of 13 digits": ({"account": "1" * 13}, "write its 12 digits"),
    "a Chinese region": ({"region": "cn-north-1"}, "is no region known here"),
    "no room for the nodes": (
        {"network.cidr": "10.30.0.0/24", "nodeGroups.1.maxSize": 120},
        "its private subnets have addresses for 105 nodes, the node groups may have 141",
    ),
    "an endpoint twice": ({"network.interfaceEndpoints": ["sts", "sts"]}, "sts is named twice"),
    "a log type twice": ({"controlPlane.logTypes": ["api", "api"]}, "api is named twice"),
    "an instance type misspelt": ({"nodeGroups.1.instanceTypes": ["m7i.larg"]}, "is no instance type"),
    "an instance type twice": ({"nodeGroups.1.instanceTypes": ["m7i.large"] * 2}, "m7i.large is named twice"),
    "an instance type in full-width digits": (
        {"nodeGroups.1.instanceTypes": ["m\uff17i.large"]},
        "is no instance type",
    ),
    "an admin twice": (
        {"controlPlane.access.admins": ["arn:aws:iam::111122223333:role/a"] * 2},
        "role/a is named twice",
    ),
    "a taint twice": ({"nodeGroups.0.taints": [TAINT, {**TAINT, "value": "b"}]}, "named twice with one effect"),
    "an API server open to a private network": ({"controlPlane.publicAccessCidrs": ["10.0.0.0/8"]}, "is private"),
    "an API server open to shared addresses": ({"controlPlane.publicAccessCidrs": ["100.64.0.0/16"]}, "is private"),
    "an API server open to the machine itself": ({"controlPlane.publicAccessCidrs": ["127.0.0.0/8"]}, "is private"),
    "an API server open to what contains a private network": (
        {"controlPlane.publicAccessCidrs": ["172.0.0.0/8"]},
        "172.0.0.0/8 is private",
    ),
    "an API server open to a network twice": (
        {"controlPlane.publicAccessCidrs": ["203.0.113.0/24", "203.0.113.0/24"]},
        "203.0.113.0/24 is named twice",
    ),
    "more networks than EKS takes": (
        {"controlPlane.publicAccessCidrs": [f"203.0.{n}.0/24" for n in range(41)]},
        "at most 40 items",
    ),
    "a stack without its project": ({"sharedStack": "shared"}, "write ORGANIZATION/PROJECT/STACK"),
    "a stack that no file can be named after": ({"sharedStack": "a/b/c\0"}, "write ORGANIZATION/PROJECT/STACK"),
    "a schedule": ({"backup.schedule": "daily"}, "as an EventBridge cron expression"),
    "a tag of ours in another case": ({"tags": {"project": "x"}}, "'project' is the program's own Project"),
    "a tag of ours": ({"tags": {"Environment": "x"}}, "is the program's own Environment"),
    "a tag that names things": ({"tags": {"name": "x"}}, "is the program's own Name"),
    "a tag of AWS": ({"tags": {"aws:team": "x"}}, "begins with aws:, which is reserved"),
    "a tag of AWS in another case": ({"tags": {"AWS:team": "x"}}, "begins with aws:, which is reserved"),
    "a tag of Kubernetes": ({"tags": {"kubernetes.io/cluster/x": "owned"}}, "which is reserved"),
    "a tag without a key": ({"tags": {"": "x"}}, "its key is empty"),
    "a tag without a value": ({"tags": {"team": ""}}, "its value is empty"),
    "a tag with spaces around it": ({"tags": {"team ": "x"}}, "spaces around it"),
    "a tag in two lines": ({"tags": {"team": "a\nb"}}, r"has '\n'"),
    "a tag with a character that AWS refuses": ({"tags": {"team": "a,b"}}, "has ','"),
    "a tag too long": ({"tags": {"team": "x" * 257}}, "has 257 characters; AWS takes 256"),
    "a tag's key too long": ({"tags": {"x" * 129: "x"}}, "has 129 characters; AWS takes 128"),
    "tags that differ in case": ({"tags": {"team": "a", "Team": "b"}}, "differ in their case alone"),
    "too many tags": ({"tags": {f"t{n}": "x" for n in range(41)}}, "are 41 tags"),
    "a tag's value that YAML reads as a number": ({"tags": {"cost": 42}}, "put it in quotes"),
    "a tag's value that YAML reads as a date": ({"tags": {"since": date(2026, 1, 1)}}, "put it in quotes"),
    "a label of Kubernetes": ({"nodeGroups.1.labels": {"kubernetes.io/role": "x"}}, "which EKS keeps for itself"),
    "a label of a part of Kubernetes": ({"nodeGroups.1.labels": {"node.kubernetes.io/x": "x"}}, "EKS keeps for itself"),
    "a label of EKS": ({"nodeGroups.1.labels": {"eks.amazonaws.com/x": "x"}}, "which EKS keeps for itself"),
    "a label of ours": ({"nodeGroups.1.labels": {"journal/node-group": "x"}}, "is set to the group's name"),
    "a label too long": ({"nodeGroups.1.labels": {f"example.com/{'x' * 52}": "x"}}, "has 64 characters, EKS takes 63"),
    "a label without a key": ({"nodeGroups.1.labels": {"": "x"}}, "is no key"),
    "a label with a space": ({"nodeGroups.1.labels": {"a b": "x"}}, "is no key"),
    "a label with two slashes": ({"nodeGroups.1.labels": {"a/b/c": "x"}}, "is no key"),
    "a label with a wrong prefix": ({"nodeGroups.1.labels": {"Example.com/b": "x"}}, "is no key"),
    "a label's value too long": ({"nodeGroups.1.labels": {"team": "x" * 64}}, "is no value; write 1 to 63"),
    "a label without a value": ({"nodeGroups.1.labels": {"team": ""}}, "is no value; write 1 to 63"),
    "a label's value with a space": ({"nodeGroups.1.labels": {"team": "a b"}}, "is no value"),
    "a label's value that YAML reads as a truth": ({"nodeGroups.1.labels": {"spot": True}}, "put it in quotes"),
    "no node for the add-ons": (
        {"nodeGroups.0.minSize": 0, "nodeGroups.1.minSize": 0},
        "no node group that takes the cluster's add-ons keeps a node",
    ),
    "an admin of another partition": (
        {"controlPlane.access.admins": ["arn:aws-cn:iam::111122223333:role/x"]},
        "is no ARN of an IAM role or user",
    ),
    "an admin without a name": ({"controlPlane.access.admins": ["arn:aws:iam::111122223333:role/a/"]}, "is no ARN"),
    "an admin with an empty path": (
        {"controlPlane.access.admins": ["arn:aws:iam::111122223333:role/a//b"]},
        "is no ARN",
    ),
    "a taint of Kubernetes": (
        {"nodeGroups.0.taints": [{"key": "node.kubernetes.io/x"}]},
        "which EKS keeps for itself",
    ),
    "a taint without a key": ({"nodeGroups.0.taints": [{"key": ""}]}, "is no key"),
    "a taint's value with a space": ({"nodeGroups.0.taints": [{"key": "a", "value": "b c"}]}, "is no value"),
    "a group's name": ({"nodeGroups.1.name": "Apps"}, "is no name in Kubernetes"),
    "an unknown key": ({"network.natGateways": 3}, "unknown key"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_work_is_refused_with_one_message(case: str) -> None:
    changes, message = BAD[case]
    with pytest.raises(SettingsError) as caught:
        settings.parse(changed(changes))
    heading, *lines = str(caught.value).splitlines()
    assert heading == "1 mistake in the stack's settings:", str(caught.value)
    assert message in lines[0]
    assert lines[0].strip().startswith("journal:aws")


def test_nothing_is_registered_then() -> None:
    recorder = Recorder()
    config = {f"journal:{key}": value for key, value in changed({"network.zones": ["eu-central-1x"] * 2}).items()}
    with pytest.raises(ProgramError, match="eu-central-1x is named twice"):
        run(ROOT, recorder, project="journal", stack="prod", config=config)
    assert recorder.registrations == []


SIZES_FOR_TWO_ZONES = {"nodeGroups.1.minSize": 2, "nodeGroups.1.desiredSize": 2, "backup.copyToRegion": None}
REGIONS = [r.value for r in Region if not r.value.startswith(("cn-", "us-gov-", "us-iso", "eu-iso", "eusc-"))]


@pytest.mark.parametrize("region", REGIONS)
def test_every_commercial_region_is_known(region: str) -> None:
    zones = zones_of(region)[:2]
    parsed = settings.parse(changed({"region": region, "network.zones": zones, **SIZES_FOR_TWO_ZONES}))
    assert isinstance(parsed, settings.Settings)
    assert parsed.aws is not None
    assert parsed.aws.network.zones == zones


@pytest.mark.parametrize(
    "change",
    [
        {"network.podCidr": "198.19.0.0/16"},
        {"tags": {"team": "web", "cost-center": "a/b: c = d+e@f", "Abteilung": "Prüfung 1"}},
        {"nodeGroups.1.labels": {"team": "web", "example.com/tier": "A_b.c-1"}},
        {"nodeGroups.1.taints": [{"key": "slow", "effect": "PREFER_NO_SCHEDULE"}]},
        {"controlPlane.publicAccessCidrs": ["203.0.113.0/24", "8.8.8.8/32"]},
        {"controlPlane.access.viewers": ["arn:aws:iam::111122223333:role/journal-shared-deploy-dev"]},
        {
            "controlPlane.access.viewers": [
                "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/AWSReserved_a"
            ]
        },
        {"nodeGroups.0.minSize": 0},
        {"nodeGroups.1.minSize": 0},
    ],
)
def test_what_can_work_is_taken(change: dict[str, Any]) -> None:
    settings.parse(changed(change))


GITHUB = {"repository": "acme/journal", "ownerId": 12, "repositoryId": 34}


@pytest.mark.parametrize(
    ("github", "message"),
    [
        (
            {"repository": "acme/journal"},
            r"subject ids needs ownerId and repositoryId; set what `gh api repos/acme/jou",
        ),
        ({"repository": "acme/journal", "ownerId": 12}, "subject ids needs repositoryId; set what"),
        ({**GITHUB, "ownerId": 0}, "greater than or equal to 1"),
        ({**GITHUB, "ownerId": "12"}, "valid integer"),
        ({**GITHUB, "repositoryId": True}, "valid integer"),
        ({**GITHUB, "subject": "repo:acme/*"}, "'ids' or 'names'"),
        ({**GITHUB, "repository": "acme/*"}, "does not have its form"),
        ({**GITHUB, "repository": "acme@12/journal@34"}, "does not have its form"),
        ({**GITHUB, "repository": "-acme/journal"}, "does not have its form"),
        ({**GITHUB, "repository": "acme/.."}, "names no repository"),
    ],
)
def test_a_repository_that_no_trust_can_name_is_refused(github: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        settings.parse({**settings_of("shared"), "github": github})


def test_a_repository_may_be_a_managed_users() -> None:
    """GitHub Enterprise: the name of a managed user ends with an underscore and a short code."""
    settings.parse({**settings_of("shared"), "github": {**GITHUB, "repository": "mona_acme/journal"}})


def test_a_repository_that_sends_names_needs_no_ids() -> None:
    github = {"repository": "acme/journal", "subject": "names"}
    assert settings.parse({**settings_of("shared"), "github": github}).environment == "shared"


def test_every_file_of_the_project_is_right() -> None:
    kinds = {name: settings.parse(settings_of(name)).environment for name in names()}
    assert kinds == {name: name for name in ("local", "shared", "dev", "staging", "prod")}


@pytest.mark.parametrize("name", ["shared", "dev", "staging", "prod"])
def test_cloud_stacks_keep_secrets_by_a_key_in_aws(name: str) -> None:
    text = (ROOT / f"Pulumi.{name}.yaml").read_text()
    assert f"secretsprovider: awskms://alias/journal-pulumi?region=eu-central-1&context_stack={name}\n" in text
    assert config_of(name)["pulumi:disable-default-providers"] == ["*"]


def test_backups_are_copied_into_regions_that_stack_shared_names() -> None:
    """Its boundary lets no role act elsewhere."""
    wanted = {config_of(name)["journal:aws"]["backup"].get("copyToRegion") for name in ("dev", "staging", "prod")}
    assert wanted - {None} == set(config_of("shared")["journal:copyRegions"])


def test_the_environments_networks_do_not_overlap() -> None:
    blocks = {name: config_of(name)["journal:aws"]["network"]["cidr"] for name in ("dev", "staging", "prod")}
    assert len(set(blocks.values())) == 3
    refuse_overlaps(blocks)
