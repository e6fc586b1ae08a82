"""Runs of Pulumi's engine that were killed, and runs that meet: what the next one makes of it."""

import contextlib
import json
import os
import shlex
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from pulumi.automation import OpType
from pulumi_kubernetes.helm.v3 import Release

from local.access import Access
from local.pulumi import workspace
from local.pulumi.workspace import StackHeld
from tests.live.deployments import NAMESPACE, Program, Stack, config_map, declaring, here, read, stack
from tests.live.load import ONLY_DRILLS

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]
CREATE, UPDATE, REPLACE, DELETE = OpType.CREATE, OpType.UPDATE, OpType.REPLACE, OpType.DELETE
__all__ = ["here", "stack"]  # fixtures


@pytest.fixture
def orphan(tmp_path: Path) -> Iterator[psutil.Process]:
    """A process that is called pulumi, and whose parent is gone."""
    program = tmp_path / "pulumi-orphan"
    shutil.copyfile(str(shutil.which("sleep")), program)
    program.chmod(0o755)
    script = f"{shlex.quote(str(program))} 300 >/dev/null 2>&1 & echo $!"
    said = subprocess.run(["setsid", "sh", "-c", script], capture_output=True, text=True, check=True)
    process = psutil.Process(int(said.stdout))
    yield process
    with contextlib.suppress(psutil.NoSuchProcess):
        process.kill()


def lock_by(stack: Stack, pid: int) -> Path:
    """A lock file as Pulumi writes it."""
    stack.folder.locks.mkdir(parents=True, exist_ok=True)
    lock = stack.folder.locks / "0b2f3a9e-0000-4000-8000-000000000000.json"
    content = {"pid": pid, "username": "x", "hostname": socket.gethostname(), "timestamp": "2026-11-01T00:00:00Z"}
    lock.write_text(json.dumps(content))
    return lock


def test_a_lock_of_a_living_process_is_respected_and_of_a_dead_one_released(stack: Stack, tmp_path: Path) -> None:
    def program() -> None:
        config_map(stack, a="1")

    stack.up(program)
    named_pulumi = tmp_path / "pulumi-living"
    shutil.copyfile(str(shutil.which("sleep")), named_pulumi)
    named_pulumi.chmod(0o755)
    with subprocess.Popen([str(named_pulumi), "300"]) as living:
        lock = lock_by(stack, living.pid)
        with pytest.raises(StackHeld, match=f"process {living.pid}, since 2026-11-01"):
            stack.up(program)
        assert lock.exists()
        living.kill()
    assert stack.up(program).summary.startswith("nothing to change")
    assert "released the lock of a run that was killed" in stack.printed


@ONLY_DRILLS
def test_a_cli_whose_terminal_program_was_killed_is_ended_in_order(stack: Stack, orphan: psutil.Process) -> None:
    def program() -> None:
        config_map(stack, a="1")

    stack.up(program)
    lock_by(stack, orphan.pid)
    assert stack.up(program).summary.startswith("nothing to change")
    assert f"waits for process {orphan.pid}" in stack.printed
    assert not psutil.pid_exists(orphan.pid) or orphan.status() == psutil.STATUS_ZOMBIE


def test_two_runs_of_one_stack_do_not_meet(stack: Stack) -> None:
    def program() -> None:
        config_map(stack, a="1")

    stack.up(program)
    with workspace.held(stack.folder), pytest.raises(StackHeld, match=f"process {os.getpid()}"):
        stack.up(program)


def test_a_pending_creation_is_taken_over(stack: Stack, here: Access) -> None:
    """As a killed run leaves it: the object is in the cluster, and the state only knows that it was to be made."""

    def both() -> None:
        config_map(stack, "one", a="1")
        config_map(stack, "two", a="2")

    stack.up(both)
    uid = read(here, "configmap", "two")["metadata"]["uid"]
    state = json.loads(stack.folder.stack_file.read_text())
    latest = state["checkpoint"]["latest"]
    (two,) = [r for r in latest["resources"] if r["urn"].endswith("ConfigMap::two")]
    latest["resources"].remove(two)
    kept = {key: value for key, value in two.items() if key not in ("id", "outputs")}
    latest["pending_operations"] = [{"resource": kept, "type": "creating"}]
    stack.folder.stack_file.write_text(json.dumps(state))
    again = stack.up(both)
    assert "took over 1 of 1 objects" in stack.printed
    assert again.changes == []
    assert read(here, "configmap", "two")["metadata"]["uid"] == uid


CHART = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: of-a-chart}
data: {text: "{{ .Values.text }}"}
{{ if .Values.waits }}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: never-bound}
spec: {storageClassName: none, accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Mi}}}
{{ end }}
"""


@pytest.fixture
def chart(tmp_path: Path) -> Path:
    """A Helm chart of a ConfigMap, and with `waits` of a claim for which `helm --wait` waits in vain."""
    folder = tmp_path / "chart"
    (folder / "templates").mkdir(parents=True)
    (folder / "Chart.yaml").write_text("{apiVersion: v2, name: demo, version: 1.0.0}")
    (folder / "templates" / "all.yaml").write_text(CHART)
    return folder


def test_a_helm_release_whose_upgrade_was_killed_can_be_upgraded(stack: Stack, here: Access, chart: Path) -> None:
    def program(text: str) -> Program:
        values = {"text": text}
        return declaring(
            lambda: Release(
                "demo", name="demo", namespace=NAMESPACE, chart=str(chart), values=values, opts=stack.options
            )
        )

    stack.up(program("1"))
    command = [str(here.helm), "-n", NAMESPACE, "--kubeconfig", str(here.kubeconfig), "upgrade", "demo", str(chart)]
    with subprocess.Popen([*command, "--set", "waits=true,text=half", "--wait"]) as helm:
        until(lambda: read(here, "configmap", "of-a-chart")["data"]["text"] == "half")
        helm.kill()
    assert "pending-upgrade" in helm_statuses(here)
    stack.up(program("2"))
    assert "dropped a revision of Helm release demo" in stack.printed
    assert read(here, "configmap", "of-a-chart")["data"] == {"text": "2"}
    assert "pending-upgrade" not in helm_statuses(here)


def helm_statuses(here: Access) -> list[str]:
    secrets = here.json("-n", NAMESPACE, "get", "secrets", "-l", "owner=helm,name=demo")["items"]
    return [secret["metadata"]["labels"]["status"] for secret in secrets]


def until(holds: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)
