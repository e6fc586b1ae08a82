"""Backups of Redis' data on request: Jobs that are made from the templates in the cluster."""

import json
import subprocess
import time
from collections.abc import Mapping
from typing import Any

from components.journal import NAMESPACE
from components.redis import BACKUP, RESTORE
from local.access import Access
from tools.failures import Failure, tail
from tools.terminal import console

PATIENCE_SECONDS = 35 * 60
"""Longer than a job may take (components/redis/backup.py)."""
STORED = "stored: "
"""What the job's last container says before the backup's name."""


def job_of(cron_job: Mapping[str, Any], name: str, environment: Mapping[str, str]) -> dict[str, Any]:
    """A Job from a CronJob's template, with values of the containers' environment variables changed."""
    template = json.loads(json.dumps(cron_job["spec"]["jobTemplate"]))
    pod = template["spec"]["template"]["spec"]
    for container in [*pod.get("initContainers", []), *pod["containers"]]:
        for entry in container["env"]:
            if entry["name"] in environment:
                entry["value"] = environment[entry["name"]]
    metadata = {"name": name, "namespace": NAMESPACE, "labels": template["metadata"].get("labels", {})}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": template["spec"]}


def stack_of(cron_job: Mapping[str, Any]) -> str:
    """The stack whose data the jobs of a template are for."""
    (container,) = cron_job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    return next(entry["value"] for entry in container["env"] if entry["name"] == "STACK")


def stored(said: str) -> str:
    """The name of the backup that a job has stored, by what its containers said."""
    return next(line.removeprefix(STORED) for line in reversed(said.splitlines()) if line.startswith(STORED))


def backup(access: Access, stack: str) -> str:
    """Takes a backup now. Returns where it is."""
    place = stored(run(access, BACKUP, stack, {}))
    console.print(f"The backup is {place}", highlight=False)
    return place


def restore(access: Access, stack: str, source: str) -> None:
    """Backs up what there is, so that it can come back, and puts a backup in its place: all in one job."""
    began = time.monotonic()
    said = run(access, RESTORE, stack, {"FROM": source.rpartition("/")[2]})
    console.print(said.strip(), highlight=False, markup=False)
    console.print(f"To go back to what there was, restore {stored(said)}")
    console.print(f"RTO of the whole command: {time.monotonic() - began:.1f} s", highlight=False)


def run(access: Access, template: str, stack: str, environment: Mapping[str, str]) -> str:
    """Runs a job of a template to its end. Returns what its containers say."""
    cron_job = access.json("-n", NAMESPACE, "get", "cronjob", template)
    if stack_of(cron_job) != stack:
        raise Failure(
            f"The cluster runs stack {stack_of(cron_job)}, not {stack}.",
            "Name the stack by STACK, and its cluster by KUBE_CONTEXT.",
        )
    name = f"{template}-{int(time.time())}"
    job = json.dumps(job_of(cron_job, name, environment))
    command = [*access.command(), "create", "-f", "-"]
    made = subprocess.run(command, input=job.encode(), capture_output=True, check=False)
    if made.returncode != 0:
        raise Failure(f"The job {name} was not made.", log_tail=tail(made.stderr.decode(errors="replace")))
    return _wait(access, name)


def _wait(access: Access, name: str) -> str:
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        status = access.json("-n", NAMESPACE, "get", "job", name).get("status", {})
        ended = {found["type"] for found in status.get("conditions", []) if found["status"] == "True"}
        if "Complete" in ended:
            return _said(access, name)
        if "Failed" in ended:
            raise Failure(
                f"The job {name} failed.",
                "See docs/runbooks.md, Back up the journal, and restore it.",
                tail(_said(access, name)),
            )
        time.sleep(0.5)
    raise Failure(f"The job {name} has not ended.", f"See `make kubectl ARGS='-n {NAMESPACE} describe job {name}'`.")


def _said(access: Access, name: str) -> str:
    """What the job's pods say; a container that never started says nothing."""
    command = [*access.command(), "-n", NAMESPACE, "logs", "-l", f"job-name={name}", "--all-containers", "--tail=100"]
    return subprocess.run(command, capture_output=True, check=False).stdout.decode(errors="replace")
