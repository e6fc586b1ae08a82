"""Viewers and operators: what the rules that each stack declares let them do, and where."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import Recording
from tools.resource import Resource
from tools.stack import names

VIEWERS, OPERATORS = "stack-viewers", "stack-operators"
READS = {"get", "list", "watch"}
Right = tuple[str, str, str]
"""Verb, API group and resource."""


@pytest.fixture(params=[name for name in names() if name != "shared"])
def stack(request: pytest.FixtureRequest) -> str:
    return request.param


def bindings(recording: Recording, group: str) -> Iterator[Resource]:
    for r in [*recording.all("RoleBinding"), *recording.all("ClusterRoleBinding")]:
        if {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": group} in r["subjects"]:
            yield r


def rights(recording: Recording, group: str) -> dict[str | None, set[Right]]:
    """What a group may do, by namespace; None for the whole cluster."""
    found: dict[str | None, set[Right]] = {}
    for binding in bindings(recording, group):
        assert binding["roleRef"]["kind"] == "ClusterRole"
        role = recording.one("ClusterRole", binding["roleRef"]["name"])
        found.setdefault(binding["metadata"].get("namespace"), set()).update(
            (verb, api, kind)
            for rule in role["rules"]
            for api in rule["apiGroups"]
            for kind in rule["resources"]
            for verb in rule["verbs"]
        )
    return found


def spaces(recording: Recording) -> set[Any]:
    return {r["metadata"]["name"] for r in recording.all("Namespace") if r.custom}


@pytest.mark.parametrize("group", [VIEWERS, OPERATORS])
def test_every_namespace_of_the_stack_is_read(recording: Recording, group: str) -> None:
    found = rights(recording, group)
    assert set(found) == {None, *spaces(recording)}
    for space in spaces(recording):
        assert {("list", "", "pods"), ("get", "", "pods/log"), ("watch", "", "events")} <= found[space]


def test_viewers_only_read(recording: Recording) -> None:
    assert {verb for some in rights(recording, VIEWERS).values() for verb, _, _ in some} == READS


def test_operators_change_these_things_in_the_applications_namespace_alone(recording: Recording) -> None:
    found = rights(recording, OPERATORS)
    beyond = {space: some - rights(recording, VIEWERS)[space] for space, some in found.items()}
    assert {space for space, some in beyond.items() if some} == {"journal"}
    assert beyond["journal"] == {
        ("delete", "", "pods"),
        ("create", "", "pods/eviction"),
        ("create", "", "pods/portforward"),
        ("get", "", "pods/portforward"),
        ("patch", "apps", "deployments"),
        ("get", "apps", "deployments/scale"),
        ("patch", "apps", "deployments/scale"),
        ("update", "apps", "deployments/scale"),
    }


@pytest.mark.parametrize("group", [VIEWERS, OPERATORS])
def test_nothing_leads_to_a_secret_or_into_a_pod(recording: Recording, group: str) -> None:
    kinds = {kind for some in rights(recording, group).values() for _, _, kind in some}
    assert not kinds & {
        "secrets",
        "pods/exec",
        "pods/attach",
        "pods/ephemeralcontainers",
        "pods/proxy",
        "services/proxy",
        "nodes/proxy",
        "serviceaccounts/token",
        "users",
        "groups",
        "*",
    }


def test_a_restart_changes_nothing_else_before_operators_may_restart(recording: Recording) -> None:
    policy = recording.one("ValidatingAdmissionPolicy", "operators-change-no-template")
    (rule,) = policy["spec"]["matchConstraints"]["resourceRules"]
    assert (rule["resources"], rule["operations"]) == (["deployments"], ["UPDATE"])
    assert policy["spec"]["matchConditions"][0]["expression"] == f"'{OPERATORS}' in request.userInfo.groups"
    assert policy["spec"]["failurePolicy"] == "Fail"
    enforced = recording.one("ValidatingAdmissionPolicyBinding", "operators-change-no-template")
    assert enforced["spec"] == {"policyName": policy["metadata"]["name"], "validationActions": ["Deny"]}
    before = recording.dependencies_of(recording.one("RoleBinding", OPERATORS))
    assert {policy.urn, enforced.urn, recording.one("ClusterRole", "stack-operator").urn} <= before


def test_administrators_rights_are_in_no_object_of_the_stack(recording: Recording) -> None:
    subjects = [s for kind in ("RoleBinding", "ClusterRoleBinding") for r in recording.all(kind) for s in r["subjects"]]
    assert {s["name"] for s in subjects if s["kind"] != "ServiceAccount"} == {VIEWERS, OPERATORS}
