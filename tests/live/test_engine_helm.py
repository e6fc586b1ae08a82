"""The embedded engine deploys Helm releases: skips what is as declared, recovers what was cut off, uninstalls."""

import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pulumi
import pytest
from pulumi_kubernetes.helm.v3 import Release

from local import cluster as local_cluster
from local.engine import Action, EngineError, ResourceError, State, Target
from local.engine.cluster import Cluster
from local.engine.helm import Helm
from local.engine.objects import Ref
from tests.live.engine_stack import Stack, counts, kubeconfig

pytestmark = pytest.mark.live
NAME = "engine-test-helm"
DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: "{{ .Release.Name }}"}
spec:
  selector: {matchLabels: {app: chart}}
  template:
    metadata: {labels: {app: chart}}
    spec:
      terminationGracePeriodSeconds: 0
      containers: [{name: main, image: "{{ .Values.image }}", imagePullPolicy: IfNotPresent}]
---
apiVersion: v1
kind: ConfigMap
metadata: {name: "{{ .Release.Name }}"}
data: {greeting: "{{ .Values.greeting }}", password: "{{ .Values.password }}"}
"""
HOOK = """
apiVersion: batch/v1
kind: Job
metadata: {name: "{{ .Release.Name }}-slow", annotations: {"helm.sh/hook": "pre-install,pre-upgrade"}}
spec: {suspend: true, template: {spec: {restartPolicy: Never, containers: [{name: main, image: none}]}}}
"""


@pytest.fixture
def chart(tmp_path: Path) -> Path:
    folder = tmp_path / "chart"
    (folder / "templates").mkdir(parents=True)
    (folder / "Chart.yaml").write_text("apiVersion: v2\nname: chart\nversion: 1.2.3\nappVersion: '7'\n")
    (folder / "values.yaml").write_text("image: registry.k8s.io/pause:3.10\ngreeting: hello\npassword: none\n")
    (folder / "templates" / "all.yaml").write_text(DEPLOYMENT)
    return folder


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    cluster = Cluster(kubeconfig())
    named = shutil.which("helm")
    helm = Path(named) if named else local_cluster.helm_path()
    target = Target(state=tmp_path / "state", kubeconfig=kubeconfig(), timeout=60, image_patience=4, helm=helm)
    made = Stack(NAME, NAME, target, cluster, own=True)
    made.down()
    yield made
    made.own = True
    made.down()
    cluster.close()


def release(stack: Stack, chart: Path, **values: pulumi.Input[str]) -> Release:
    return Release("r", name="r", namespace=NAME, chart=str(chart), values=values, timeout=20, opts=stack.options())


def revision(stack: Stack) -> int:
    last = Helm(stack.cluster, stack.target.helm, threading.Event()).last(NAME, "r")
    assert last is not None
    assert last.status == "deployed"
    return last.number


def test_a_release_is_installed_once_upgraded_on_change_and_uninstalled(stack: Stack, chart: Path) -> None:
    assert counts(stack.preview(lambda: release(stack, chart)).summary) == {"create": 2}

    def program() -> None:
        made = release(stack, chart)
        pulumi.export("version", made.status.version)
        pulumi.export("id", made.id)

    assert stack.up(program).outputs == {"version": "1.2.3", "id": f"{NAME}/r"}
    assert stack.found("apps/v1", "Deployment", "r")["status"]["availableReplicas"] == 1
    assert revision(stack) == 1
    assert counts(stack.preview(program).summary) == {"unchanged": 2}
    again = stack.up(program)
    assert counts(again.summary) == {"unchanged": 2}
    assert revision(stack) == 1

    planned = stack.preview(lambda: release(stack, chart, greeting="moin", password=pulumi.Output.secret("hush hush")))
    assert counts(planned.summary) == {"update": 1, "unchanged": 1}
    (event,) = [e for e in stack.events if e.action == Action.UPDATE]
    assert {path: new for path, _, new in event.diff} == {
        "values.greeting": "moin",
        "values.password": "[secret]",
    }
    stack.up(lambda: release(stack, chart, greeting="moin", password=pulumi.Output.secret("hush hush")))
    assert stack.found("v1", "ConfigMap", "r")["data"] == {"greeting": "moin", "password": "hush hush"}
    assert "hush hush" not in repr(stack.events)
    assert revision(stack) == 2

    (chart / "values.yaml").write_text("image: registry.k8s.io/pause:3.10\ngreeting: salve\npassword: none\n")
    assert counts(stack.up(lambda: release(stack, chart)).summary) == {"update": 1, "unchanged": 1}
    assert stack.found("v1", "ConfigMap", "r")["data"]["greeting"] == "salve"

    stack.up(lambda: None)
    assert stack.get("apps/v1", "Deployment", "r") is None
    assert stack.cluster.list("v1", "Secret", NAME, "owner=helm") == []


def test_what_was_taken_away_is_put_back(stack: Stack, chart: Path) -> None:
    stack.up(lambda: release(stack, chart))
    stack.cluster.delete(Ref("apps/v1", "Deployment", NAME, "r"))
    assert counts(stack.up(lambda: release(stack, chart)).summary) == {"update": 1, "unchanged": 1}
    assert stack.found("apps/v1", "Deployment", "r")["status"]["availableReplicas"] == 1


def test_why_a_release_is_not_ready(stack: Stack, chart: Path) -> None:
    with pytest.raises(ResourceError, match=r"Release r: .*image localhost/no/such:1 can't be had"):
        stack.up(lambda: release(stack, chart, image="localhost/no/such:1"))
    assert [e for e in stack.events if e.state == State.WAITING and "Deployment" in e.detail]
    stack.up(lambda: release(stack, chart))
    assert stack.found("apps/v1", "Deployment", "r")["status"]["availableReplicas"] == 1


def test_a_failed_release_says_what_helm_said_and_can_be_tried_again(stack: Stack, chart: Path) -> None:
    template = chart / "templates" / "all.yaml"
    template.write_text(
        DEPLOYMENT + "---\napiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {ports: [{port: -1}]}\n"
    )
    with pytest.raises(
        ResourceError, match=r"(?s)helm upgrade ended with status 1:.*spec.ports\[0\].port: Invalid value: -1"
    ):
        stack.up(lambda: release(stack, chart))
    template.write_text(DEPLOYMENT)
    stack.up(lambda: release(stack, chart))
    assert stack.found("apps/v1", "Deployment", "r")["status"]["availableReplicas"] == 1


@pytest.mark.parametrize("installed", [False, True])
def test_a_release_that_was_cut_off_is_taken_up_again(stack: Stack, chart: Path, installed: bool) -> None:
    """Killed by SIGKILL, helm leaves `pending-install` or `pending-upgrade`, and refuses every later operation."""
    stack.up(lambda: release(stack, chart) if installed else None)
    hook = chart / "templates" / "hook.yaml"
    hook.write_text(HOOK)
    config = ["--kubeconfig", str(kubeconfig()), "--namespace", NAME]
    with subprocess.Popen([str(stack.target.helm), "upgrade", "--install", "r", str(chart), *config]) as process:
        wait_for_secret(stack, "pending-upgrade" if installed else "pending-install")
        process.send_signal(signal.SIGKILL)
    hook.unlink()
    wanted = {"update": 1, "unchanged": 1}
    assert counts(stack.up(lambda: release(stack, chart, greeting="again")).summary) == wanted
    assert stack.found("v1", "ConfigMap", "r")["data"]["greeting"] == "again"


def wait_for_secret(stack: Stack, status: str) -> None:
    end = time.monotonic() + 20
    while not stack.cluster.list("v1", "Secret", NAME, f"owner=helm,status={status}"):
        assert time.monotonic() < end, f"helm never wrote {status}"


def test_helm_is_asked_for_by_name(stack: Stack, chart: Path, tmp_path: Path) -> None:
    helm, stack.target = stack.target.helm, replace(stack.target, helm=tmp_path / "helm")
    with pytest.raises(EngineError, match=r"there is none at .*/helm"):
        stack.up(lambda: release(stack, chart))
    stack.target = replace(stack.target, helm=helm)
