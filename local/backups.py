"""Backups on request: of Redis' data by Jobs from the templates in the cluster, and of the cluster built here."""

import json
import re
import subprocess
import time
from collections.abc import Mapping, Sequence
from typing import Any

from components.journal import NAMESPACE
from components.redis import BACKUP, RESTORE
from local import cluster
from local.access import Access, named_context
from local.pulumi.workspace import StateFolder, held
from tools.failures import Failure, tail
from tools.terminal import Steps, console

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
    """The name of the backup that a job has stored, by what its containers said. Raises Failure."""
    for line in reversed(said.splitlines()):
        if line.startswith(STORED):
            return line.removeprefix(STORED)
    raise Failure("The job ended well, and does not say where the backup is.", log_tail=tail(said))


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


def is_of_cluster(source: str) -> bool:
    """Whether a backup is of a cluster, by its name. Raises Failure where the cluster is not ours."""
    if not source.endswith(cluster.SUFFIX):
        return False
    if (context := named_context()) is not None:
        raise Failure(f"{source} is of a local cluster, and KUBE_CONTEXT is {context}.", "Unset KUBE_CONTEXT.")
    return True


def back_up_cluster() -> None:
    """Back up the cluster that was built here, while no other command works with its stack."""
    began = time.monotonic()
    with held(StateFolder.of(None)):
        path, content, still = cluster.back_up(cluster.located())
        removed = cluster.prune()
    console.print(
        f"The cluster's backup is {path.name}: {content.keys} keys, loaded to check it. It took "
        f"{time.monotonic() - began:.1f} s; etcd stood still for {still:.2f} s."
    )
    if removed:
        console.print(f"Removed, to keep {cluster.KEPT}: {', '.join(removed)}.")


def restore_cluster(source: str) -> None:
    """Back up the cluster that there is, put a backup in its place, and start it. source: a name, or a path."""
    path = cluster.backups_folder() / source  # an absolute path stays what it is
    began = time.monotonic()
    with Steps() as steps, steps.step("restore the cluster") as step:
        programs = cluster.build(step)
        with held(StateFolder.of(None)):
            _back_up_first()
            content = cluster.restore(path, programs)
        cluster.start(programs, step)
    console.print(
        f"{content.keys} keys, as the backup says. RTO of the whole command: {time.monotonic() - began:.1f} s"
    )
    console.print("The stack's pods start by themselves; `make status` shows them, and `make up` waits for them.")


def _back_up_first() -> None:
    """A cluster that cannot be backed up any more is no reason not to restore one."""
    if cluster.status().node is None:
        return
    try:
        path, _, _ = cluster.back_up(cluster.located())
        console.print(f"To go back to what there was, restore {path.name}")
    except cluster.ClusterError as error:
        console.print(f"What there is can't be backed up, and is replaced: {error.message}")


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
    """What the containers of the job's pods say; one that never started says nothing."""
    command = [*access.command(), "-n", NAMESPACE, "logs", "-l", f"job-name={name}", "--all-containers", "--tail=100"]
    done = subprocess.run([*command, "--prefix", "--ignore-errors"], capture_output=True, check=False)
    pod = access.json("-n", NAMESPACE, "get", "job", name)["spec"]["template"]["spec"]
    containers = [container["name"] for container in [*pod["initContainers"], *pod["containers"]]]
    return in_order(done.stdout.decode(errors="replace"), containers)


def in_order(said: str, containers: Sequence[str]) -> str:
    """The lines of `kubectl logs --prefix` (`[pod/NAME/CONTAINER] text`), without it, by container."""
    lines = re.findall(r"^\[pod/[^/]+/([^]]+)\] (.*)$", said, re.MULTILINE)
    return "\n".join(text for name in containers for container, text in lines if container == name)
