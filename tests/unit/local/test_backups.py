"""`make backup` and `make restore`: jobs from the templates that the program made, against a kubectl that answers."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from local import backups
from local.access import Access
from tests.conftest import Recording
from tools.failures import Failure


@pytest.fixture
def cron_job(recorded: Callable[[str], Recording]) -> dict[str, Any]:
    return {"spec": recorded("local").one("CronJob", "redis-restore")["spec"]}


def kubectl(folder: Path, cron_job: dict[str, Any], condition: str, said: str) -> Access:
    """A kubectl that has one template, makes any job, and lets it end in one way."""
    status = {**cron_job["spec"]["jobTemplate"], "status": {"conditions": [{"type": condition, "status": "True"}]}}
    logs = "".join(f"[pod/{line}\n" for line in said.splitlines())
    for name, text in {"cronjob": json.dumps(cron_job), "job": json.dumps(status), "said": logs}.items():
        (folder / name).write_text(text)
    program = folder / "kubectl"
    program.write_text(
        f"""#!/bin/sh
cd {folder}
case "$*" in
  create*) cat > made ;;
  *"get cronjob"*) cat cronjob ;;
  *"get job"*) cat job ;;
  *logs*) cat said; exit 1 ;;
esac
"""
    )
    program.chmod(0o755)
    return Access(program, None, None, None)


def test_the_job_is_the_templates_with_the_backup_named(cron_job: dict[str, Any]) -> None:
    job = backups.job_of(cron_job, "redis-restore-1", {"FROM": "local-1.rdb"})
    pod = job["spec"]["template"]["spec"]
    for container in [*pod["initContainers"], *pod["containers"]]:
        assert {"name": "FROM", "value": "local-1.rdb"} in container["env"]
    assert job["metadata"]["namespace"] == "journal"
    assert backups.stack_of(cron_job) == "local"


def test_a_backup_says_where_it_is(tmp_path: Path, cron_job: dict[str, Any]) -> None:
    access = kubectl(tmp_path, cron_job, "Complete", "p/take] journal:entries: 3\np/store] stored: local-1.rdb\n")
    assert backups.backup(access, "local") == "local-1.rdb"


def test_a_restore_names_the_file_whatever_bucket_it_is_in(tmp_path: Path, cron_job: dict[str, Any]) -> None:
    access = kubectl(
        tmp_path, cron_job, "Complete", "p/restore] RPO: the backup was 3 s old\np/store] stored: local-2.rdb\n"
    )
    backups.restore(access, "local", "s3://journal-dev-backups-1/local-1.rdb")
    (container,) = json.loads((tmp_path / "made").read_text())["spec"]["template"]["spec"]["containers"]
    assert {"name": "FROM", "value": "local-1.rdb"} in container["env"]


def test_what_containers_say_is_in_the_order_in_which_they_run(cron_job: dict[str, Any]) -> None:
    """kubectl tells of containers in any order, and of those that never started an error."""
    said = "error: not started\n[pod/p/restore] restored a] b\n[pod/p/fetch] fetched\n[pod/p/restore]  [x] last\n"
    assert backups.in_order(said, ["fetch", "take", "restore"]) == "fetched\nrestored a] b\n [x] last"


def test_what_fails_is_said(tmp_path: Path, cron_job: dict[str, Any]) -> None:
    access = kubectl(tmp_path, cron_job, "Failed", "p/fetch] The bucket journal-dev-backups-1 is not there\n")
    with pytest.raises(Failure, match="The bucket journal-dev-backups-1 is not there"):
        backups.backup(access, "local")


def test_another_stacks_cluster_is_left_alone(tmp_path: Path, cron_job: dict[str, Any]) -> None:
    access = kubectl(tmp_path, cron_job, "Complete", "")
    with pytest.raises(Failure, match="The cluster runs stack local, not prod"):
        backups.restore(access, "prod", "prod-1.rdb")
    assert not (tmp_path / "made").exists()
