"""What watches the account: what is recorded and looked at, who gets mail, and what is left to an organization."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from components.aws.oversight import notices, trail
from components.aws.oversight.oversight import Oversight, OversightArgs, key_statements
from components.aws.scope import Scope
from components.settings.shared import OversightSettings
from tools.cloud import Cloud
from tools.recording import Recorder, run

ACCOUNT, KEY = "111122223333", "arn:aws:kms:eu-central-1:111122223333:key/1"
SCOPE = Scope(name="journal-shared", environment="shared", account=ACCOUNT, region="eu-central-1", protect=True)
TRAIL = f"arn:aws:cloudtrail:eu-central-1:{ACCOUNT}:trail/journal-shared"


def settings(**changes: Any) -> OversightSettings:
    return OversightSettings.model_validate({"email": "ops@kbp-sample.com", **changes})


def record(**changes: Any) -> Recorder:
    recorder = Recorder(Cloud(ACCOUNT))
    args = OversightArgs(scope=SCOPE, settings=settings(**changes), key_arn=KEY)
    run(lambda: Oversight("oversight", args), recorder, project="journal", stack="shared", fail_on_warnings=True)
    return recorder


@pytest.fixture(scope="module")
def recorded() -> Recorder:
    return record()


def test_every_call_in_every_region_is_recorded_in_files_that_show_a_change(recorded: Recorder) -> None:
    made = recorded.one("aws:cloudtrail/trail:Trail")
    names = ("isMultiRegionTrail", "includeGlobalServiceEvents", "enableLogFileValidation", "enableLogging")
    assert {name: made[name] for name in names} == dict.fromkeys(names, True)
    assert (made["kmsKeyId"], made["s3BucketName"]) == (KEY, f"journal-shared-trail-{ACCOUNT}")


def test_the_trails_bucket_keeps_its_files_for_as_long_as_the_settings_say() -> None:
    recorder = record(trailDays=400)
    bucket = recorder.one("Bucket")
    assert (bucket["forceDestroy"], bucket.protect) == (False, True)
    (expiry,) = recorder.one("BucketLifecycleConfiguration")["rules"]
    assert expiry["expiration"] == {"days": 400}
    (encryption,) = recorder.one("BucketServerSideEncryptionConfiguration")["rules"]
    default = encryption["applyServerSideEncryptionByDefault"]
    assert default == {"sseAlgorithm": "aws:kms", "kmsMasterKeyId": KEY}


def test_the_trail_is_made_once_it_may_write(recorded: Recorder) -> None:
    """CloudTrail tries the bucket when a trail is made."""
    made, policy = recorded.one("aws:cloudtrail/trail:Trail"), recorded.one("BucketPolicy")
    assert policy.urn in recorded.dependencies_of(made)
    written = {s["Sid"]: s for s in json.loads(policy["policy"])["Statement"]}
    assert written["TrailWrites"]["Resource"] == [f"arn:aws:s3:::journal-shared-trail-{ACCOUNT}/AWSLogs/{ACCOUNT}/*"]
    sources = [s["Condition"]["StringEquals"]["aws:SourceArn"] for s in written.values() if s["Effect"] == "Allow"]
    assert sources == [TRAIL, TRAIL]
    assert recorded.one("aws:cloudtrail/trail:Trail").inputs["name"] == TRAIL.rpartition("/")[2]


def test_the_key_lets_in_the_services_that_use_it_by_themselves() -> None:
    by_sid = {s.sid: s for s in key_statements(SCOPE, settings())}
    assert by_sid["Trail"].conditions == {"StringEquals": {"aws:SourceArn": TRAIL}}
    assert by_sid["Trail"].principals == {"Service": [trail.SERVICE]}
    assert by_sid["Notices"].principals == {"Service": [notices.SERVICE]}
    assert {"kms:Decrypt", "kms:GenerateDataKey"} <= set(by_sid["Notices"].actions)
    assert by_sid["Notices"].conditions == {}, "EventBridge sends none to an encrypted topic"
    assert [s.sid for s in key_statements(SCOPE, settings(trail=False))] == ["Notices"]


def test_notices_go_encrypted_to_the_mailbox(recorded: Recorder) -> None:
    assert recorded.one("Topic")["kmsMasterKeyId"] == KEY
    subscription = recorded.one("TopicSubscription")
    assert (subscription["protocol"], subscription["endpoint"]) == ("email", "ops@kbp-sample.com")
    (statement,) = json.loads(recorded.one("TopicPolicy")["policy"])["Statement"]
    assert statement["Principal"] == {"Service": ["events.amazonaws.com"]}
    assert statement["Resource"] == [f"arn:aws:sns:eu-central-1:{ACCOUNT}:journal-shared-notices"]
    assert "Condition" not in statement, "EventBridge's statement with a condition allows nothing"
    targets = recorded.all("EventTarget")
    assert {t["rule"] for t in targets} == {"journal-shared-failed-backups", "journal-shared-findings"}
    assert {t["arn"] for t in targets} == set(statement["Resource"])
    assert all("roleArn" not in t.inputs for t in targets)


def matches(pattern: Mapping[str, Any], event: Mapping[str, Any]) -> bool:
    """As much of EventBridge's patterns as ours use (EventBridge guide, Event patterns)."""
    return all(
        any(matches(alternative, event) for alternative in wanted)
        if key == "$or"
        else key in event
        and (matches(wanted, event[key]) if isinstance(wanted, Mapping) else any(_is(w, event[key]) for w in wanted))
        for key, wanted in pattern.items()
    )


def _is(wanted: Any, value: Any) -> bool:
    if isinstance(wanted, Mapping):
        assert wanted["numeric"][0] == ">="
        return value >= wanted["numeric"][1]
    return wanted == value


def job(kind: str, **detail: Any) -> dict[str, Any]:
    return {"source": "aws.backup", "detail-type": f"{kind} Job State Change", "detail": detail}


@pytest.mark.parametrize(
    ("event", "told"),
    [
        (job("Backup", state="FAILED"), True),
        (job("Backup", state="EXPIRED"), True),
        (job("Backup", state="ABORTED"), True),
        (job("Backup", state="PARTIAL"), True),
        (job("Backup", state="COMPLETED"), False),
        (job("Backup", state="RUNNING"), False),
        (job("Copy", state="FAILED"), True),
        (job("Copy", state="COMPLETED"), False),
        (job("Restore", status="FAILED"), True),
        (job("Restore", status="COMPLETED"), False),
        (
            {"source": "aws.backup", "detail-type": "Recovery Point State Change", "detail": {"status": "EXPIRED"}},
            False,
        ),
    ],
)
def test_a_backup_copy_or_restore_that_fails_sends_mail(event: dict[str, Any], told: bool) -> None:
    assert matches(notices.FAILED_BACKUPS, event) is told


@pytest.mark.parametrize(("severity", "told"), [(2, False), (6.9, False), (7, True), (8.5, True)])
def test_a_serious_finding_sends_mail(severity: float, told: bool) -> None:
    event = {"source": "aws.guardduty", "detail-type": "GuardDuty Finding", "detail": {"severity": severity}}
    assert matches(notices.FINDINGS, event) is told


def test_guard_duty_reads_the_audit_logs_of_clusters(recorded: Recorder) -> None:
    assert recorded.one("Detector")["enable"] is True
    feature = recorded.one("DetectorFeature")
    assert (feature["name"], feature["status"]) == ("EKS_AUDIT_LOGS", "ENABLED")


def test_the_budget_warns_before_and_after(recorded: Recorder) -> None:
    budget = recorded.one("Budget")
    assert (budget["limitAmount"], budget["limitUnit"], budget["timeUnit"]) == ("4000", "USD", "MONTHLY")
    alarms = {(n["notificationType"], n["threshold"]) for n in budget["notifications"]}
    assert alarms == {("ACTUAL", 80), ("ACTUAL", 100), ("FORECASTED", 100)}
    assert {tuple(n["subscriberEmailAddresses"]) for n in budget["notifications"]} == {("ops@kbp-sample.com",)}


@pytest.mark.parametrize(
    ("changes", "gone"),
    [
        ({"trail": False}, {"Trail", "Bucket"}),
        ({"guardDuty": False}, {"Detector", "DetectorFeature"}),
        ({"monthlyBudget": None}, {"Budget"}),
    ],
)
def test_what_an_organization_has_already_is_left_out(changes: dict[str, Any], gone: set[str]) -> None:
    kinds = {r.kind for r in record(**changes).registrations if r.custom}
    assert not kinds & gone
    assert {"Topic", "EventRule"} <= kinds
