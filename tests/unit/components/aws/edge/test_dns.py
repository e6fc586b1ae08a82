"""The hosted zone, and the records of a host."""

from dataclasses import replace

import pulumi
import pulumi_aws as aws
import pytest

from components.aws.edge.dns import DnsRecords, DnsRecordsArgs, HostedZone, HostedZoneArgs
from components.aws.scope import Scope
from tools.recording import Recorder, run

SCOPE = Scope(name="journal-shared", environment="shared", account="123456789012", region="eu-central-1", protect=True)
ZONE = "aws:route53/zone:Zone"


def record(*, protect: bool) -> Recorder:
    recorder = Recorder()

    def program() -> None:
        HostedZone("zone", HostedZoneArgs(scope=replace(SCOPE, protect=protect), domain="example.com"))
        records = DnsRecords(
            "dns",
            DnsRecordsArgs(
                host="journal.example.com",
                zone_id="Z1",
                load_balancer_dns_name="lb.elb.amazonaws.com",
                load_balancer_zone_id="Z3F0SRJ5LGBH90",
            ),
        )
        aws.ec2.Eip("after", opts=pulumi.ResourceOptions(depends_on=list(records.resources)))

    run(program, recorder, project="journal", stack="shared", fail_on_warnings=True)
    return recorder


@pytest.fixture(scope="module")
def recorded() -> Recorder:
    return record(protect=True)


def test_the_zone_is_the_domains(recorded: Recorder) -> None:
    zone = recorded.one(ZONE).inputs
    assert (zone["name"], zone["forceDestroy"]) == ("example.com", False)


@pytest.mark.parametrize("protect", [True, False])
def test_the_zone_is_protected_where_the_stack_says_so(protect: bool) -> None:
    assert record(protect=protect).one(ZONE).protect is protect


def test_what_waits_for_the_records_waits_for_both(recorded: Recorder) -> None:
    records = {r.urn for r in recorded.all("Record")}
    assert len(records) == 2
    assert records <= recorded.dependencies_of(recorded.one("Eip", "after"))


def test_the_host_is_an_alias_of_the_load_balancer_and_only_lets_encrypt_may_issue(recorded: Recorder) -> None:
    alias, authority = recorded.one("Record", "dns").inputs, recorded.one("Record", "dns-caa").inputs
    assert (alias["name"], alias["type"], alias["zoneId"]) == ("journal.example.com", "A", "Z1")
    assert alias["aliases"] == [
        {"name": "lb.elb.amazonaws.com", "zoneId": "Z3F0SRJ5LGBH90", "evaluateTargetHealth": True}
    ]
    assert authority["name"] == alias["name"]
    assert '0 issue "letsencrypt.org"' in authority["records"]
