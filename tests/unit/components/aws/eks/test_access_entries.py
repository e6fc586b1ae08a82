"""Access entries: which principals may use the cluster, in which group or with which access policy."""

import pytest

from components.aws.eks.access_entries import (
    ACCESS,
    AccessEntries,
    AccessEntriesArgs,
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
        previewers={"preview": PREVIEW},
        auditors={"drift": DRIFT},
    )
    run(lambda: AccessEntries("access", args), recorder, project="journal", stack="prod", fail_on_warnings=True)
    return recorder


@pytest.mark.parametrize(
    ("principal", "groups", "policies"),
    [
        (ADMIN, None, ["AmazonEKSClusterAdminPolicy"]),
        (DEPLOY, None, ["AmazonEKSClusterAdminPolicy"]),
        (OPERATOR, ["stack-operators"], []),
        (VIEWER, ["stack-viewers"], []),
        (PREVIEW, None, ["AmazonEKSViewPolicy"]),
        (DRIFT, None, ["AmazonEKSAdminViewPolicy"]),
    ],
)
def test_each_principal_has_an_entry_with_a_group_or_a_policy(
    recorded: Recorder, principal: str, groups: list[str] | None, policies: list[str]
) -> None:
    (entry,) = [r for r in recorded.all("AccessEntry") if r["principalArn"] == principal]
    assert (entry["type"], entry["clusterName"]) == ("STANDARD", "journal-prod")
    assert entry.inputs.get("kubernetesGroups") == groups
    associated = [r for r in recorded.all("AccessPolicyAssociation") if r["principalArn"] == principal]
    assert [r["policyArn"] for r in associated] == [f"arn:aws:eks::aws:cluster-access-policy/{p}" for p in policies]
    assert [r["accessScope"] for r in associated] == [{"type": "cluster"}] * len(policies)


def test_nobody_has_rights_by_group_and_by_policy() -> None:
    """EKS adds them up, and what a group is refused the policy would give."""
    assert all((access.group is None) != (access.policy is None) for access in ACCESS.values())


def test_names_of_entries_do_not_shift_when_the_list_does() -> None:
    one, two = (f"arn:aws:iam::{ACCOUNT}:{rest}" for rest in ("role/team/ops", "user/ops"))
    both = principals(AccessSettings(admins=[one, two]), {}, {}, {})
    assert both == {f"{ACCOUNT}-role-team-ops": ("admin", one), f"{ACCOUNT}-user-ops": ("admin", two)}
    assert principals(AccessSettings(admins=[two]), {}, {}, {}) == {resource_name(two): ("admin", two)}


def test_only_the_principals_named_have_an_entry(recorded: Recorder) -> None:
    named = [ADMIN, OPERATOR, VIEWER, DEPLOY, PREVIEW, DRIFT]
    assert sorted(r["principalArn"] for r in recorded.all("AccessEntry")) == sorted(named)
