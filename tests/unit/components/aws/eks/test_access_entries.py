"""Access entries: which principals may use the cluster, and with which access policies."""

import pytest

from components.aws.eks.access_entries import (
    ACCESS_POLICIES,
    AccessEntries,
    AccessEntriesArgs,
    AccessLevel,
    principals,
    resource_name,
)
from components.settings.aws import AccessSettings
from tools.recording import Recorder, run

ACCOUNT = "111122223333"
ADMIN, OPERATOR, VIEWER = (f"arn:aws:iam::{ACCOUNT}:role/{name}" for name in ("admin", "operator", "viewer"))
DEPLOY, PREVIEW, DRIFT = (f"arn:aws:iam::{ACCOUNT}:role/journal-{name}" for name in ("deploy-prod", "preview", "drift"))


@pytest.fixture(scope="module")
def recorded() -> Recorder:
    recorder = Recorder()
    args = AccessEntriesArgs(
        settings=AccessSettings(admins=[ADMIN], operators=[OPERATOR], viewers=[VIEWER]),
        cluster_name="journal-prod",
        admins={"deploy": DEPLOY},
        viewers={"preview": PREVIEW},
        auditors={"drift": DRIFT},
    )
    run(lambda: AccessEntries("access", args), recorder, project="journal", stack="prod", fail_on_warnings=True)
    return recorder


def associations(recorder: Recorder, principal: str) -> set[tuple[str, str, tuple[str, ...]]]:
    return {
        (r["policyArn"], r["accessScope"]["type"], tuple(r["accessScope"].get("namespaces", ())))
        for r in recorder.all("AccessPolicyAssociation")
        if r["principalArn"] == principal
    }


@pytest.mark.parametrize(
    ("principal", "policies"),
    [
        (ADMIN, {("AmazonEKSClusterAdminPolicy", "cluster", ())}),
        (DEPLOY, {("AmazonEKSClusterAdminPolicy", "cluster", ())}),
        (OPERATOR, {("AmazonEKSEditPolicy", "namespace", ("journal",)), ("AmazonEKSViewPolicy", "cluster", ())}),
        (VIEWER, {("AmazonEKSViewPolicy", "cluster", ())}),
        (PREVIEW, {("AmazonEKSViewPolicy", "cluster", ())}),
        (DRIFT, {("AmazonEKSAdminViewPolicy", "cluster", ())}),
    ],
)
def test_each_principal_has_an_entry_and_its_policies(
    recorded: Recorder, principal: str, policies: set[tuple[str, str, tuple[str, ...]]]
) -> None:
    (entry,) = [r for r in recorded.all("AccessEntry") if r["principalArn"] == principal]
    assert (entry["type"], entry["clusterName"]) == ("STANDARD", "journal-prod")
    prefix = "arn:aws:eks::aws:cluster-access-policy/"
    assert associations(recorded, principal) == {(prefix + name, *rest) for name, *rest in policies}


def test_only_administrators_and_auditors_read_secrets_everywhere() -> None:
    wide: dict[AccessLevel, set[str]] = {
        level: {p.name for p in policies if not p.namespaces} for level, policies in ACCESS_POLICIES.items()
    }
    assert wide == {
        "admin": {"AmazonEKSClusterAdminPolicy"},
        "operator": {"AmazonEKSViewPolicy"},
        "viewer": {"AmazonEKSViewPolicy"},
        "auditor": {"AmazonEKSAdminViewPolicy"},  # the nightly look for drift, on main alone
    }


def test_names_of_entries_do_not_shift_when_the_list_does() -> None:
    one, two = (f"arn:aws:iam::{ACCOUNT}:{rest}" for rest in ("role/team/ops", "user/ops"))
    both = principals(AccessSettings(admins=[one, two]), {}, {}, {})
    assert both == {f"{ACCOUNT}-role-team-ops": ("admin", one), f"{ACCOUNT}-user-ops": ("admin", two)}
    assert principals(AccessSettings(admins=[two]), {}, {}, {}) == {resource_name(two): ("admin", two)}


def test_only_the_principals_named_have_an_entry(recorded: Recorder) -> None:
    named = [ADMIN, OPERATOR, VIEWER, DEPLOY, PREVIEW, DRIFT]
    assert sorted(r["principalArn"] for r in recorded.all("AccessEntry")) == sorted(named)
