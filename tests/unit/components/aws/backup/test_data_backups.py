"""The bucket of the application's backups, and what the pods that write them may do, in every stack of AWS."""

import json
from collections.abc import Callable

import pytest

from tests.conftest import Recording

BUCKET = "data-backups"
IN_AWS = ("dev", "staging", "prod")


@pytest.mark.parametrize("stack", IN_AWS)
def test_the_bucket_is_private_encrypted_versioned_and_forgets(
    recorded: Callable[[str], Recording], stack: str
) -> None:
    recording = recorded(stack)
    assert recording.one("Bucket", BUCKET)["bucket"] == f"journal-{stack}-backups-111122223333"
    assert recording.one("Bucket", BUCKET)["forceDestroy"] is (stack != "prod")
    block = recording.one("BucketPublicAccessBlock", BUCKET).inputs
    assert all(block[k] for k in ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"))
    (rule,) = recording.one("BucketServerSideEncryptionConfiguration", BUCKET)["rules"]
    assert rule["applyServerSideEncryptionByDefault"]["sseAlgorithm"] == "aws:kms"
    assert recording.one("BucketVersioning", BUCKET)["versioningConfiguration"] == {"status": "Enabled"}
    (expiry,) = recording.one("BucketLifecycleConfiguration", BUCKET)["rules"]
    assert (expiry["filter"], expiry["expiration"]) == ({"prefix": ""}, {"days": 30})
    assert expiry["noncurrentVersionExpiration"] == {"noncurrentDays": 30}


@pytest.mark.parametrize("stack", IN_AWS)
def test_the_pods_read_and_write_and_delete_nothing(recorded: Callable[[str], Recording], stack: str) -> None:
    policy = recorded(stack).one("RolePolicy", "redis-backup")["policy"]
    actions = {action for statement in json.loads(policy)["Statement"] for action in statement["Action"]}
    assert actions == {"s3:GetObject", "s3:PutObject", "s3:ListBucket", "kms:Decrypt", "kms:GenerateDataKey"}


@pytest.mark.parametrize("stack", IN_AWS)
def test_the_association_is_of_the_jobs_account(recorded: Callable[[str], Recording], stack: str) -> None:
    recording = recorded(stack)
    association = recording.one("PodIdentityAssociation", "redis-backup")
    pod = recording.one("CronJob", "redis-backup")["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert (association["namespace"], association["serviceAccount"]) == ("journal", pod["serviceAccountName"])
