"""The embedded engine on a real API: apply, preview, replace, prune, down, interruptions. No pods needed."""

import os
import signal
import stat
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws
import pulumi_kubernetes as k8s
import pytest
from pulumi_kubernetes.apps.v1 import Deployment, StatefulSet
from pulumi_kubernetes.core.v1 import ConfigMap, Secret, Service
from pulumi_random import RandomPassword

from local.engine import Action, EngineError, ProgramError, ResourceError, State, Target
from local.engine.cluster import Cluster
from local.engine.inventory import name_of
from local.engine.objects import Ref
from tests.live.engine_stack import Stack, counts, kubeconfig

pytestmark = pytest.mark.live
NO_WAIT = {"pulumi.com/skipAwait": "true"}
MADE = {Action.CREATE, Action.UPDATE, Action.REPLACE, Action.DELETE}


SHARED = "engine-test-api"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """With a namespace for the tests: deleting one takes Kubernetes five seconds."""
    cluster = Cluster(kubeconfig())
    ref = Ref("v1", "Namespace", "", SHARED)
    cluster.apply(ref, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SHARED}}, force=False)
    yield cluster
    cluster.delete(ref)
    cluster.close()


@pytest.fixture
def stack(cluster: Cluster, tmp_path: Path) -> Iterator[Stack]:
    made = Stack("engine-test-api", SHARED, Target(state=tmp_path, kubeconfig=kubeconfig(), timeout=30), cluster)
    yield made
    made.down()


@pytest.fixture
def own(stack: Stack) -> Stack:
    """A stack whose program makes its namespace."""
    stack.namespace, stack.own = "engine-test-own", True
    return stack


def pod(labels: dict[str, str], image: str = "nowhere.invalid/none:1") -> dict:
    container = {"name": "main", "image": image, "env": [{"name": "A", "value": "1"}], "ports": [{"containerPort": 80}]}
    return {"metadata": {"labels": labels}, "spec": {"containers": [container]}}


def many_kinds(stack: Stack, size: str = "1Gi") -> None:
    """One object of each kind that the journal uses."""
    labels = {"app": "a"}
    selector = {"matchLabels": labels}
    stack.make(ConfigMap, "config", data={"a": "1"}, immutable=True)
    stack.make(Secret, "secret", string_data={"password": "correct horse"})
    stack.make(Service, "service", spec={"selector": labels, "ports": [{"port": 80}]})
    stack.make(Service, "headless", spec={"clusterIP": "None", "selector": labels})
    stack.make(k8s.core.v1.ServiceAccount, "account", automount_service_account_token=False)
    rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]
    stack.make(k8s.rbac.v1.Role, "role", rules=rules)
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "role"}
    subjects = [{"kind": "ServiceAccount", "name": "account"}]
    stack.make(k8s.rbac.v1.RoleBinding, "binding", role_ref=role, subjects=subjects)
    policy = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    stack.make(k8s.networking.v1.NetworkPolicy, "deny", spec=policy)
    budget = {"maxUnavailable": 1, "selector": selector}
    stack.make(k8s.policy.v1.PodDisruptionBudget, "budget", spec=budget)
    backend = {"service": {"name": "service", "port": {"number": 80}}}
    paths = [{"path": "/", "pathType": "Prefix", "backend": backend}]
    rule = {"host": "x.test", "http": {"paths": paths}}
    stack.make(k8s.networking.v1.Ingress, "ingress", spec={"rules": [rule]})
    workload = {"selector": selector, "template": pod(labels), "replicas": 0}
    stack.make(Deployment, "deployment", spec=workload)
    claim = {"metadata": {"name": "data"}, "spec": claim_spec(size)}
    servers = {**workload, "serviceName": "headless", "volumeClaimTemplates": [claim]}
    stack.make(StatefulSet, "servers", spec=servers)
    stack.make(k8s.core.v1.PersistentVolumeClaim, "claim", spec=claim_spec("0.5Gi"))
    job = {"spec": {"template": {"spec": {**pod({})["spec"], "restartPolicy": "Never"}}}}
    cron = {"schedule": "0 3 * * *", "suspend": True, "jobTemplate": job}
    stack.make(k8s.batch.v1.CronJob, "nightly", spec=cron)
    stack.make(k8s.core.v1.ResourceQuota, "quota", spec={"hard": {"pods": "20"}})
    limits = {"limits": [{"type": "Container", "default": {"cpu": "0.5", "memory": "0.25Gi"}}]}
    stack.make(k8s.core.v1.LimitRange, "limits", spec=limits)


def claim_spec(size: str) -> dict:
    return {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}}


def test_a_second_up_changes_nothing_at_all(stack: Stack) -> None:
    made = stack.up(lambda: many_kinds(stack))
    assert counts(made.summary) == {"create": 16}
    versions = {kind: stack.found(*of)["metadata"]["resourceVersion"] for kind, of in OBJECTS.items()}
    again = stack.up(lambda: many_kinds(stack))
    assert counts(again.summary) == {"unchanged": 16}
    assert {kind: stack.found(*of)["metadata"]["resourceVersion"] for kind, of in OBJECTS.items()} == versions
    assert counts(stack.preview(lambda: many_kinds(stack)).summary) == {"unchanged": 16}


OBJECTS = {
    kind: (api, kind, name)
    for api, kind, name in [
        ("v1", "ConfigMap", "config"),
        ("v1", "Secret", "secret"),
        ("v1", "Service", "service"),
        ("networking.k8s.io/v1", "Ingress", "ingress"),
        ("batch/v1", "CronJob", "nightly"),
    ]
}


def test_outputs_are_the_live_object(stack: Stack) -> None:
    def program() -> None:
        service = stack.make(Service, "s", spec={"ports": [{"port": 80}]})
        stack.config_map("address", {"ip": service.spec.cluster_ip})
        pulumi.export("ip", service.spec.cluster_ip)
        pulumi.export("id", service.id)

    outputs = stack.up(program).outputs
    assert outputs["id"] == f"{stack.namespace}/s"
    assert outputs["ip"] == stack.found("v1", "Service", "s")["spec"]["clusterIP"]
    assert stack.found("v1", "ConfigMap", "address")["data"] == {"ip": outputs["ip"]}


def test_preview_says_what_up_then_does_and_touches_nothing(stack: Stack) -> None:
    stack.up(
        lambda: [
            stack.config_map("kept", {"a": "1"}),
            stack.config_map("changed", {"a": "1", "gone": "x"}),
            stack.config_map("old", {}),
        ]
    )
    version = stack.found("v1", "ConfigMap", "changed")["metadata"]["resourceVersion"]

    def program() -> None:
        stack.config_map("kept", {"a": "1"})
        stack.config_map("changed", {"a": "2", "b.c": "3"})
        stack.config_map("new", {})

    planned = stack.preview(program)
    assert counts(planned.summary) == {"create": 1, "update": 1, "delete": 1, "unchanged": 1}
    (changed,) = [e for e in stack.events if e.action == Action.UPDATE]
    assert sorted(changed.diff) == [
        ("data.a", "1", "2"),
        ("data.gone", "x", "(none)"),
        ('data["b.c"]', "(none)", "3"),
    ]
    assert stack.found("v1", "ConfigMap", "changed")["metadata"]["resourceVersion"] == version
    assert stack.get("v1", "ConfigMap", "new") is None
    assert stack.get("v1", "ConfigMap", "old") is not None
    assert stack.up(program).summary.counts == planned.summary.counts
    assert stack.get("v1", "ConfigMap", "old") is None


def test_a_preview_before_anything_exists(own: Stack) -> None:
    """Namespace, kind and random value are all to come."""
    planned = own.preview(lambda: kinds_of_its_own(own))
    assert counts(planned.summary) == {"create": 5}
    assert counts(own.up(lambda: kinds_of_its_own(own)).summary) == {"create": 5}
    assert counts(own.up(lambda: kinds_of_its_own(own)).summary) == {"unchanged": 5}


def test_a_preview_reads_what_is_still_to_be_made(stack: Stack) -> None:
    seen = []

    def program() -> None:
        made = stack.config_map("made", {"a": "1"})
        options = pulumi.ResourceOptions(depends_on=[made])
        read = ConfigMap.get("read", f"{stack.namespace}/made", options)
        read.data.apply(seen.append)
        stack.config_map("copy", {"a": read.data["a"]})

    assert counts(stack.preview(program).summary) == {"create": 2}
    assert seen == []
    assert counts(stack.up(program).summary) == {"create": 2}
    assert seen == [{"a": "1"}]
    assert stack.found("v1", "ConfigMap", "copy")["data"] == {"a": "1"}


def kinds_of_its_own(stack: Stack, color: str = "red") -> None:
    """A CRD, an object of its kind, a password and a Secret of it."""
    group, plural = "engine.test", "widgets"
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    spec: Any = {
        "group": group,
        "scope": "Namespaced",
        "names": {"plural": plural, "singular": "widget", "kind": "Widget"},
        "versions": [version],
    }
    definition = k8s.apiextensions.v1.CustomResourceDefinition(
        "widgets",
        metadata={"name": f"{plural}.{group}"},
        spec=spec,
    )
    k8s.apiextensions.CustomResource(
        "widget",
        api_version=f"{group}/v1",
        kind="Widget",
        metadata=stack.metadata("widget"),
        spec={"color": color},
        opts=stack.options(depends_on=[definition]),
    )
    password = RandomPassword("password", length=24, special=False)
    stack.make(Secret, "login", string_data={"password": password.result})


def test_what_someone_else_changed_is_put_right(stack: Stack) -> None:
    def program() -> ConfigMap:
        return stack.config_map("c", {"a": "1"})

    stack.up(program)
    ref = Ref("v1", "ConfigMap", stack.namespace, "c")
    drifted = stack.found("v1", "ConfigMap", "c") | {"data": {"a": "9", "theirs": "x"}}
    stack.cluster.replace(ref, drifted)
    stack.up(program)
    assert stack.done(Action.UPDATE) == ["c"]
    assert stack.found("v1", "ConfigMap", "c")["data"]["a"] == "1"


def test_a_field_left_out_goes_and_an_ignored_one_stays(stack: Stack) -> None:
    stack.up(lambda: stack.config_map("c", {"a": "1", "b": "2"}))
    stack.up(lambda: stack.config_map("c", {"a": "3"}, ignore_changes=["data.a"]))
    assert stack.found("v1", "ConfigMap", "c")["data"] == {"a": "1"}


def immutable_config(stack: Stack, value: str, **options: object) -> ConfigMap:
    return stack.make(ConfigMap, "c", data={"a": value}, immutable=True, options=options)


def deployment(stack: Stack, value: str) -> Deployment:
    labels = {"app": value}
    spec = {"replicas": 0, "selector": {"matchLabels": labels}, "template": pod(labels)}
    return stack.make(Deployment, "d", spec=spec)


def stateful_set(stack: Stack, value: str) -> StatefulSet:
    spec = {"replicas": 0, "serviceName": value, "selector": {"matchLabels": {"a": "b"}}, "template": pod({"a": "b"})}
    return stack.make(StatefulSet, "s", spec=spec)


def job(stack: Stack, value: str) -> k8s.batch.v1.Job:
    spec = {"suspend": True, "template": {"spec": {**pod({}, image=value)["spec"], "restartPolicy": "Never"}}}
    return stack.make(k8s.batch.v1.Job, "j", spec=spec)


def service(stack: Stack, value: str) -> Service:
    ports = [{"port": 80}]
    spec = {"ports": ports, "clusterIP": "None"} if value == "one" else {"ports": ports, "type": "ClusterIP"}
    return stack.make(Service, "s", spec=spec)


def binding(stack: Stack, value: str) -> k8s.rbac.v1.RoleBinding:
    ref = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": value}
    return stack.make(k8s.rbac.v1.RoleBinding, "b", role_ref=ref)


def storage_class(stack: Stack, value: str) -> k8s.storage.v1.StorageClass:
    return k8s.storage.v1.StorageClass("c", metadata={"name": stack.name}, provisioner=f"{value}.test/none")


def claim(stack: Stack, value: str) -> k8s.core.v1.PersistentVolumeClaim:
    spec = {**claim_spec("1Gi"), "storageClassName": f"none-{value}"}
    return stack.make(k8s.core.v1.PersistentVolumeClaim, "c", spec=spec)


@pytest.mark.parametrize("make", [immutable_config, deployment, stateful_set, job, binding, storage_class, claim])
def test_what_the_api_calls_immutable_is_replaced(stack: Stack, make: Callable[[Stack, str], object]) -> None:
    stack.up(lambda: make(stack, "one"))
    planned = stack.preview(lambda: make(stack, "two"))
    assert counts(planned.summary) == {"replace": 1}
    (event,) = [e for e in stack.events if e.action == Action.REPLACE]
    assert event.diff, "a replacement says which fields cause it"
    assert counts(stack.up(lambda: make(stack, "two")).summary) == {"replace": 1}
    assert counts(stack.up(lambda: make(stack, "two")).summary) == {"unchanged": 1}


def test_a_protected_resource_is_neither_replaced_nor_deleted(stack: Stack) -> None:
    stack.up(lambda: immutable_config(stack, "1", protect=True))
    with pytest.raises(ResourceError, match="needs a new object, but the resource is protected"):
        stack.up(lambda: immutable_config(stack, "2", protect=True))
    for run in (lambda: stack.up(lambda: None), stack.down, lambda: stack.preview(lambda: None)):
        with pytest.raises(EngineError, match=rf"Protected, so not deleted: ConfigMap {stack.namespace}/c"):
            run()
    assert stack.found("v1", "ConfigMap", "c")["data"] == {"a": "1"}
    stack.up(lambda: immutable_config(stack, "1"))


def test_nothing_is_deleted_for_a_replacement_that_the_api_refuses(stack: Stack) -> None:
    stack.up(lambda: deployment(stack, "one"))
    uid = stack.found("apps/v1", "Deployment", "d")["metadata"]["uid"]
    with pytest.raises(ResourceError, match=r"(?s)Deployment d: the API refuses it .*not/valid"):
        stack.up(lambda: deployment(stack, "not/valid/label"))
    assert stack.found("apps/v1", "Deployment", "d")["metadata"]["uid"] == uid


def test_pruning_goes_in_reverse_order(stack: Stack) -> None:
    def program() -> None:
        first = stack.config_map("first", {})
        second = stack.config_map("second", {}, depends_on=[first])
        stack.config_map("third", {"x": second.metadata.name})
        stack.config_map("kept", {})

    stack.up(program)
    stack.up(lambda: stack.config_map("kept", {}))
    assert stack.order() == ["third", "second", "first"]


def test_deletion_waits_for_finalizers_and_names_them(stack: Stack) -> None:
    meta = stack.metadata("held", finalizers=["test.example/hold"])
    stack.up(lambda: ConfigMap("held", metadata=meta))
    with pytest.raises(EngineError, match=r"held: isn't gone after \d+ s: finalizers test.example/hold"):
        stack.up(lambda: None, timeout=3)
    held = stack.found("v1", "ConfigMap", "held")
    held["metadata"]["finalizers"] = []
    stack.cluster.replace(Ref("v1", "ConfigMap", stack.namespace, "held"), held)
    stack.up(lambda: None)
    assert stack.get("v1", "ConfigMap", "held") is None


def test_down_leaves_nothing_and_can_be_repeated(own: Stack) -> None:
    own.up(lambda: kinds_of_its_own(own))
    own.cluster.apply(
        Ref("v1", "ConfigMap", own.namespace, "stranger"),
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "stranger", "namespace": own.namespace}},
        force=False,
    )
    assert counts(own.down()) == {"delete": 5}
    assert own.order().index("widget") < own.order().index("widgets")
    for ref in (
        Ref("v1", "Namespace", "", own.namespace),
        Ref("v1", "ConfigMap", "kube-system", name_of(own.name)),
        Ref("coordination.k8s.io/v1", "Lease", "kube-system", name_of(own.name)),
    ):
        assert own.cluster.get(ref) is None
    assert list(own.target.state.iterdir()) == []
    assert counts(own.down()) == {}


def test_what_is_retained_is_only_forgotten(stack: Stack) -> None:
    stack.up(lambda: stack.config_map("c", {"a": "1"}, retain_on_delete=True))
    assert counts(stack.up(lambda: None).summary) == {}
    assert stack.found("v1", "ConfigMap", "c")["data"] == {"a": "1"}


def test_an_object_of_someone_else_is_not_taken(stack: Stack) -> None:
    ref = Ref("v1", "ConfigMap", stack.namespace, "theirs")
    meta = {"name": "theirs", "namespace": stack.namespace}
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"a": "theirs"}}
    stack.cluster.request(
        "post", f"/api/v1/namespaces/{stack.namespace}/configmaps", body=body, field_manager="someone"
    )
    with pytest.raises(ResourceError, match=r"exists, and isn't this stack's.*someone"):
        stack.up(lambda: stack.config_map("theirs", {"a": "ours"}))
    assert stack.found("v1", "ConfigMap", "theirs")["data"] == {"a": "theirs"}
    stack.cluster.delete(ref)


def test_secrets_are_nowhere_to_be_seen(stack: Stack) -> None:
    def program(value: str) -> None:
        data = {"password": value}
        stack.make(Secret, "s", string_data=data)
        stack.config_map("c", {"url": pulumi.Output.secret(f"redis://:{value}@redis")})

    texts = []
    for value in ("correct horse", "battery staple"):
        for run in (stack.preview, stack.up):
            run(lambda value=value: program(value))
            texts += [repr(stack.events)]
    (update,) = [e for e in stack.events if e.name == "s" and e.state == State.DONE]
    assert update.diff == (("data.password", "[secret]", "[secret]"),)

    def refused() -> None:
        data = {"password": "battery staple"}
        meta = stack.metadata("s", labels={"a": pulumi.Output.secret("correct horse battery staple")})
        Secret("s", metadata=meta, string_data=data)

    with pytest.raises(ResourceError) as caught:
        stack.up(refused)
    texts += [str(caught.value), repr(stack.events)]
    inventory = stack.cluster.get(Ref("v1", "ConfigMap", "kube-system", name_of(stack.name)))
    texts += [repr(inventory)]
    for text in texts:
        for word in ("correct horse", "battery staple", "Y29ycmVjdCBob3JzZQ==", "YmF0dGVyeSBzdGFwbGU="):
            assert word not in text


def test_random_values_are_remembered_until_their_inputs_change(stack: Stack) -> None:
    def program(length: int, keeper: str) -> Callable[[], None]:
        return lambda: pulumi.export("p", RandomPassword("p", length=length, keepers={"k": keeper}).result)

    first = stack.up(program(20, "a")).outputs["p"]
    assert len(first) == 20
    (file,) = stack.target.state.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stack.up(program(20, "a")).outputs["p"] == first
    second = stack.up(program(20, "b"))
    assert second.outputs["p"] != first
    assert counts(second.summary) == {"replace": 1}
    assert second.run.secret_outputs == {"p"}
    assert counts(stack.up(lambda: None).summary) == {"delete": 1}


def test_two_runs_at_once_are_refused(stack: Stack) -> None:
    def program() -> None:
        with pytest.raises(EngineError, match=f"Another run works on stack {stack.name}") as caught:
            stack.down()
        pulumi.export("said", str(caught.value))

    said = stack.up(program).outputs["said"]
    assert f"/{os.getpid()}/" in said


@pytest.mark.parametrize(
    ("program", "said"),
    [
        (lambda stack: ConfigMap("a"), "ConfigMap a: has no metadata.name"),
        (lambda _: pulumi_aws.sqs.Queue("q"), "knows no type aws:sqs/queue:Queue"),
        (lambda _: k8s.yaml.v2.ConfigFile("f", file="x.yaml"), r"knows no remote components|no type kubernetes:yaml"),
        (lambda _: ConfigMap("a", metadata={"name": "a", "namespace": "no-such"}), r'namespaces "no-such" not found'),
        (lambda stack: ConfigMap.get("x", f"{stack.namespace}/nothing"), r"there is no ConfigMap .*/nothing to read"),
        (
            lambda stack: [
                stack.config_map("a", {}),
                ConfigMap("b", metadata=stack.metadata("a")),
            ],
            r"is declared twice",
        ),
        (
            lambda stack: stack.make(Deployment, "d", spec={"replicas": -1}),
            r"spec.replicas",
        ),
    ],
)
def test_what_cannot_be_done_is_said(stack: Stack, program: Callable[[Stack], object], said: str) -> None:
    with pytest.raises(ResourceError, match=said) as caught:
        stack.up(lambda: program(stack))
    assert not isinstance(caught.value, ProgramError)
    assert "declared at" in str(caught.value)


PROGRAM = """
    import sys, pulumi
    from pathlib import Path
    from pulumi_kubernetes.core.v1 import ConfigMap, Namespace
    from pulumi_random import RandomPassword
    from local.engine import Target, up

    name, kubeconfig, state = sys.argv[1:]

    def program():
        last = Namespace(name, metadata={"name": name})
        password = RandomPassword("p", length=20)
        for i in range(20):
            meta = {"name": f"c{i}", "namespace": name}
            after = pulumi.ResourceOptions(depends_on=[last])
            last = ConfigMap(f"c{i}", metadata=meta, data={"p": password.result}, opts=after)

    print("ready", flush=True)
    target = Target(state=Path(state), kubeconfig=kubeconfig)
    up(program, target, project="test", stack="engine-test-api", on_event=lambda e: print(e.name, e.state, flush=True))
"""


@pytest.mark.parametrize("point", ["ready", "c0 started", "c5 done", "c10 started", "c18 done"])
def test_a_killed_run_can_be_run_again_and_nothing_is_forgotten(own: Stack, tmp_path: Path, point: str) -> None:
    script = tmp_path / "program.py"
    script.write_text(textwrap.dedent(PROGRAM))
    state = tmp_path / "state"
    command = [sys.executable, str(script), own.namespace, str(own.target.kubeconfig), str(state)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}

    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as first:
        assert first.stdout is not None
        for line in first.stdout:
            if line.strip() == point:
                first.send_signal(signal.SIGKILL)
                break
    made = own.cluster.list("v1", "ConfigMap", own.namespace, fields="metadata.name!=kube-root-ca.crt")
    assert len(made) < 20
    passwords = {m["data"]["p"] for m in made}

    again = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert again.returncode == 0, again.stderr
    own.target = replace(own.target, state=state)
    made = own.cluster.list("v1", "ConfigMap", own.namespace, fields="metadata.name!=kube-root-ca.crt")
    assert len(made) == 20
    now = {m["data"]["p"] for m in made}
    assert len(now) == 1
    assert passwords <= now
    assert counts(own.down()) == {"delete": 22}
    assert own.cluster.list("v1", "ConfigMap", own.namespace) == []
