"""The embedded engine waits for pods: until they are ready, and with the reason when they aren't."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pulumi
import pulumi_kubernetes as k8s
import pytest
from pulumi_kubernetes.apps.v1 import DaemonSet, Deployment, StatefulSet
from pulumi_kubernetes.batch.v1 import Job
from pulumi_kubernetes.core.v1 import PersistentVolumeClaim, Service

from local.engine import Action, EngineError, ResourceError, State, Target
from local.engine.cluster import Cluster
from local.engine.inventory import name_of
from local.engine.objects import Ref
from tests.live.engine_stack import Stack, cluster_with, counts, kubeconfig
from tests.live.pod_specs import SHELL, Json, template, workload

pytestmark = pytest.mark.live
NAMESPACE = "engine-test-pods"
READY_FILE: Json = {"readinessProbe": {"exec": {"command": ["sh", "-c", "test -e /tmp/ready"]}, "periodSeconds": 1}}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with cluster_with(NAMESPACE) as cluster:
        yield cluster


@pytest.fixture
def stack(cluster: Cluster, tmp_path: Path) -> Iterator[Stack]:
    target = Target(state=tmp_path, kubeconfig=kubeconfig(), timeout=90, image_patience=4)
    made = Stack(NAMESPACE, NAMESPACE, target, cluster)
    yield made
    made.down()


def deploy(stack: Stack, pod: Json, *, name: str = "d", replicas: int = 1, **more: Any) -> Deployment:
    return stack.make(Deployment, name, options=more, spec=workload(replicas, pod))


def test_up_ends_when_pods_are_available(stack: Stack) -> None:
    slow = template(SHELL, "sleep 2; touch /tmp/ready; exec sleep 1000", **READY_FILE)
    made = stack.up(lambda: pulumi.export("available", deploy(stack, slow, replicas=2).status.available_replicas))
    assert made.outputs == {"available": 2}
    (done,) = [e for e in stack.events if e.state == State.DONE]
    assert 2 < done.seconds < 60
    again = stack.up(lambda: deploy(stack, slow, replicas=2))
    assert counts(again.summary) == {"unchanged": 1}
    changed = template(SHELL, "sleep 1; touch /tmp/ready; exec sleep 1001", **READY_FILE)
    stack.up(lambda: deploy(stack, changed, replicas=2))
    status = stack.found("apps/v1", "Deployment", "d")["status"]
    assert status["updatedReplicas"] == status["availableReplicas"] == status["replicas"] == 2


def test_waits_go_on_side_by_side(stack: Stack) -> None:
    def program() -> None:
        for name in ("w1", "w2", "w3", "w4", "w5", "w6"):
            pod = template(SHELL, "sleep 4; touch /tmp/ready; exec sleep 1000", **READY_FILE)
            pod["metadata"] = {"labels": {"app": name}}
            spec = {"selector": {"matchLabels": {"app": name}}, "template": pod}
            stack.make(Deployment, name, spec=spec)

    made = stack.up(program)
    waited = sum(e.seconds for e in stack.events if e.state == State.DONE)
    assert counts(made.summary) == {"create": 6}
    assert waited > 6 * 4
    assert made.summary.seconds < waited / 2


def test_a_stateful_set_keeps_its_volumes_when_it_is_replaced(stack: Stack) -> None:
    claim = {
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}},
    }
    mounts: Json = {"volumeMounts": [{"name": "data", "mountPath": "/data"}]}

    def program(service: str, app: str) -> None:
        pod = template(SHELL, "date +%s%N >> /data/starts; exec sleep 1000", **mounts)
        pod["metadata"] = {"labels": {"app": app}}
        spec = {**workload(2, pod, serviceName=service, volumeClaimTemplates=[claim])}
        spec["selector"] = {"matchLabels": {"app": app}}
        stack.make(StatefulSet, "s", spec=spec)

    stack.up(lambda: program("one", "a"))
    volumes = [stack.found("v1", "PersistentVolumeClaim", f"data-s-{i}")["spec"]["volumeName"] for i in (0, 1)]
    for service, app in [("two", "a"), ("two", "b")]:
        assert counts(stack.up(lambda service=service, app=app: program(service, app)).summary) == {"replace": 1}
        assert stack.found("apps/v1", "StatefulSet", "s")["status"]["readyReplicas"] == 2
        now = [stack.found("v1", "PersistentVolumeClaim", f"data-s-{i}")["spec"]["volumeName"] for i in (0, 1)]
        assert now == volumes
    stack.down()
    for index in (0, 1):
        assert stack.found("v1", "PersistentVolumeClaim", f"data-s-{index}")["status"]["phase"] == "Bound"
        stack.cluster.delete(Ref("v1", "PersistentVolumeClaim", NAMESPACE, f"data-s-{index}"))


def test_jobs_daemon_sets_claims_and_addresses(stack: Stack) -> None:
    def program() -> None:
        stack.make(
            Job,
            "j",
            spec={"template": template(SHELL, "true", restart="Never")},
            opts=stack.options(),
        )
        spec = {"selector": {"matchLabels": {"app": "a"}}, "template": template()}
        stack.make(DaemonSet, "d", spec=spec)
        size = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}}
        stack.make(PersistentVolumeClaim, "c", spec=size)
        ports = [{"port": 8099}]
        spec = {"type": "LoadBalancer", "ports": ports, "selector": {"app": "a"}}
        balancer = stack.make(Service, "b", spec=spec)
        pulumi.export("address", balancer.status.load_balancer.ingress[0].ip)

    made = stack.up(program)
    assert made.outputs == {"address": "10.123.0.2"}
    assert stack.found("batch/v1", "Job", "j")["status"]["succeeded"] == 1
    assert stack.found("apps/v1", "DaemonSet", "d")["status"]["numberAvailable"] == 1
    assert counts(stack.up(program).summary) == {"unchanged": 4}


def failing(stack: Stack, pod: Json, said: str, limit: float = 12, **more: Any) -> str:
    begun = time.monotonic()
    with pytest.raises(ResourceError, match=said) as caught:
        stack.up(lambda: deploy(stack, pod, **more), timeout=limit)
    assert time.monotonic() - begun < limit + 8
    assert str(caught.value).startswith("Deployment d: ")
    return str(caught.value)


def test_why_an_image_cannot_be_had(stack: Stack) -> None:
    message = failing(
        stack, template("localhost/engine-test/none:1"), "image localhost/engine-test/none:1 can't be had", 60
    )
    assert "doesn't become ready" in message
    assert "Build or import the image" in message
    waiting = [e.detail for e in stack.events if e.state == State.WAITING]
    assert any("can't be had" in detail for detail in waiting)


def test_why_a_pod_cannot_be_scheduled(stack: Stack) -> None:
    pod = template(resources={"requests": {"cpu": "1000"}})
    failing(
        stack,
        pod,
        r"isn't ready after 1\d s: pod d-\S+ can't be scheduled: 0/1 nodes are available: 1 Insufficient cpu",
    )


def test_why_a_container_crashes_with_its_last_lines(stack: Stack) -> None:
    script = "for i in 1 2 3 4 5 6 7 8 9; do echo line $i; done; echo the config has no host; exit 3"
    message = failing(
        stack, template(SHELL, script, **READY_FILE), r"container main of pod d-\S+ crashes \(exit code 3"
    )
    assert "    line 9\n    the config has no host" in message
    assert "line 1\n" not in message


def test_why_a_container_cannot_start(stack: Stack) -> None:
    pod = template(SHELL, "sleep 1", envFrom=[{"secretRef": {"name": "no-such"}}])
    failing(stack, pod, r'CreateContainerConfigError: secret "no-such" not found')


def test_why_a_volume_cannot_be_mounted(stack: Stack) -> None:
    pod = template(volumeMounts=[{"name": "v", "mountPath": "/v"}])
    pod["spec"] = {**pod["spec"], "volumes": [{"name": "v", "configMap": {"name": "no-such"}}]}
    failing(stack, pod, r'configmap "no-such" not found')


def test_why_a_probe_fails(stack: Stack) -> None:
    probe = {"exec": {"command": ["sh", "-c", "echo not yet, Redis is away; exit 1"]}, "periodSeconds": 1}
    failing(
        stack,
        template(SHELL, "exec sleep 1000", readinessProbe=probe),
        "Readiness probe failed: not yet, Redis is away",
    )


def test_why_no_pod_is_made(stack: Stack) -> None:
    def program() -> None:
        quota = stack.make(k8s.core.v1.ResourceQuota, "q", spec={"hard": {"pods": "0"}})
        deploy(stack, template(), depends_on=[quota])

    with pytest.raises(ResourceError, match=r"no pod is made: Error creating: pods .* is forbidden: exceeded quota: q"):
        stack.up(program, timeout=6)


def test_why_a_job_failed_at_once(stack: Stack) -> None:
    spec = {"backoffLimit": 0, "template": template(SHELL, "echo no such table; exit 4", restart="Never")}
    with pytest.raises(ResourceError, match=r"(?s)Job j: doesn't become ready: .*exit code 4.*no such table"):
        stack.up(lambda: stack.make(Job, "j", spec=spec), timeout=60)


def test_time_limits_of_a_resource_and_of_its_annotation(stack: Stack) -> None:
    pod = template(resources={"requests": {"cpu": "1000"}})
    limits = pulumi.CustomTimeouts(create="3s", update="3s")
    failing(stack, pod, r"isn't ready after 3 s", custom_timeouts=limits)
    meta = stack.metadata("d", annotations={"pulumi.com/skipAwait": "true"})
    stack.up(lambda: stack.make(Deployment, "d", metadata=meta, spec=workload(1, pod)))


def test_one_failure_ends_the_waits_of_the_others(stack: Stack) -> None:
    def program() -> None:
        deploy(stack, template(resources={"requests": {"cpu": "1000"}}))
        spec = {"backoffLimit": 0, "template": template(SHELL, "exit 1", restart="Never")}
        stack.make(Job, "j", spec=spec)

    begun = time.monotonic()
    with pytest.raises(ResourceError, match="Job j"):
        stack.up(program)
    assert time.monotonic() - begun < 60
    (ended,) = [e for e in stack.events if e.name == "d" and e.state == State.FAILED]
    assert "not waited for to the end" in ended.detail


def test_an_interrupted_wait_goes_on_in_the_next_run(stack: Stack) -> None:
    with pytest.raises(EngineError):
        stack.up(lambda: deploy(stack, template(resources={"requests": {"cpu": "1000"}})), timeout=2)
    made = stack.up(lambda: deploy(stack, template()))
    assert counts(made.summary) == {"update": 1}
    assert stack.done(Action.UPDATE) == ["d"]


def test_a_deployment_deleted_by_someone_else_while_it_is_waited_for(stack: Stack) -> None:
    ref = Ref("apps/v1", "Deployment", NAMESPACE, "d")

    def meddle() -> None:
        while stack.cluster.get(ref) is None:
            time.sleep(0.05)
        stack.cluster.delete(ref)

    thread = threading.Thread(target=meddle)
    thread.start()
    failing(stack, template(resources={"requests": {"cpu": "1000"}}), "was deleted by someone else")
    thread.join()


WAITING = """
    import signal
    import sys
    from pathlib import Path
    from pulumi_kubernetes.apps.v1 import Deployment
    from local.engine import State, Target, up

    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
    namespace, kubeconfig, state = sys.argv[1:]
    pod = {"metadata": {"labels": {"app": "a"}}, "spec": {"containers": [
        {"name": "main", "image": "registry.k8s.io/pause:3.10", "resources": {"requests": {"cpu": "1000"}}}
    ]}}
    spec = {"selector": {"matchLabels": {"app": "a"}}, "template": pod}
    target = Target(state=Path(state), kubeconfig=kubeconfig)
    up(
        lambda: Deployment("d", metadata={"name": "d", "namespace": namespace}, spec=spec), target,
        project="test", stack=namespace, on_event=lambda e: print(e.state, flush=True),
    )
"""


def test_ctrl_c_ends_a_wait_and_frees_the_stack(stack: Stack, tmp_path: Path) -> None:
    script = tmp_path / "program.py"
    script.write_text(textwrap.dedent(WAITING))
    command = [sys.executable, str(script), NAMESPACE, str(kubeconfig()), str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment) as run:
        assert run.stdout is not None
        assert any(line.strip() == State.WAITING for line in run.stdout)
        begun = time.monotonic()
        run.send_signal(signal.SIGINT)
        _, said = run.communicate(timeout=20)
    assert time.monotonic() - begun < 6
    assert said.rstrip().endswith("KeyboardInterrupt")
    assert stack.cluster.get(Ref("coordination.k8s.io/v1", "Lease", "kube-system", name_of(NAMESPACE))) is None
    assert counts(stack.down()) == {"delete": 1}


def test_a_namespace_that_is_still_going_is_waited_for(stack: Stack) -> None:
    stack.namespace, stack.own = "engine-test-again", True
    stack.up(lambda: stack.config_map("c", {}))
    stack.cluster.delete(Ref("v1", "Namespace", "", stack.namespace))
    assert counts(stack.up(lambda: stack.config_map("c", {})).summary) == {"create": 2}
