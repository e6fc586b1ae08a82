"""Backups: what is kept, where, for how long, and the weekly proof that it can be restored."""

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest

from components.aws.backup.backup import Backup, BackupArgs, restore_testing_name
from components.aws.scope import Scope
from components.settings.aws import AccountSettings, BackupSettings
from tools.recording import Recorder, run

CLUSTER = "arn:aws:eks:eu-central-1:123456789012:cluster/journal-prod"
KEY = "arn:aws:kms:eu-central-1:123456789012:key/1"
BOUNDARY = "arn:aws:iam::123456789012:policy/journal-shared-boundary"


def record(*, protect: bool = True, restore_testing: bool = True, days: int = 35, **copies: Any) -> Recorder:
    scope = Scope(
        name="journal-prod",
        environment="prod",
        account="123456789012",
        region="eu-central-1",
        protect=protect,
        boundary=BOUNDARY,
    )
    settings = BackupSettings.model_validate({"retentionDays": days, "restoreTesting": restore_testing, **copies})
    recorder = Recorder()
    account = AccountSettings.model_validate({"account": scope.account, "region": scope.region})
    args = BackupArgs(scope=scope, settings=settings, account=account, cluster_arn=CLUSTER, key_arn=KEY)
    run(lambda: Backup("backup", args), recorder, project="journal", stack="prod", fail_on_warnings=True)
    return recorder


@pytest.fixture(scope="module")
def recorded() -> Recorder:
    return record()


def test_the_vault_is_encrypted_with_the_stacks_key(recorded: Recorder) -> None:
    vault = recorded.one("Vault")
    assert (vault["name"], vault["kmsKeyArn"]) == ("journal-prod", KEY)


@pytest.mark.parametrize("protect", [True, False])
def test_a_vault_with_backups_goes_only_where_nothing_is_protected(protect: bool) -> None:
    vault = record(protect=protect).one("Vault")
    assert vault.protect is protect
    assert vault["forceDestroy"] is not protect


PLANS = pytest.mark.parametrize("plan", ["backup-cluster", "backup-volumes"])


@PLANS
def test_a_plan_fills_the_vault_and_forgets_what_is_old(recorded: Recorder, plan: str) -> None:
    (rule,) = recorded.one("aws:backup/plan:Plan", plan)["rules"]
    assert rule["targetVaultName"] == "journal-prod"
    assert rule["lifecycle"] == {"deleteAfter": 35}
    assert rule["startWindow"] >= 60
    assert rule["completionWindow"] > rule["startWindow"]


def test_the_cluster_is_backed_up_by_name(recorded: Recorder) -> None:
    selection = recorded.one("Selection", "backup-cluster").inputs
    assert selection["resources"] == [CLUSTER]
    assert "conditions" not in selection


def conditions(selection: Mapping[str, Any]) -> dict[str, str]:
    (condition,) = selection["conditions"]
    return {equal["key"]: equal["value"] for equal in condition["stringEquals"]}


def test_volumes_are_those_that_the_environments_csi_driver_made_and_no_others(recorded: Recorder) -> None:
    selection = recorded.one("Selection", "backup-volumes").inputs
    assert selection["resources"] == ["arn:aws:ec2:eu-central-1:123456789012:volume/*"]
    assert conditions(selection) == {
        "aws:ResourceTag/ebs.csi.aws.com/cluster": "true",
        "aws:ResourceTag/Environment": "prod",
    }


def test_one_role_backs_up_and_restores_within_the_boundary(recorded: Recorder) -> None:
    role = recorded.one("aws:iam/role:Role")
    attached = {r["policyArn"].rpartition("/")[2] for r in recorded.all("RolePolicyAttachment")}
    assert role["permissionsBoundary"] == BOUNDARY
    assert attached == {"AWSBackupServiceRolePolicyForBackup", "AWSBackupServiceRolePolicyForRestores"}
    users = [*recorded.all("Selection"), recorded.one("RestoreTestingSelection")]
    assert {r["iamRoleArn"] for r in users} == {"arn:aws:iam:eu-west-1:123456789012:role/backup"}


def test_no_volume_has_two_backups_at_once(recorded: Recorder) -> None:
    """A backup of the cluster has its volumes in it, and a resource has one job at a time (AWS Backup quotas)."""
    plan_of = {s.name: s["planId"] for s in recorded.all("Selection")}
    assert plan_of["backup-cluster"] != plan_of["backup-volumes"]
    schedules = [rule["schedule"] for plan in recorded.all("Plan") for rule in plan["rules"]]
    assert schedules == ["cron(0 3 * * ? *)", "cron(0 6 * * ? *)"]


def test_nothing_is_backed_up_before_the_role_may_do_it(recorded: Recorder) -> None:
    policies, selections = {r.urn for r in recorded.all("RolePolicyAttachment")}, recorded.all("Selection")
    assert (len(policies), len(selections)) == (2, 2)
    assert [s.name for s in selections if not policies <= recorded.dependencies_of(s)] == []


def test_each_week_every_volumes_latest_backup_is_restored(recorded: Recorder) -> None:
    plan, selection = recorded.one("RestoreTestingPlan").inputs, recorded.one("RestoreTestingSelection").inputs
    chosen = plan["recoveryPointSelection"]
    assert re.fullmatch(r"[A-Za-z0-9_]{1,50}", plan["name"])
    assert re.fullmatch(r"[A-Za-z0-9_]{1,50}", selection["name"])
    assert chosen["includeVaults"] == ["arn:aws:backup:eu-west-1:123456789012:vault/backup"]
    assert chosen["algorithm"] == "LATEST_WITHIN_WINDOW"
    assert chosen["selectionWindowDays"] >= 7
    assert selection["restoreTestingPlanName"] == plan["name"]
    assert (selection["protectedResourceType"], selection["protectedResourceArns"]) == ("EBS", ["*"])


def test_no_restore_is_tested_where_the_settings_ask_for_none() -> None:
    untested = record(restore_testing=False)
    assert not untested.all("RestoreTestingPlan")
    assert not untested.all("RestoreTestingSelection")


def test_restore_tests_have_names_that_aws_takes() -> None:
    scope = Scope(name="journal-dev", environment="dev", account="1", region="eu-central-1", protect=False)
    assert restore_testing_name(scope) == "journal_dev"


def test_copies_go_to_a_vault_of_another_region_with_a_key_of_that_region() -> None:
    recorder = record(copyToRegion="eu-west-1")
    vault, key = recorder.one("Vault", "backup-copies"), recorder.one("Key", "backup-copies")
    assert key.provider is not None
    assert key.provider["region"] == "eu-west-1"
    assert json.loads(key.provider["allowedAccountIds"]) == ["123456789012"]
    assert json.loads(key.provider["defaultTags"])["tags"]["Environment"] == "prod"
    assert vault.provider == key.provider
    assert (vault["name"], vault["kmsKeyArn"]) == (
        "journal-prod",
        "arn:aws:kms:eu-west-1:123456789012:key/backup-copies",
    )
    assert vault.protect
    assert key.protect
    logs = next(s for s in json.loads(key["policy"])["Statement"] if s["Sid"] == "Logs")
    assert logs["Principal"] == {"Service": ["logs.eu-west-1.amazonaws.com"]}


@PLANS
@pytest.mark.parametrize(("copies", "days"), [({}, 35), ({"copyRetentionDays": 90}, 90)])
def test_a_copy_is_kept_as_long_as_its_backup_unless_the_settings_say(
    copies: dict[str, Any], days: int, plan: str
) -> None:
    recorder = record(copyToRegion="eu-west-1", **copies)
    (rule,) = recorder.one("aws:backup/plan:Plan", plan)["rules"]
    (action,) = rule["copyActions"]
    assert action["lifecycle"] == {"deleteAfter": days}
    assert action["destinationVaultArn"].endswith("/backup-copies")
    assert rule["lifecycle"] == {"deleteAfter": 35}


@PLANS
def test_without_a_region_nothing_is_copied(recorded: Recorder, plan: str) -> None:
    (rule,) = recorded.one("aws:backup/plan:Plan", plan)["rules"]
    assert "copyActions" not in rule
    assert len(recorded.all("Vault")) == 1


@pytest.mark.parametrize("protect", [True, False])
def test_a_vault_of_copies_goes_only_where_nothing_is_protected(protect: bool) -> None:
    vault = record(protect=protect, copyToRegion="eu-west-1").one("Vault", "backup-copies")
    assert (vault.protect, vault["forceDestroy"]) == (protect, not protect)
