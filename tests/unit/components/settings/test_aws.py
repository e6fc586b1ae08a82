"""Settings of stacks in AWS: what can't work is refused with one clear message, before any resource."""

import copy
from typing import Any

import pytest

from components import settings
from components.settings.errors import SettingsError
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
    "a zone twice": ({"network.zones": ["eu-central-1a", "eu-central-1a"]}, "name each zone once"),
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
    "an account's alias": ({"account": "my-account"}, "match pattern"),
    "an account read as a number": ({"account": 111122223333}, "valid string"),
    "a schedule": ({"backup.schedule": "daily"}, "match pattern"),
    "two backups of a volume at once": (
        {"backup.schedule": "cron(0 6 * * ? *)"},
        "schedule and volumeSchedule are both cron(0 6 * * ? *)",
    ),
    "a schedule of volumes": ({"backup.volumeSchedule": "daily"}, "match pattern"),
    "copies in the same region": ({"backup.copyToRegion": "eu-central-1"}, "is the stack's own region"),
    "copies in no region": ({"backup.copyToRegion": "eu-central-9"}, "is no region known here"),
    "copies kept for no time": ({"backup.copyRetentionDays": 0}, "greater than or equal to 1"),
    "copies kept nowhere": (
        {"backup.copyToRegion": ..., "backup.copyRetentionDays": 90},
        "copyRetentionDays 90 without copyToRegion",
    ),
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
    with pytest.raises(ProgramError, match="name each zone once"):
        run(ROOT, recorder, project="journal", stack="prod", config=config)
    assert recorder.registrations == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cluster": {"context": "x"}}, "cluster and aws are both named"),
        ({"frontend": {**PROD["frontend"], "image": "ghcr.io/journal/frontend:v1"}}, "names a registry"),
        ({"environment": "staging", "host": "journal.staging.kbp-sample.com"}, "sentryDsn in staging"),
        ({"environment": "dev", "sentryDsn": None, "configHistory": []}, "its role may not touch that name"),
        ({"sentryDsn": "https://sentry.example/1"}, "is no Sentry DSN"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        settings.parse({**PROD, **change})


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
        ({**GITHUB, "repository": "acme/*"}, "should match pattern"),
        ({**GITHUB, "repository": "acme@12/journal@34"}, "should match pattern"),
    ],
)
def test_a_repository_that_no_trust_can_name_is_refused(github: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        settings.parse({**settings_of("shared"), "github": github})


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
