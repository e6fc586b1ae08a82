"""What the doctor makes of an account's answers."""

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

import dns.exception
import dns.resolver
import pytest

from components.settings.shared import PulumiStateSettings
from tools.doctor import checks, name_servers, usage
from tools.doctor.account import CouldNotAsk, NotThere
from tools.doctor.findings import Finding, Verdict
from tools.doctor.quotas import ELASTIC_IPS, GP3, NAT_GATEWAYS, ON_DEMAND, SPOT, Slot, Usage

TODAY = datetime.date(2026, 11, 27)
OK, WARNING, PROBLEM = Verdict.OK, Verdict.WARNING, Verdict.PROBLEM


class Answers:
    """Answers each operation with what a test gives. asked: the parameters by operation."""

    def __init__(self, **answers: Mapping[str, Any]) -> None:
        self._answers = answers
        self.asked: dict[str, Mapping[str, Any]] = {}

    def ask(self, service: str, operation: str, *, region: str = "", **parameters: Any) -> Mapping[str, Any]:
        self.asked[operation] = parameters
        return self._answers[operation]


def version(status: str, end: str) -> list[Mapping[str, Any]]:
    day = datetime.datetime.fromisoformat(end).replace(tzinfo=datetime.UTC)
    return [{"clusterVersion": "1.36", "versionStatus": status, "endOfStandardSupportDate": day}]


@pytest.mark.parametrize(
    ("support", "offered", "verdict", "says"),
    [
        ("STANDARD", version("STANDARD_SUPPORT", "2027-08-01"), OK, "in standard support until 2027-08-01"),
        ("STANDARD", version("STANDARD_SUPPORT", "2027-02-25"), WARNING, "standard support ends on 2027-02-25"),
        (
            "STANDARD",
            version("EXTENDED_SUPPORT", "2026-11-01"),
            PROBLEM,
            "ended on 2026-11-01, and controlPlane.support",
        ),
        ("EXTENDED", version("EXTENDED_SUPPORT", "2026-11-01"), WARNING, "extended support costs six times as much"),
        ("EXTENDED", version("UNSUPPORTED", "2025-11-01"), PROBLEM, "EKS does not offer it"),
        ("STANDARD", [], PROBLEM, "EKS does not offer it"),
        ("STANDARD", [{"clusterVersion": "1.36", "versionStatus": "STANDARD_SUPPORT"}], OK, "in standard support"),
    ],
)
def test_the_versions_support(support: str, offered: list[Mapping[str, Any]], verdict: Verdict, says: str) -> None:
    found = checks.judged_version("1.36", support, offered, TODAY)
    assert found.verdict is verdict
    assert says in found.says
    assert bool(found.remedy) == (verdict is not OK)


def offer(*versions: str, default: str = "") -> list[Mapping[str, Any]]:
    fits = [
        {"addonVersion": v, "compatibilities": [{"clusterVersion": "1.36", "defaultVersion": v == default}]}
        for v in versions
    ]
    return [{"addonName": "coredns", "addonVersions": fits}]


@pytest.mark.parametrize(
    ("offered", "verdict", "remedy"),
    [
        (offer("v2", "v1"), OK, ""),
        (offer("v3", "v2", default="v2"), PROBLEM, "In components/versions.py, put coredns of 1.36 to v2."),
        (offer("v3", "v2"), PROBLEM, "In components/versions.py, put coredns of 1.36 to v3."),
        ([], PROBLEM, "Remove the add-on."),
    ],
)
def test_a_pinned_add_on_is_offered(offered: list[Mapping[str, Any]], verdict: Verdict, remedy: str) -> None:
    found = checks.judged_add_on("coredns", "v1", "1.36", offered)
    assert (found.verdict, found.remedy) == (verdict, remedy)


def zone(name: str, state: str = "available", kind: str = "availability-zone", id: str = "") -> dict[str, str]:
    return {"ZoneName": name, "State": state, "ZoneType": kind, "ZoneId": id or f"use1-{name}"}


@pytest.mark.parametrize(
    ("known", "says"),
    [
        ([zone("a"), zone("b"), zone("c")], [(OK, "a, b: available")]),
        ([zone("a"), zone("c")], [(PROBLEM, "the account does not have it")]),
        ([zone("a"), zone("b", kind="local-zone")], [(PROBLEM, "the account does not have it")]),
        ([zone("a"), zone("b", "impaired")], [(PROBLEM, "its state is impaired")]),
        ([zone("a"), zone("b", id="use1-az3")], [(PROBLEM, "it is use1-az3, in which EKS makes no control plane")]),
        ([], [(PROBLEM, "the account does not have it")] * 2),
    ],
)
def test_zones(known: list[dict[str, str]], says: list[tuple[Verdict, str]]) -> None:
    assert [(f.verdict, f.says) for f in checks.judged_zones(["a", "b"], known)] == says


@pytest.mark.parametrize("zone_id", ["use1-az3", "usw1-az2", "cac1-az3"])
def test_a_zone_in_which_eks_makes_no_control_plane_is_refused(zone_id: str) -> None:
    (found,) = checks.judged_zones(["a"], [zone("a", id=zone_id), zone("b")])
    assert (found.verdict, found.says) == (PROBLEM, f"it is {zone_id}, in which EKS makes no control plane")


def test_a_zone_that_eks_does_not_use_is_not_named_instead() -> None:
    (found,) = checks.judged_zones(["d"], [zone("a"), zone("b", id="use1-az3"), zone("c")])
    assert found.remedy == "Name other zones in network.zones: a, c."


@pytest.mark.parametrize(
    ("types", "offered", "found"),
    [
        (["m"], {("m", "a"), ("m", "b")}, [(OK, "offered in every zone")]),
        (["m"], {("m", "a")}, [(PROBLEM, "b has no m")]),
        (["m", "n"], {("m", "a"), ("n", "a"), ("m", "b")}, [(WARNING, "b has no n")]),
        (["m", "n"], {("m", "a"), ("n", "a")}, [(PROBLEM, "b has no m and no n")]),
    ],
)
def test_instance_types(types: Sequence[str], offered: set[tuple[str, str]], found: list[tuple[Verdict, str]]) -> None:
    judged = checks.judged_types({"apps": (types, ["a", "b"])}, offered)
    assert [(f.verdict, f.says) for f in judged] == found


FOLDER = ".pulumi/stacks/journal/"


@pytest.mark.parametrize(
    ("keys", "verdict"),
    [
        ([f"{FOLDER}dev.json", f"{FOLDER}prod.json"], OK),
        ([f"{FOLDER}dev.json.gz", f"{FOLDER}prod.json.gz"], OK),
        ([f"{FOLDER}dev.json"], PROBLEM),
        ([], PROBLEM),
    ],
)
def test_the_bucket_holds_the_stacks(keys: list[str], verdict: Verdict) -> None:
    (found,) = checks.judged_state("bucket b", keys, ["dev", "prod"])
    assert found.verdict is verdict


SERVERS = frozenset({"ns-1.awsdns-1.com", "ns-2.awsdns-2.net"})


@pytest.mark.parametrize(
    ("public", "verdict", "says"),
    [
        (SERVERS, OK, "public DNS asks the zone's name servers"),
        (frozenset(), PROBLEM, "public DNS knows no name servers of it"),
        (frozenset({"ns.registrar.example"}), PROBLEM, "public DNS asks ns.registrar.example"),
        (SERVERS | {"ns.registrar.example"}, PROBLEM, "public DNS asks ns-1.awsdns-1.com, ns-2"),
    ],
)
def test_the_world_asks_the_zones_servers(public: frozenset[str], verdict: Verdict, says: str) -> None:
    found = name_servers.judged("example.com", SERVERS, public)
    assert found.verdict is verdict
    assert found.says.startswith(says)
    assert ("ns-1.awsdns-1.com, ns-2.awsdns-2.net" in found.remedy) == (verdict is PROBLEM)


def test_only_the_public_zone_of_that_very_name_counts() -> None:
    zones = [
        {"Id": "/hostedzone/Z1", "Name": "example.com.", "Config": {"PrivateZone": True}},
        {"Id": "/hostedzone/Z2", "Name": "www.example.com."},
    ]
    none = Answers(ListHostedZonesByName={"HostedZones": zones})
    assert name_servers.zone_servers(none, "example.com") == frozenset()
    public = {"Id": "/hostedzone/Z3", "Name": "example.com.", "Config": {"PrivateZone": False}}
    one = Answers(
        ListHostedZonesByName={"HostedZones": [*zones, public]},
        GetHostedZone={"DelegationSet": {"NameServers": ["NS-1.awsdns-1.com.", "ns-2.awsdns-2.net"]}},
    )
    assert name_servers.zone_servers(one, "example.com") == SERVERS


def test_a_zone_that_the_stack_makes_may_be_missing() -> None:
    none = Answers(ListHostedZonesByName={"HostedZones": []})
    assert name_servers.check(none, "example.com", is_shared=True) == []
    (found,) = name_servers.check(none, "example.com", is_shared=False)
    assert (found.verdict, found.remedy) == (PROBLEM, "Deploy it first: pulumi up -s shared.")


@pytest.mark.parametrize("error", [dns.resolver.NXDOMAIN(), dns.resolver.NoAnswer(), dns.resolver.NoNameservers()])
def test_a_domain_that_dns_does_not_know_has_no_servers(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dns.resolver, "resolve", _raises(error))
    assert name_servers.public_servers("example.com") == frozenset()


@pytest.mark.parametrize("error", [dns.exception.Timeout(), dns.resolver.NoResolverConfiguration(), OSError("no way")])
def test_no_answer_of_dns_is_said(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dns.resolver, "resolve", _raises(error))
    with pytest.raises(CouldNotAsk, match="no answer from DNS"):
        name_servers.public_servers("example.com")


def _raises(error: Exception) -> Any:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    return fail


def test_a_principal_of_another_account_is_not_asked_after() -> None:
    arn = "arn:aws:iam::999999999999:role/auditor"
    assert checks.principal(Answers(), arn, "111122223333") == [
        Finding("principal role/auditor", Verdict.UNKNOWN, "is of another account", "Look there whether it exists.")
    ]


@pytest.mark.parametrize(
    ("arn", "found", "verdict"),
    [
        ("arn:aws:iam::111122223333:role/ops/admin", "arn:aws:iam::111122223333:role/ops/admin", OK),
        ("arn:aws:iam::111122223333:role/admin", "arn:aws:iam::111122223333:role/ops/admin", PROBLEM),
    ],
)
def test_a_principal_is_the_one_of_that_path(arn: str, found: str, verdict: Verdict) -> None:
    account = Answers(GetRole={"Role": {"Arn": found}})
    assert checks.principal(account, arn, "111122223333")[0].verdict is verdict


class Nowhere:
    def ask(self, service: str, operation: str, *, region: str = "", **parameters: Any) -> Mapping[str, Any]:
        raise NotThere("no")


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("journal-shared-deploy-prod", "Deploy it first: pulumi up -s shared."),
        ("journal-admin", "Create it (docs/aws.md, Create the roles of people)."),
    ],
)
def test_a_missing_principal_is_made_by_who_makes_it(name: str, remedy: str) -> None:
    (found,) = checks.principal(Nowhere(), f"arn:aws:iam::111122223333:role/{name}", "111122223333")
    assert (found.verdict, found.remedy) == (PROBLEM, remedy)


@pytest.mark.parametrize(
    ("state_of_key", "command"),
    [
        ("PendingDeletion", "aws kms cancel-key-deletion --key-id k --region eu-central-1 && aws kms enable-key"),
        ("Disabled", "aws kms enable-key --key-id k --region eu-central-1"),
    ],
)
def test_a_key_that_cannot_be_used_is_no_key(state_of_key: str, command: str) -> None:
    state = PulumiStateSettings.model_validate({"bucket": "bucket", "keyAlias": "alias/journal-pulumi"})
    account = Answers(DescribeKey={"KeyMetadata": {"KeyId": "k", "KeyState": state_of_key}})
    (found,) = checks.state_key(account, state, "eu-central-1")
    assert (found.verdict, found.says) == (PROBLEM, f"its state is {state_of_key}")
    assert found.remedy.startswith(command)


def ours(environment: str) -> list[dict[str, str]]:
    return [{"Key": "Project", "Value": "journal"}, {"Key": "Environment", "Value": environment}]


def test_usage_is_counted_and_ours_told_apart() -> None:
    account = Answers(
        DescribeAddresses={"Addresses": [{}, {"Tags": ours("dev")}, {"Tags": ours("prod")}, {"Tags": ours("prod")}]},
        DescribeSubnets={"Subnets": [{"SubnetId": f"subnet-{z}", "AvailabilityZone": z} for z in ("a", "b")]},
        DescribeNatGateways={"NatGateways": [{"SubnetId": "subnet-a", "Tags": ours("dev")}, {"SubnetId": "subnet-a"}]},
    )
    assert usage.elastic_ips(account) == {Slot(ELASTIC_IPS): Usage(4, {"dev": 1, "prod": 2})}
    assert usage.nat_gateways(account) == {
        Slot(NAT_GATEWAYS, "a"): Usage(2, {"dev": 1}),
        Slot(NAT_GATEWAYS, "b"): Usage(0),
    }
    (states,) = account.asked["DescribeNatGateways"]["Filter"]
    assert states == {"Name": "state", "Values": ["pending", "available", "deleting"]}, "a deleted one counts no more"


def test_vcpus_in_use_are_those_of_standard_instances_by_market() -> None:
    large, xlarge = {"CoreCount": 1, "ThreadsPerCore": 2}, {"CoreCount": 2, "ThreadsPerCore": 2}
    instances = [
        {"InstanceType": "m7i.large", "CpuOptions": large, "Tags": ours("prod")},
        {"InstanceType": "m7i.xlarge", "CpuOptions": xlarge},
        {"InstanceType": "t3.large", "CpuOptions": large, "InstanceLifecycle": "spot", "Tags": ours("dev")},
        {"InstanceType": "g6.xlarge", "CpuOptions": xlarge},
    ]
    account = Answers(DescribeInstances={"Reservations": [{"Instances": instances}]})
    found = usage.vcpus(account)
    (states,) = account.asked["DescribeInstances"]["Filters"]
    assert states == {"Name": "instance-state-name", "Values": ["pending", "running"]}, "a stopped one takes no quota"
    assert found == {Slot(ON_DEMAND): Usage(6, {"prod": 2}), Slot(SPOT): Usage(2, {"dev": 2})}


def test_volumes_in_use_are_those_of_gp3_in_tebibytes() -> None:
    account = Answers(DescribeVolumes={"Volumes": [{"Size": 2048}, {"Size": 512, "Tags": ours("prod")}]})
    assert usage.gp3(account) == {Slot(GP3): Usage(2.5, {"prod": 0.5})}
    assert account.asked["DescribeVolumes"]["Filters"] == [{"Name": "volume-type", "Values": ["gp3"]}]
