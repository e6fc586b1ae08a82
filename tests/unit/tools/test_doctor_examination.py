"""The whole examination, against an account whose every question and answer has the shapes of AWS's own models."""

import datetime
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator
from typer.testing import CliRunner

from components import versions
from tools import cli
from tools.doctor import examination, name_servers, stacks
from tools.doctor.account import READ_ONLY, Asks, BadCredentials, CouldNotAsk, NotThere, sign_in
from tools.doctor.examination import examine
from tools.doctor.findings import Report, Verdict
from tools.terminal import Steps

ACCOUNT = "111122223333"
DOMAIN = "kbp-sample.com"
SERVERS = ["ns-1.awsdns-1.com", "ns-2.awsdns-2.net"]
Answer = Mapping[str, Any] | Exception | Callable[..., Any]


@cache
def model(service: str) -> Any:
    return botocore.session.get_session().get_service_model(service)


def role(**question: str) -> Mapping[str, Any]:
    name, day = question["RoleName"], datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    arn = f"arn:aws:iam::{ACCOUNT}:role/{name}"
    return {"Role": {"Arn": arn, "RoleName": name, "Path": "/", "RoleId": "A" * 20, "CreateDate": day}}


def add_on(**question: str) -> Mapping[str, Any]:
    name, kubernetes = question["addonName"], question["kubernetesVersion"]
    pinned = versions.ADD_ONS[kubernetes][name]
    return {"addons": [{"addonName": name, "addonVersions": [{"addonVersion": pinned}]}]}


def offerings(**question: Any) -> Mapping[str, Any]:
    (types,) = [f["Values"] for f in question["Filters"]]
    zones = [f"eu-central-1{letter}" for letter in "abc"]
    return {"InstanceTypeOfferings": [{"InstanceType": t, "Location": z} for t in types for z in zones]}


WELL: Mapping[tuple[str, str], Answer] = {
    ("sts", "GetCallerIdentity"): {"Account": ACCOUNT, "Arn": f"arn:aws:iam::{ACCOUNT}:user/ops", "UserId": "A"},
    ("ec2", "DescribeRegions"): {"Regions": [{"RegionName": "eu-central-1", "OptInStatus": "opt-in-not-required"}]},
    ("service-quotas", "GetServiceQuota"): {"Quota": {"Value": 500.0}},
    ("ec2", "DescribeAddresses"): {"Addresses": []},
    ("ec2", "DescribeVpcs"): {"Vpcs": [{"VpcId": "vpc-1", "IsDefault": True}]},
    ("ec2", "DescribeInternetGateways"): {"InternetGateways": []},
    ("ec2", "DescribeNatGateways"): {"NatGateways": []},
    ("ec2", "DescribeSubnets"): {"Subnets": []},
    ("ec2", "DescribeInstances"): {"Reservations": []},
    ("ec2", "DescribeVolumes"): {"Volumes": []},
    ("elbv2", "DescribeLoadBalancers"): {"LoadBalancers": []},
    ("eks", "ListClusters"): {"clusters": ["other"]},
    ("iam", "GetAccountSummary"): {"SummaryMap": {"Roles": 20, "Policies": 5}},
    ("eks", "DescribeClusterVersions"): {
        "clusterVersions": [{"clusterVersion": "1.36", "versionStatus": "STANDARD_SUPPORT"}]
    },
    ("eks", "DescribeAddonVersions"): add_on,
    ("ec2", "DescribeAvailabilityZones"): {
        "AvailabilityZones": [{"ZoneName": f"eu-central-1{letter}", "State": "available"} for letter in "abc"]
    },
    ("ec2", "DescribeInstanceTypeOfferings"): offerings,
    ("iam", "GetRole"): role,
    ("ecr", "DescribeImages"): {"imageDetails": []},
    ("ecr", "DescribeRepositories"): {"repositories": []},
    ("s3", "HeadBucket"): {},
    ("s3", "ListObjectsV2"): {
        "Contents": [{"Key": f".pulumi/stacks/journal/{name}.json"} for name in ("shared", "dev", "staging", "prod")]
    },
    ("kms", "DescribeKey"): {"KeyMetadata": {"KeyId": "key-1", "KeyState": "Enabled"}},
    ("route53", "ListHostedZonesByName"): {
        "HostedZones": [{"Id": "/hostedzone/Z1", "Name": f"{DOMAIN}.", "CallerReference": "x"}],
        "IsTruncated": False,
        "MaxItems": "10",
    },
    ("route53", "GetHostedZone"): {
        "HostedZone": {"Id": "/hostedzone/Z1", "Name": f"{DOMAIN}.", "CallerReference": "x"},
        "DelegationSet": {"NameServers": SERVERS},
    },
}
"""An account in which nothing is missing."""


class Fake:
    """An account with these answers. It keeps what it was asked: service, operation and region."""

    def __init__(self, answers: Mapping[tuple[str, str], Answer]) -> None:
        self._answers = answers
        self.asked: list[tuple[str, str, str]] = []

    def ask(self, service: str, operation: str, *, region: str = "", **parameters: Any) -> Mapping[str, Any]:
        self.asked.append((service, operation, region))
        shapes = model(service).operation_model(operation)
        if shapes.input_shape is not None:
            _valid(parameters, shapes.input_shape)
        given = self._answers[service, operation]
        if isinstance(given, Exception):
            raise given
        answer: Mapping[str, Any] = given if isinstance(given, Mapping) else given(**parameters)
        if shapes.output_shape is not None:
            _valid(answer, shapes.output_shape)
            assert set(answer) <= set(shapes.output_shape.members)
        return answer


def _valid(value: Mapping[str, Any], shape: Any) -> None:
    report = ParamValidator().validate(value, shape)
    assert not report.has_errors(), report.generate_report()


@pytest.fixture(autouse=True)
def world(monkeypatch: pytest.MonkeyPatch, recordings_once: None) -> None:
    """Recordings made once, a DNS that knows the domain, and no credentials of this machine's."""

    monkeypatch.setattr(name_servers, "public_servers", lambda _: frozenset(SERVERS))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_ROLE_ARN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def examined(name: str = "prod", answers: Mapping[str, Answer] | None = None) -> tuple[Report, Fake]:
    """What is found for a stack in an account whose answers differ in these, by `service:Operation`."""
    changed = {(key.partition(":")[0], key.partition(":")[2]): value for key, value in (answers or {}).items()}
    fake = Fake({**WELL, **changed})
    with Steps() as steps:
        (report,) = examine([name], steps, sign=lambda: lambda _region: fake)
    return report, fake


def worst(report: Report) -> list[tuple[Verdict, str]]:
    return [(finding.verdict, finding.subject) for finding in report.to_do]


@pytest.mark.parametrize("name", ["shared", "dev", "staging", "prod"])
def test_an_account_that_has_everything_gets_no_remark(name: str) -> None:
    report, fake = examined(name)
    assert report.asked
    assert worst(report) == []
    assert len(fake.asked) > 5


def test_only_what_reads_is_asked_and_nothing_twice() -> None:
    with Steps() as steps:
        fake = Fake(WELL)
        examine(["shared", "dev", "staging", "prod"], steps, sign=lambda: lambda _region: fake)
    operations = {operation for _, operation, _ in fake.asked}
    assert operations == {operation for _, operation in WELL}
    assert all(operation.startswith(READ_ONLY) for operation in operations)
    assert len([o for _, o, _ in fake.asked if o == "DescribeRegions"]) == 1
    assert len([o for _, o, _ in fake.asked if o == "HeadBucket"]) == 1


def test_an_account_with_defaults_has_no_room_for_prod() -> None:
    few = {"Quota": {"Value": 5.0}}
    three = {"Addresses": [{}, {}, {}]}
    report, _ = examined(answers={"service-quotas:GetServiceQuota": few, "ec2:DescribeAddresses": three})
    found = {f.subject: f.verdict for f in report.quotas if f.verdict is not Verdict.OK}
    assert found["Elastic IPs"] is Verdict.PROBLEM
    assert found["vCPUs on demand"] is Verdict.PROBLEM
    assert report.fails


def test_an_increase_that_was_asked_for_is_awaited() -> None:
    asked = {"DesiredValue": 40.0, "Status": "CASE_OPENED"}, {"DesiredValue": 90.0, "Status": "DENIED"}
    report, _ = examined(
        answers={
            "service-quotas:GetServiceQuota": {"Quota": {"Value": 2.0}},
            "service-quotas:ListRequestedServiceQuotaChangeHistoryByQuota": {"RequestedQuotas": list(asked)},
        }
    )
    (found,) = [f for f in report.quotas if f.subject == "Elastic IPs"]
    assert found.remedy.startswith("An increase to 40 was asked for: wait for it, then run this again. If that is not")


def test_a_quota_that_was_never_raised_is_the_default() -> None:
    report, fake = examined(
        answers={
            "service-quotas:GetServiceQuota": NotThere("none"),
            "service-quotas:GetAWSDefaultServiceQuota": {"Quota": {"Value": 400.0}},
        }
    )
    assert worst(report) == []
    assert {f.limit for f in report.quotas} == {"400"}
    assert ("service-quotas", "GetServiceQuota", "us-east-1") in fake.asked  # IAM's


def test_a_missing_permission_is_named_once_and_ends_nothing() -> None:
    report, _ = examined(
        answers={
            "service-quotas:GetServiceQuota": CouldNotAsk("needs servicequotas:GetServiceQuota"),
            "iam:GetRole": CouldNotAsk("needs iam:GetRole"),
        }
    )
    unknown = [f for f in report.to_do if f.verdict is Verdict.UNKNOWN]
    assert [f.says for f in unknown] == [
        "could not ask: needs servicequotas:GetServiceQuota",
        "could not ask: needs iam:GetRole",
    ]
    assert "quota of Elastic IPs" in unknown[0].subject
    assert "role/journal-admin" in unknown[1].subject
    assert {f.subject for f in report.to_do if f.verdict is Verdict.WARNING} == {"Elastic IPs", "vCPUs on demand"}
    assert not report.fails


def test_every_question_may_be_denied() -> None:
    denied = {f"{s}:{o}": CouldNotAsk(f"needs {s}:{o}") for s, o in WELL if s != "sts"}
    report, _ = examined(answers=denied)
    assert report.asked
    assert not report.fails
    assert {f.verdict for f in report.to_do} == {Verdict.UNKNOWN, Verdict.WARNING}


@pytest.mark.parametrize(
    ("answers", "subject", "verdict"),
    [
        ({"eks:DescribeClusterVersions": NotThere("no")}, "Kubernetes 1.36", Verdict.PROBLEM),
        ({"iam:GetRole": NotThere("no")}, "principal role/journal-admin", Verdict.PROBLEM),
        ({"ecr:DescribeImages": NotThere("no")}, "image journal/frontend:v1.0.0", Verdict.WARNING),
        ({"ecr:DescribeRepositories": NotThere("no")}, "stack shared", Verdict.PROBLEM),
        ({"s3:HeadBucket": NotThere("no")}, "bucket journal-pulumi-state-111122223333", Verdict.PROBLEM),
        ({"s3:ListObjectsV2": {}}, "bucket journal-pulumi-state-111122223333", Verdict.PROBLEM),
        ({"kms:DescribeKey": NotThere("no")}, "key alias/journal-pulumi", Verdict.PROBLEM),
        (
            {"ec2:DescribeInstanceTypeOfferings": {"InstanceTypeOfferings": []}},
            "node group apps", Verdict.PROBLEM,
        ),
        ({"ec2:DescribeAvailabilityZones": {"AvailabilityZones": []}}, "zone eu-central-1c", Verdict.PROBLEM),
        ({"eks:ListClusters": NotThere("no")}, "EKS clusters in use", Verdict.UNKNOWN),
        ({"eks:ListClusters": {}}, "EKS clusters in use", Verdict.UNKNOWN),
        ({"eks:DescribeAddonVersions": NotThere("no")}, "add-on coredns", Verdict.PROBLEM),
    ],
)  # fmt: skip
def test_what_is_missing_is_found(answers: dict[str, Answer], subject: str, verdict: Verdict) -> None:
    report, _ = examined(answers=answers)
    found = [f for f in report.to_do if f.subject.startswith(subject)]
    assert found
    assert {f.verdict for f in found} == {verdict}
    assert report.to_do[-1].verdict is max(f.verdict for f in report.to_do)


@pytest.mark.parametrize(
    ("answers", "subject", "verdict", "says"),
    [
        (
            {"sts:GetCallerIdentity": {"Account": "999999999999", "Arn": "arn:aws:iam::999999999999:user/x"}},
            "account", Verdict.PROBLEM, "and not of account 111122223333",
        ),
        (
            {"sts:GetCallerIdentity": BadCredentials("The credentials have expired.")},
            "credentials", Verdict.PROBLEM, "The credentials have expired.",
        ),
        (
            {"sts:GetCallerIdentity": CouldNotAsk("no answer from sts in us-east-1: …")},
            "account", Verdict.UNKNOWN, "could not ask: no answer from sts",
        ),
        (
            {"ec2:DescribeRegions": {"Regions": [{"RegionName": "eu-central-1", "OptInStatus": "not-opted-in"}]}},
            "region eu-central-1", Verdict.PROBLEM, "is disabled in this account",
        ),
    ],
)  # fmt: skip
def test_without_the_right_account_nothing_else_is_asked(
    answers: dict[str, Answer], subject: str, verdict: Verdict, says: str
) -> None:
    report, fake = examined(answers=answers)
    (found,) = [f for f in report.findings if f.verdict is not Verdict.OK]
    assert (found.subject, found.verdict) == (subject, verdict)
    assert says in found.says
    assert found.remedy
    assert not report.asked
    assert {service for service, _, _ in fake.asked} <= {"sts", "ec2"}
    assert report.quotas  # the list is there all the same


def test_credentials_that_expire_on_the_way_are_told_once() -> None:
    expired = BadCredentials("The credentials have expired.")
    report, _ = examined(answers={"iam:GetRole": expired, "kms:DescribeKey": expired})
    assert [(f.verdict, f.subject) for f in report.to_do if f.subject == "credentials"] == [
        (Verdict.PROBLEM, "credentials")
    ]


def test_credentials_that_cannot_be_read_are_told() -> None:
    def sign() -> Callable[[str], Asks | None]:
        raise BadCredentials("The credentials cannot be read: no profile (x)")

    with Steps() as steps:
        (report,) = examine(["prod"], steps, sign=sign)
    assert worst(report)[-1] == (Verdict.PROBLEM, "credentials")


def elsewhere(monkeypatch: pytest.MonkeyPatch, **changes: str) -> None:
    """Stack dev in another account or region."""
    of_file = stacks.load

    def load(name: str) -> stacks.Stack:
        found = of_file(name)
        if name != "dev":
            return found
        aws = found.cluster.model_copy(update=changes)
        return stacks.Stack(name, found.settings.model_copy(update={"aws": aws}), found.resources)

    monkeypatch.setattr(stacks, "load", load)


def test_stacks_of_two_accounts_are_asked_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere(monkeypatch, account="444455556666")
    with Steps() as steps:
        first, second = examine(["dev", "prod"], steps, offline=True)
    assert first.title == "dev in account 444455556666, eu-central-1"
    assert [f.all_need for f in second.quotas if f.subject == "Elastic IPs"] == ["6"]
    assert [f.all_need for f in first.quotas if f.subject == "Elastic IPs"] == ["1"]


def test_stacks_of_two_regions_share_what_an_account_has_once(monkeypatch: pytest.MonkeyPatch) -> None:
    together = {f.subject: f.all_need for f in examine_offline("prod").quotas}
    elsewhere(monkeypatch, region="eu-west-1")
    apart = {f.subject: f.all_need for f in examine_offline("prod").quotas}
    assert (together["Elastic IPs"], apart["Elastic IPs"]) == ("7", "6")
    assert together["IAM roles"] == apart["IAM roles"]


def examine_offline(name: str) -> Report:
    with Steps() as steps:
        (report,) = examine([name], steps, offline=True)
    return report


def test_the_list_without_credentials() -> None:
    assert sign_in() is None
    result = CliRunner().invoke(cli.app, ["doctor"])
    assert result.exit_code == 0
    output = result.output
    assert "Stacks dev, prod, shared, staging in account 111122223333" in " ".join(output.split())
    assert "warning: Elastic IPs: 7 are needed; the default quota is 5" in output
    assert "--quota-code L-0263D0A3 --desired-value 7 --region eu-central-1" in output
    assert "nothing was asked" in output


def test_the_status_says_whether_a_deployment_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    answers: dict[tuple[str, str], Answer] = dict(WELL)
    monkeypatch.setattr(examination, "sign_in", lambda: "a session")
    monkeypatch.setattr(examination, "Account", lambda _session, _region: Fake(answers))
    well = CliRunner().invoke(cli.app, ["doctor", "--stack", "prod"])
    assert (well.exit_code, "All is well." in well.output) == (0, True)
    answers["iam", "GetRole"] = NotThere("no")
    ill = CliRunner().invoke(cli.app, ["doctor", "--stack", "prod"])
    assert ill.exit_code == 1
    assert "problem: principal role/journal-admin: does not exist" in ill.output
    assert "A deployment now would fail." in ill.output


@pytest.mark.parametrize(("name", "says"), [("local", "not in AWS"), ("nowhere", "There is no stack 'nowhere'")])
def test_a_stack_that_is_nowhere_in_aws(name: str, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    result = CliRunner().invoke(cli.app, ["doctor", "--offline", "--stack", name])
    assert result.exit_code == 1
    assert says in result.output
    assert "Traceback" not in result.output
