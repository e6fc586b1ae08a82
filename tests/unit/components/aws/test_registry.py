"""Image repositories: immutable tags, encryption, and which images expire."""

import json

import pytest

from components.aws.registry import Registry, RegistryArgs, lifecycle_policy, registry_host
from components.aws.scope import Scope
from components.settings.shared import RegistrySettings
from tools.recording import Recorder, run

KEY = "arn:aws:kms:eu-central-1:123456789012:key/1"
REPOSITORIES = ["journal/frontend", "journal/fileserver"]


def scope(*, protect: bool = True) -> Scope:
    return Scope(
        name="journal-shared", environment="shared", account="123456789012", region="eu-central-1", protect=protect
    )


def settings(keep: int = 50, untagged_days: int = 3) -> RegistrySettings:
    return RegistrySettings.model_validate(
        {"repositories": REPOSITORIES, "keepImages": keep, "keepUntaggedDays": untagged_days}
    )


def record(*, protect: bool = True) -> Recorder:
    recorder = Recorder()

    args = RegistryArgs(scope=scope(protect=protect), settings=settings(), key_arn=KEY)
    run(lambda: Registry("registry", args), recorder, project="journal", stack="shared", fail_on_warnings=True)
    return recorder


@pytest.fixture(scope="module")
def recorded() -> Recorder:
    return record()


@pytest.mark.parametrize("name", REPOSITORIES)
def test_an_image_keeps_its_tag_is_scanned_and_encrypted_with_our_key(recorded: Recorder, name: str) -> None:
    repository = recorded.one("Repository", name).inputs
    assert repository["name"] == name
    assert repository["imageTagMutability"] == "IMMUTABLE"
    assert repository["imageScanningConfiguration"] == {"scanOnPush": True}
    assert repository["encryptionConfigurations"] == [{"encryptionType": "KMS", "kmsKey": KEY}]
    assert repository["forceDelete"] is False


@pytest.mark.parametrize("name", REPOSITORIES)
def test_every_repository_forgets_by_the_same_policy(recorded: Recorder, name: str) -> None:
    policy = recorded.one("LifecyclePolicy", name)
    assert policy["repository"] == name
    assert policy["policy"] == lifecycle_policy(settings())


def test_the_newest_images_are_kept_and_the_rule_for_any_image_is_the_last() -> None:
    untagged, rest = json.loads(lifecycle_policy(settings(keep=50, untagged_days=3)))["rules"]
    assert untagged["selection"] == {
        "tagStatus": "untagged",
        "countType": "sinceImagePushed",
        "countUnit": "days",
        "countNumber": 3,
    }
    assert rest["selection"] == {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 50}
    assert untagged["rulePriority"] < rest["rulePriority"]


def test_the_registrys_host_is_known_before_it_is_there() -> None:
    assert registry_host(scope()) == "123456789012.dkr.ecr.eu-central-1.amazonaws.com"


@pytest.mark.parametrize("protect", [True, False])
def test_repositories_are_protected_where_the_stack_says_so(protect: bool) -> None:
    recorder = record(protect=protect)
    assert [r.protect for r in recorder.all("Repository")] == [protect] * len(REPOSITORIES)
