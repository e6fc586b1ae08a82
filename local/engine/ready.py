"""When an object is ready: pure rules on its state, those of `kubectl rollout status` and of cert-manager's conditions.

Sources: kubectl's polymorphichelpers/rollout_status.go; Kubernetes API reference (conditions of each kind).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from local.engine.objects import Object


@dataclass(frozen=True)
class Readiness:
    """done: nothing to wait for. failed: waiting has no point. reason: why it isn't ready."""

    done: bool
    reason: str = ""
    failed: bool = False


READY = Readiness(True)


def readiness(obj: Object) -> Readiness:
    """Ready, when no rule for its kind says otherwise."""
    rule = _RULES.get((_group(obj), obj.get("kind", "")))
    return READY if rule is None else rule(obj)


def awaited(obj: Object) -> bool:
    """Whether there is a rule for this kind, and the object doesn't opt out (`pulumi.com/skipAwait`)."""
    annotations = obj.get("metadata", {}).get("annotations") or {}
    return (_group(obj), obj.get("kind", "")) in _RULES and annotations.get("pulumi.com/skipAwait") != "true"


def condition(obj: Object, type_: str) -> Mapping[str, Any]:
    return next((c for c in obj.get("status", {}).get("conditions") or () if c["type"] == type_), {})


def _group(obj: Object) -> str:
    return obj.get("apiVersion", "").rpartition("/")[0]


def _number(obj: Object, part: str, field: str, default: int = 0) -> int:
    value = obj.get(part, {}).get(field)
    return default if value is None else value


def _observed(obj: Object) -> bool:
    return _number(obj, "status", "observedGeneration") >= obj["metadata"].get("generation", 0)


def _progress(text: str, have: int, want: int) -> Readiness:
    return READY if have >= want else Readiness(False, f"{have} of {want} {text}")


def _first(*steps: Readiness) -> Readiness:
    return next((step for step in steps if not step.done), READY)


UNSEEN = Readiness(False, "its controller hasn't seen it yet")


def _deployment(obj: Object) -> Readiness:
    if obj["spec"].get("paused"):
        return READY
    if not _observed(obj):
        return UNSEEN
    progressing = condition(obj, "Progressing")
    if progressing.get("reason") == "ProgressDeadlineExceeded":
        return Readiness(False, progressing.get("message", "its progress deadline is exceeded"), failed=True)
    want, updated = _number(obj, "spec", "replicas", 1), _number(obj, "status", "updatedReplicas")
    return _first(
        _progress("pods are of the new version", updated, want),
        _progress("old pods have ended", updated, _number(obj, "status", "replicas")),
        _progress("pods are available", _number(obj, "status", "availableReplicas"), updated),
    )


def _stateful_set(obj: Object) -> Readiness:
    if not _observed(obj):
        return UNSEEN
    want, status = _number(obj, "spec", "replicas", 1), obj.get("status", {})
    ready = _progress("pods are ready", _number(obj, "status", "readyReplicas"), want)
    strategy = obj["spec"].get("updateStrategy", {})
    if strategy.get("type") == "OnDelete":
        return ready
    partition = strategy.get("rollingUpdate", {}).get("partition", 0)
    updated = _progress(
        "pods are of the new version", _number(obj, "status", "updatedReplicas"), max(0, want - partition)
    )
    if partition or status.get("currentRevision") == status.get("updateRevision"):
        return _first(ready, updated)
    return _first(ready, updated, Readiness(False, "the rollout goes on"))


def _daemon_set(obj: Object) -> Readiness:
    if not _observed(obj):
        return UNSEEN
    want = _number(obj, "status", "desiredNumberScheduled")
    return _first(
        _progress("pods are of the new version", _number(obj, "status", "updatedNumberScheduled"), want),
        _progress("pods are available", _number(obj, "status", "numberAvailable"), want),
    )


def _job(obj: Object) -> Readiness:
    if obj["spec"].get("suspend") or condition(obj, "Complete").get("status") == "True":
        return READY
    failure = condition(obj, "Failed")
    if failure.get("status") == "True":
        return Readiness(False, f"the job failed: {failure.get('message', failure.get('reason', ''))}", failed=True)
    return _progress("pods have succeeded", _number(obj, "status", "succeeded"), _number(obj, "spec", "completions", 1))


def _pod(obj: Object) -> Readiness:
    phase = obj.get("status", {}).get("phase")
    if phase == "Failed":
        return Readiness(False, obj["status"].get("message", "the pod failed"), failed=True)
    if phase == "Succeeded" or condition(obj, "Ready").get("status") == "True":
        return READY
    return Readiness(False, f"the pod is {phase}")


def _service(obj: Object) -> Readiness:
    if obj["spec"].get("type") != "LoadBalancer" or obj.get("status", {}).get("loadBalancer", {}).get("ingress"):
        return READY
    return Readiness(False, "no address has been assigned to the load balancer")


def _phase(wanted: str) -> Callable[[Object], Readiness]:
    def rule(obj: Object) -> Readiness:
        phase = obj.get("status", {}).get("phase", "new")
        return READY if phase == wanted else Readiness(False, f"it is {phase}, not {wanted}")

    return rule


def _conditions(*types: str) -> Callable[[Object], Readiness]:
    def rule(obj: Object) -> Readiness:
        return _first(*(_condition_is_true(obj, type_) for type_ in types))

    return rule


def _condition_is_true(obj: Object, type_: str) -> Readiness:
    found = condition(obj, type_)
    current = found.get("observedGeneration", obj["metadata"].get("generation", 0)) >= obj["metadata"].get(
        "generation", 0
    )
    if found.get("status") == "True" and current:
        return READY
    said = ": ".join(text for text in (found.get("reason", ""), found.get("message", "")) if text)
    return Readiness(False, said if said and current else f"condition {type_} isn't met yet")


CERT_MANAGER = "cert-manager.io"
_RULES: dict[tuple[str, str], Callable[[Object], Readiness]] = {
    ("apps", "Deployment"): _deployment,
    ("apps", "StatefulSet"): _stateful_set,
    ("apps", "DaemonSet"): _daemon_set,
    ("batch", "Job"): _job,
    ("", "Pod"): _pod,
    ("", "Service"): _service,
    ("", "Namespace"): _phase("Active"),
    ("", "PersistentVolumeClaim"): _phase("Bound"),
    ("apiextensions.k8s.io", "CustomResourceDefinition"): _conditions("NamesAccepted", "Established"),
    ("apiregistration.k8s.io", "APIService"): _conditions("Available"),
    (CERT_MANAGER, "Certificate"): _conditions("Ready"),
    (CERT_MANAGER, "Issuer"): _conditions("Ready"),
    (CERT_MANAGER, "ClusterIssuer"): _conditions("Ready"),
}
