"""Pulumi's engine on the running cluster: what it changes, what it says of failures, and what ends it early."""

import base64
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
from typing import Any

import psutil
import pulumi
import pulumi_random as random
import pytest
from pulumi.automation import OpType
from pulumi_kubernetes.apps.v1 import Deployment as KubernetesDeployment
from pulumi_kubernetes.apps.v1 import DeploymentSpecArgs
from pulumi_kubernetes.core.v1 import (
    ConfigMap,
    ContainerArgs,
    EnvVarArgs,
    PodSpecArgs,
    PodTemplateSpecArgs,
    Secret,
)
from pulumi_kubernetes.helm.v3 import Release
from pulumi_kubernetes.meta.v1 import LabelSelectorArgs, ObjectMetaArgs

from components.kubernetes import container_security, create_provider, pod_security
from local import images
from local.access import Access, access
from local.pulumi import programs, workspace
from local.pulumi.deployment import Deployment
from local.pulumi.display import Watcher
from local.pulumi.programs import PulumiPrograms
from local.pulumi.workspace import StackHeld, StateFolder
from tools.failures import Failure
from tools.progress import NO_PROGRESS
from tools.terminal import Steps

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]
NAMESPACE = "deployment-test"
CREATE, UPDATE, REPLACE, DELETE = OpType.CREATE, OpType.UPDATE, OpType.REPLACE, OpType.DELETE
Program = Callable[[], None]


@pytest.fixture(scope="module")
def here() -> Iterator[Access]:
    """The cluster, with a namespace for these tests: deleting one takes Kubernetes five seconds."""
    found = access()
    found.run("delete", "namespace", NAMESPACE, "--ignore-not-found")
    found.run("create", "namespace", NAMESPACE)
    yield found
    found.run("delete", "namespace", NAMESPACE)


class Stack:
    """A stack of the test's own, with its state in a temporary folder. `printed` is what the last run said."""

    def __init__(
        self, here: Access, folder: StateFolder, programs: PulumiPrograms, capture: pytest.CaptureFixture[str]
    ) -> None:
        self.here, self.folder, self.programs, self.capture = here, folder, programs, capture
        self.printed = ""
        self.options = pulumi.ResourceOptions()

    def up(self, program: Program) -> Watcher:
        return self._run(program, lambda deployment, step: deployment.up(step)[1])

    def preview(self, program: Program, *, refresh: bool = False) -> Watcher:
        return self._run(program, lambda deployment, step: deployment.preview(step, refresh=refresh))

    def down(self) -> None:
        self._run(lambda: None, lambda deployment, step: deployment.down(step))

    def _run(self, program: Program, act: Callable[[Deployment, Any], Any]) -> Any:
        kubeconfig = self.here.kubeconfig

        def whole() -> None:
            options = pulumi.ResourceOptions()
            provider = create_provider("cluster", kubeconfig=str(kubeconfig), context=self.here.context, opts=options)
            self.options = pulumi.ResourceOptions(provider=provider)
            program()

        deployment = Deployment(self.here, self.programs, {}, self.folder, whole)
        self.capture.readouterr()
        try:
            with Steps() as steps, steps.step("test") as step:
                return act(deployment, step)
        finally:
            self.printed = self.capture.readouterr().out


@pytest.fixture
def stack(here: Access, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Stack]:
    made = Stack(here, StateFolder(tmp_path / "pulumi"), programs.build(NO_PROGRESS), capsys)
    yield made
    made.down()


def declaring(*makes: Callable[[], object]) -> Program:
    """A program that makes these."""

    def program() -> None:
        for make in makes:
            make()

    return program


def metadata(name: str) -> ObjectMetaArgs:
    return ObjectMetaArgs(name=name, namespace=NAMESPACE)


def config_map(stack: Stack, name: str = "settings", **data: str) -> ConfigMap:
    return ConfigMap(name, metadata=metadata(name), data=data, opts=stack.options)


def web(stack: Stack, image: str, *command: str, seconds: int = 120) -> KubernetesDeployment:
    """A Deployment of one pod that must be ready within so many seconds."""
    labels = {"app": "web"}
    container = ContainerArgs(
        name="main",
        image=image,
        command=list(command) or None,
        env=[EnvVarArgs(name="A", value="1")],
        security_context=container_security(),
    )
    return KubernetesDeployment(
        "web",
        metadata=metadata("web"),
        spec=DeploymentSpecArgs(
            replicas=1,
            min_ready_seconds=3,
            selector=LabelSelectorArgs(match_labels=labels),
            template=PodTemplateSpecArgs(
                metadata=ObjectMetaArgs(labels=labels),
                spec=PodSpecArgs(
                    containers=[container], security_context=pod_security(), termination_grace_period_seconds=0
                ),
            ),
        ),
        opts=pulumi.ResourceOptions.merge(
            stack.options, pulumi.ResourceOptions(custom_timeouts=pulumi.CustomTimeouts(create=f"{seconds}s"))
        ),
    )


def read(here: Access, kind: str, name: str) -> dict[str, Any]:
    return here.json("-n", NAMESPACE, "get", kind, name)


def test_what_is_declared_is_made_once_and_removed_when_it_is_not_declared(stack: Stack, here: Access) -> None:
    both = stack.up(declaring(lambda: config_map(stack, "one", a="1"), lambda: config_map(stack, "two", a="2")))
    assert sorted(both.changes) == [(CREATE, "one"), (CREATE, "two")]
    again = stack.up(declaring(lambda: config_map(stack, "one", a="1"), lambda: config_map(stack, "two", a="2")))
    assert again.summary == "nothing to change (2 unchanged)"
    fewer = stack.up(declaring(lambda: config_map(stack, "one", a="1")))
    assert fewer.changes == [(DELETE, "two")]
    assert read(here, "configmap", "one")["data"] == {"a": "1"}


def test_a_preview_shows_each_field_and_changes_nothing(stack: Stack, here: Access) -> None:
    stack.up(declaring(lambda: config_map(stack, a="1", b="2")))
    watcher = stack.preview(declaring(lambda: config_map(stack, a="9", b="2")))
    assert watcher.changes == [(UPDATE, "settings")]
    assert "data.a: 1 → 9" in stack.printed
    assert "data.b" not in stack.printed
    assert read(here, "configmap", "settings")["data"] == {"a": "1", "b": "2"}


def test_a_secret_is_in_no_line_that_is_printed(stack: Stack, here: Access) -> None:
    def program(length: int) -> Program:
        def declare() -> None:
            password = random.RandomPassword("password", length=length)
            data = {"password": password.result}
            Secret("auth", metadata=metadata("auth"), string_data=data, opts=stack.options)

        return declare

    stack.up(program(20))
    before = stack.printed
    first = read(here, "secret", "auth")["data"]["password"]
    assert stack.up(program(20)).summary == "nothing to change (2 unchanged)"
    stack.preview(program(24))
    printed = before + stack.printed
    assert "RandomPassword password" in printed
    changed = stack.up(program(24))
    assert (UPDATE, "auth") in changed.changes
    second = read(here, "secret", "auth")["data"]["password"]
    assert first != second

    secrets = [value for coded in (first, second) for value in (coded, base64.b64decode(coded).decode())]
    assert [value for value in secrets if value in printed + stack.printed] == []


def test_what_was_changed_by_hand_is_seen_and_repaired(stack: Stack, here: Access) -> None:
    """A changed field, a changed container, and a removed object."""
    image = images.references()["redis"]

    def program() -> None:
        config_map(stack, a="1")
        config_map(stack, "gone", a="1")
        web(stack, image, "sleep", "1000")

    stack.up(program)
    here.run("-n", NAMESPACE, "patch", "configmap", "settings", "-p", '{"data": {"a": "by hand"}}')
    here.run("-n", NAMESPACE, "set", "env", "deployment/web", "A=by-hand")
    here.run("-n", NAMESPACE, "delete", "configmap", "gone")
    assert stack.preview(program).summary.startswith("nothing to change")
    seen = stack.preview(program, refresh=True)
    assert {name for _, name in seen.changes} == {"settings", "gone", "web"}
    assert "data.a: by hand → 1" in stack.printed
    stack.up(program)
    assert read(here, "configmap", "settings")["data"] == {"a": "1"}
    assert read(here, "configmap", "gone")["data"] == {"a": "1"}
    (container,) = read(here, "deployment", "web")["spec"]["template"]["spec"]["containers"]
    assert [(variable["name"], variable.get("value")) for variable in container["env"]] == [("A", "1")]
    assert stack.up(program).summary.startswith("nothing to change")


def test_an_image_that_cannot_be_had_is_named_with_its_pod_and_what_to_do(stack: Stack) -> None:
    with pytest.raises(Failure) as caught:
        stack.up(declaring(lambda: web(stack, "localhost/none:1", seconds=15)))
    assert "Deployment web" in caught.value.message
    assert "image localhost/none:1 can't be had" in caught.value.message
    assert "container main of pod web-" in caught.value.message
    assert "import the image under this very name" in caught.value.hint


def test_a_crash_is_told_with_its_last_lines(stack: Stack) -> None:
    image = images.references()["redis"]
    with pytest.raises(Failure) as caught:
        stack.up(declaring(lambda: web(stack, image, "sh", "-c", "echo no settings; exit 3", seconds=15)))
    assert "crashes (exit code 3" in caught.value.message
    assert "no settings" in caught.value.log_tail


def test_after_a_failure_the_next_run_goes_on(stack: Stack) -> None:
    with pytest.raises(Failure):
        stack.up(declaring(lambda: web(stack, "localhost/none:1", seconds=10)))
    image = images.references()["redis"]
    stack.up(declaring(lambda: web(stack, image, "sleep", "1000")))
    assert stack.up(declaring(lambda: web(stack, image, "sleep", "1000"))).summary.startswith("nothing to change")


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


def test_a_state_of_another_passphrase_is_told_and_kept(stack: Stack) -> None:
    def program() -> None:
        random.RandomPassword("password", length=8)

    stack.up(program)
    right = stack.folder.passphrase.read_text()
    stack.folder.passphrase.write_text("another one")
    try:
        with pytest.raises(Failure, match=r"another passphrase than .*/passphrase"):
            stack.up(program)
        stack.folder.passphrase.unlink()
        with pytest.raises(Failure, match="passphrase is missing"):
            stack.up(program)
    finally:
        stack.folder.passphrase.write_text(right)
    assert stack.up(program).summary == "nothing to change (1 unchanged)"


def test_the_passphrase_is_its_owners_alone(stack: Stack) -> None:
    stack.up(lambda: None)
    assert stack.folder.passphrase.stat().st_mode & 0o777 == 0o600


def test_a_missing_plugin_is_told(stack: Stack, tmp_path: Path) -> None:
    right = stack.programs
    stack.programs = PulumiPrograms(cli=right.cli, plugins={**right.plugins, "random": tmp_path / "nothing"})
    with pytest.raises(Failure, match=r"plugin pulumi-resource-random \S+ is missing in .*nothing"):
        stack.up(declaring(lambda: random.RandomPassword("password", length=8)))
    stack.programs = right


def test_an_error_of_the_program_is_shown(stack: Stack) -> None:
    def program() -> None:
        raise pulumi.RunError("the settings are wrong")

    with pytest.raises(Failure, match="the settings are wrong"):
        stack.up(program)
