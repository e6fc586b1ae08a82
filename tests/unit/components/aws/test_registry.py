"""Image repositories: immutable tags, encryption, and which images expire."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from fnmatch import fnmatchcase

import pytest

from components.aws.registry import Registry, RegistryArgs, deployed_tag, lifecycle_policy, registry_host
from components.aws.scope import Scope
from components.settings.shared import RegistrySettings
from tests.unit.components.aws.ecr_lifecycle import Manifest, build, evaluate, move_tag
from tools.recording import Recorder, run

KEY = "arn:aws:kms:eu-central-1:123456789012:key/1"
REPOSITORIES = ["journal/frontend", "journal/fileserver"]


def scope(*, protect: bool = True) -> Scope:
    return Scope(
        name="journal-shared", environment="shared", account="123456789012", region="eu-central-1", protect=protect
    )


def settings(keep: int = 50, untagged_days: int = 3) -> RegistrySettings:
    return RegistrySettings.model_validate(
        {"repositories": REPOSITORIES, "keepBuilds": keep, "keepUntaggedDays": untagged_days}
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
    assert repository["imageTagMutability"] == "IMMUTABLE_WITH_EXCLUSION"
    assert repository["imageScanningConfiguration"] == {"scanOnPush": True}
    assert repository["encryptionConfigurations"] == [{"encryptionType": "KMS", "kmsKey": KEY}]
    assert repository["forceDelete"] is False


@pytest.mark.parametrize("name", REPOSITORIES)
def test_every_repository_forgets_by_the_same_policy(recorded: Recorder, name: str) -> None:
    policy = recorded.one("LifecyclePolicy", name)
    assert policy["repository"] == name
    assert policy["policy"] == lifecycle_policy(settings())


DAY = timedelta(days=1)


def history(policy: str, builds: int, deployments: Mapping[str, int]) -> list[Manifest]:
    """A repository after one build a day, evaluated each day. deployments: the number of the build, by stack."""
    repository: list[Manifest] = []
    for number in range(builds):
        repository += build(number, DAY * number)
        for stack, deployed in deployments.items():
            if deployed == number:
                repository = move_tag(repository, deployed_tag(stack), f"index-{number}")
        repository = evaluate(policy, repository, DAY * number)
    return repository


def digests(repository: Sequence[Manifest]) -> set[str]:
    return {m.digest for m in repository}


def test_as_many_builds_are_kept_as_the_setting_says() -> None:
    """A build is three manifests: index, image, attestation."""
    kept = history(lifecycle_policy(settings(keep=50)), 120, {})
    assert {m.digest for m in kept if m.tags} == {f"index-{n}" for n in range(70, 120)}
    assert {f"{kind}-{n}" for kind in ("image", "attestation") for n in range(70, 120)} <= digests(kept)


def test_what_a_stack_runs_never_expires() -> None:
    kept = history(lifecycle_policy(settings(keep=5, untagged_days=1)), 300, {"prod": 3, "staging": 100, "dev": 299})
    for number in (3, 100, 299):
        assert {f"{kind}-{number}" for kind in ("index", "image", "attestation")} <= digests(kept)


def test_what_a_stack_no_longer_runs_expires() -> None:
    policy = lifecycle_policy(settings(keep=5, untagged_days=1))
    repository = history(policy, 20, {"prod": 3})
    repository = evaluate(policy, move_tag(repository, deployed_tag("prod"), "index-19"), DAY * 20)
    assert not {"index-3", "image-3", "attestation-3"} & digests(repository)


def test_what_lost_its_index_expires_after_some_days() -> None:
    policy = lifecycle_policy(settings(keep=5, untagged_days=3))
    orphan = Manifest("orphan", DAY * 10)
    assert evaluate(policy, [orphan], DAY * 13) == [orphan]
    assert evaluate(policy, [orphan], DAY * 14) == []


def test_the_tag_of_what_a_stack_runs_moves_and_no_other_does(recorded: Recorder) -> None:
    filters = recorded.one("Repository", REPOSITORIES[0])["imageTagMutabilityExclusionFilters"]
    (pattern,) = [f["filter"] for f in filters]
    assert {f["filterType"] for f in filters} == {"WILDCARD"}
    assert fnmatchcase(deployed_tag("prod"), pattern)
    assert not fnmatchcase("v1.0.0-bfeda01f", pattern)


def test_the_registrys_host_is_known_before_it_is_there() -> None:
    assert registry_host(scope()) == "123456789012.dkr.ecr.eu-central-1.amazonaws.com"


@pytest.mark.parametrize("protect", [True, False])
def test_repositories_are_protected_where_the_stack_says_so(protect: bool) -> None:
    recorder = record(protect=protect)
    assert [r.protect for r in recorder.all("Repository")] == [protect] * len(REPOSITORIES)
