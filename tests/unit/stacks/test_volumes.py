"""The data in volumes, in every environment: what is kept when claims, servers or the whole stack go."""

from collections.abc import Callable

import pytest

from tests.conftest import Recording

RETAIN = {"whenDeleted": "Retain", "whenScaled": "Retain"}


@pytest.fixture(params=["dev", "staging", "prod"])
def cloud(request: pytest.FixtureRequest, recorded: Callable[[str], Recording]) -> Recording:
    return recorded(request.param)


def test_every_claim_in_the_cloud_is_of_a_class_that_retains(cloud: Recording) -> None:
    retaining = {r["metadata"]["name"] for r in cloud.of_type("StorageClass") if r["reclaimPolicy"] == "Retain"}
    claims = [r["spec"] for r in cloud.of_type("PersistentVolumeClaim")]
    claims += [c["spec"] for r in cloud.of_type("StatefulSet") for c in r["spec"]["volumeClaimTemplates"]]
    assert len(claims) >= 2
    assert {spec["storageClassName"] for spec in claims} <= retaining


@pytest.mark.parametrize("name", ["dev", "staging", "prod", "local"])
def test_nobody_deletes_a_claim_of_a_server(name: str, recorded: Callable[[str], Recording]) -> None:
    recording = recorded(name)
    claims, sets = recording.of_type("PersistentVolumeClaim"), recording.of_type("StatefulSet")
    assert claims
    assert [r.name for r in claims if not r.retain_on_delete] == []
    assert [r.name for r in claims if r.protect] == [], "lowering `servers` drops a claim, and may not fail"
    assert [r["spec"]["persistentVolumeClaimRetentionPolicy"] for r in sets] == [RETAIN] * len(sets)
    assert sets


@pytest.mark.parametrize(("name", "protected"), [("dev", False), ("staging", False), ("prod", True), ("local", False)])
def test_the_namespace_of_claims_is_protected_where_the_stack_says_so(
    name: str, protected: bool, recorded: Callable[[str], Recording]
) -> None:
    recording = recorded(name)
    spaces = {r["metadata"]["namespace"] for r in recording.of_type("PersistentVolumeClaim")}
    found = {r["metadata"]["name"]: r.protect for r in recording.of_type("kubernetes:core/v1:Namespace")}
    assert spaces == {"journal"}
    assert found["journal"] is protected
    assert {on for name, on in found.items() if name not in spaces} == {False}
