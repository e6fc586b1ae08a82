"""The bucket of the load balancer's access logs."""

import json
from dataclasses import replace
from typing import Any

import pytest

from components.aws.edge.access_logs import access_log_bucket, bucket_name
from components.aws.log_bucket import LogBucket
from components.aws.scope import Scope
from tools.recording import Recorder, run

SCOPE = Scope(name="journal-prod", environment="prod", account="123456789012", region="eu-central-1", protect=True)


def record(*, protect: bool) -> Recorder:
    recorder = Recorder()
    args = access_log_bucket(replace(SCOPE, protect=protect), 30)
    run(lambda: LogBucket("logs", args), recorder, project="journal", stack="prod", fail_on_warnings=True)
    return recorder


@pytest.fixture(scope="module")
def recorded() -> Recorder:
    return record(protect=True)


def statements(recorder: Recorder) -> dict[str, dict[str, Any]]:
    document = json.loads(recorder.one("BucketPolicy")["policy"])
    return {statement["Sid"]: statement for statement in document["Statement"]}


def test_the_log_bucket_is_private_encrypted_and_forgets(recorded: Recorder) -> None:
    block = recorded.one("BucketPublicAccessBlock").inputs
    assert all(block[k] for k in ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"))
    assert recorded.one("BucketOwnershipControls")["rule"] == {"objectOwnership": "BucketOwnerEnforced"}
    (rule,) = recorded.one("BucketServerSideEncryptionConfiguration")["rules"]
    assert rule["applyServerSideEncryptionByDefault"]["sseAlgorithm"] == "AES256"
    (expiry,) = recorded.one("BucketLifecycleConfiguration")["rules"]
    assert (expiry["status"], expiry["expiration"]) == ("Enabled", {"days": 30})


def test_only_the_delivery_service_for_this_account_writes_logs_and_only_over_tls(recorded: Recorder) -> None:
    by_sid = statements(recorded)
    allowed = [s for s in by_sid.values() if s["Effect"] == "Allow"]
    assert {tuple(s["Principal"]["Service"]) for s in allowed} == {("delivery.logs.amazonaws.com",)}
    assert {s["Condition"]["StringEquals"]["aws:SourceAccount"] for s in allowed} == {"123456789012"}
    sources = [s["Condition"]["ArnLike"] for s in allowed]
    assert sources == [{"aws:SourceArn": "arn:aws:logs:eu-central-1:123456789012:*"}] * 2
    (target,) = by_sid["DeliveryWrites"]["Resource"]
    assert target.startswith(f"arn:aws:s3:::{bucket_name(SCOPE)}/AWSLogs/123456789012/")
    assert by_sid["TlsAlone"]["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


@pytest.mark.parametrize("protect", [True, False])
def test_a_log_bucket_with_logs_goes_only_where_nothing_is_protected(protect: bool) -> None:
    assert record(protect=protect).one("Bucket")["forceDestroy"] is not protect
