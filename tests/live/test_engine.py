"""The embedded engine on a real API: what up and preview do, and what they tell. No pods needed."""

import pulumi
import pulumi_kubernetes as k8s
import pytest
from pulumi_kubernetes.apps.v1 import Deployment, StatefulSet
from pulumi_kubernetes.core.v1 import ConfigMap, Secret, Service

from local.engine import Action
from local.engine.objects import Ref
from tests.live.engine_stack import Stack, claim_spec, counts, kinds_of_its_own, pod

pytestmark = pytest.mark.live


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
