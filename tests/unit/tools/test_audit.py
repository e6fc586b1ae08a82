"""What judges say, and the table that is made of it."""

from pathlib import Path

import pytest
import yaml

from components.observability import rules
from tools.audit import alarms, judges
from tools.audit.verdicts import Skipped, Verdict, markdown

FOUND = """
=================================== FAILURES ===================================
__________________________________ POST /api ___________________________________
1. Test Case ID: 2JOyAh

- ST202 Schema-valid request rejected

    Valid data should have been accepted

- ST101 Server error

____________________________ PUT /api/entries/{id} _____________________________
1. Test Case ID: KSApCB

- ST202 Schema-valid request rejected

Test cases:
  1,442 generated, 3 found 3 unique failures
"""


def test_each_finding_of_schemathesis_is_told_with_its_operation() -> None:
    assert judges.said_by_schemathesis(FOUND) == (
        1442,
        [
            "POST /api: ST202 Schema-valid request rejected",
            "POST /api: ST101 Server error",
            "PUT /api/entries/{id}: ST202 Schema-valid request rejected",
        ],
    )


@pytest.mark.parametrize(("said", "generated"), [("Test cases:\n  98 generated, 98 passed", 98), ("no schema", 0)])
def test_what_found_nothing_and_what_did_nothing_differ(said: str, generated: int) -> None:
    assert judges.said_by_schemathesis(said) == (generated, [])


def test_the_file_has_every_finding_and_every_reason() -> None:
    skipped = Skipped(what="CKV_1", reason="Somebody weighed it | and said why.", times=3)
    found = Verdict(judge="checkov", version="3.3", looked_at="prod", failed=["a", "b"], skipped=[skipped])
    absent = Verdict(judge="trivy", version="", looked_at="", skipped=[Skipped(what="trivy", reason="no database")])
    lines = markdown([found, absent]).splitlines()
    assert "| checkov | 3.3 | prod | 2 | 3 |" in lines
    assert "| trivy |  |  | not run | 1 |" in lines
    assert [line for line in lines if line.startswith("- ")] == ["- checkov: a", "- checkov: b"]
    assert "| checkov | CKV_1 | 3 | Somebody weighed it \\| and said why. |" in lines
    assert "| trivy | trivy | 1 | no database |" in lines


def test_every_judge_that_is_not_run_says_why() -> None:
    assert all(verdict.skipped and not verdict.version for verdict in judges.not_run())


def test_every_lock_file_is_looked_at() -> None:
    looked_at = {lock for pattern in judges.LOCKS for lock in judges.stack.ROOT.glob(pattern)}
    known = {lock for lock in judges.stack.ROOT.glob("**/*.lock") if ".venv" not in lock.parts}
    assert {lock for lock in known if lock.name != "requirements-dev.lock"} <= looked_at


def test_promtool_tries_alarms_that_there_are_both_ways() -> None:
    """That they come, and that they don't."""
    file = yaml.safe_load((alarms.SOURCES / "alarms_test.yaml").read_text())
    tried = [one for test in file["tests"] for one in test["alert_rule_test"]]
    named = {alarm.name for alarm in rules.alarms(alarms.EXAMPLE)}
    assert {one["alertname"] for one in tried} <= named
    come = {one["alertname"] for one in tried if one.get("exp_alerts")}
    stay_away = {one["alertname"] for one in tried if not one.get("exp_alerts")}
    assert {"EdgeErrors", "CertificateOld", "BackupStopped", "BackupFailed"} <= come & stay_away


def test_what_promtool_says_is_a_finding_only_where_it_fails(tmp_path: Path) -> None:
    program = tmp_path / "promtool"
    program.write_text("#!/bin/sh\necho Checking rules.yaml\necho '  FAILED:'\necho \"$2: group is wrong\"\nexit $3\n")
    program.chmod(0o755)
    assert alarms.said(program, tmp_path, "check", "rules", "0") == []
    assert alarms.said(program, tmp_path, "check", "rules", "1") == ["rules: group is wrong"]
