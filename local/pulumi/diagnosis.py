"""Why an object isn't ready, from what belongs to it: pods and their containers, events, cert-manager's orders."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from local.access import Access
from tools.failures import Failure

Object = Mapping[str, Any]
LOG_LINES = 8
REMOVED = "unable to retrieve container logs for "
"""What the kubelet answers, with success, in place of the log of a container that it has removed meanwhile."""
IMAGE_REASONS = frozenset({"ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName"})
CONFIGURATION_REASONS = frozenset({"CreateContainerConfigError", "CreateContainerError", "RunContainerError"})
MOUNT_REASONS = frozenset({"FailedMount", "FailedAttachVolume", "FailedCreatePodSandBox", "Unhealthy"})


NOW = "now"
"""When what is so at this moment happened; it sorts after every time."""


@dataclass(frozen=True)
class Cause:
    """text: for the user. remedy: what to do, where it is known. log: the last lines of a container that crashed.

    when: the time at which it happened, as Kubernetes writes it.
    """

    text: str
    remedy: str = ""
    log: str = ""
    when: str = NOW


def causes(access: Access, kind: str, namespace: str, name: str) -> list[Cause]:
    """Why an object isn't ready, the newest first; empty when nothing is known."""
    cluster = _Cluster(access, namespace)
    try:
        return newest_first(dict.fromkeys(_causes(cluster, kind, name)))
    except Failure:  # a cluster that does not answer is no cause
        return []


def newest_first(found: Iterable[Cause]) -> list[Cause]:
    """Causes by time; of the same time in the order in which they were found."""
    return sorted(found, key=lambda cause: cause.when, reverse=True)


@dataclass(frozen=True)
class _Cluster:
    """Reads objects of one namespace."""

    access: Access
    namespace: str

    def all(self, kind: str, labels: str = "") -> list[Object]:
        return self.access.json("-n", self.namespace, "get", kind, *(["-l", labels] if labels else []))["items"]

    def get(self, kind: str, name: str) -> Object:
        return self.access.json("-n", self.namespace, "get", kind, name)

    def events(self, obj: Object, reasons: frozenset[str]) -> list[tuple[str, str]]:
        """Time and text of the newest event of each of these reasons about an object."""
        field = f"involvedObject.uid={obj['metadata']['uid']}"
        found = self.access.json("-n", self.namespace, "get", "events", "--field-selector", field)["items"]
        newest = {e["reason"]: e for e in sorted(found, key=_when) if e.get("reason") in reasons}
        return [
            (_when(e), e.get("message", "").removeprefix("(combined from similar events): ").strip())
            for e in newest.values()
        ]

    def log(self, pod: str, container: str, *, previous: bool) -> str:
        """The last lines of the previous run or of this one; of the other, where that container is gone already."""
        for which in (previous, not previous):
            flags = ["-c", container, f"--tail={LOG_LINES}", *(["--previous"] if which else [])]
            try:
                text = self.access.run("-n", self.namespace, "logs", pod, *flags).decode(errors="replace").rstrip()
            except Failure:
                return ""
            if not text.startswith(REMOVED):
                return text
        return ""


def _causes(cluster: _Cluster, kind: str, name: str) -> Iterator[Cause]:
    if kind == "Certificate":
        yield from _certificate(cluster, name)
    if kind not in ("Deployment", "StatefulSet", "DaemonSet", "Job", "Pod"):
        return
    obj = cluster.get(kind, name)
    if kind == "Pod":
        yield from _pod(cluster, obj)
        return
    labels = ",".join(f"{k}={v}" for k, v in obj["spec"]["selector"].get("matchLabels", {}).items())
    pods = sorted(cluster.all("pods", labels), key=lambda pod: pod["metadata"]["creationTimestamp"], reverse=True)
    for pod in pods:
        yield from _pod(cluster, pod)
    owners = [obj, *(cluster.all("replicasets", labels) if kind == "Deployment" else [])]
    for owner in owners:
        if (
            owner["kind"] in ("ReplicaSet", "StatefulSet")
            and owner["status"].get("replicas") == owner["spec"]["replicas"]
        ):
            continue  # all are made
        for when, text in cluster.events(owner, frozenset({"FailedCreate"})):
            remedy = "Correct the pod's specification, or the quota or policy it violates."
            yield Cause(f"no pod is made: {text}", remedy, when=when)


def _pod(cluster: _Cluster, pod: Object) -> Iterator[Cause]:
    name, status = pod["metadata"]["name"], pod.get("status", {})
    containers = [*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())]
    restarted = any(container["restartCount"] for container in containers)  # one that crashes is ready now and then
    if status.get("phase") == "Succeeded" or (condition(pod, "Ready").get("status") == "True" and not restarted):
        return
    scheduled = condition(pod, "PodScheduled")
    if scheduled.get("status") == "False":
        yield Cause(f"pod {name} can't be scheduled: {scheduled.get('message', '')}", "Free or add what it asks for.")
        return
    found = [cause for container in containers for cause in _container(cluster, pod, container)]
    yield from found
    if not found:
        since = max(map(_changed, containers), default="")
        for when, text in cluster.events(pod, MOUNT_REASONS):
            if when >= since:
                yield Cause(f"pod {name}: {text}", when=when)


def _container(cluster: _Cluster, pod: Object, container: Object) -> Iterator[Cause]:
    where = f"container {container['name']} of pod {pod['metadata']['name']}"
    waiting, ended = container["state"].get("waiting", {}), container["state"].get("terminated", {})
    last = ended if ended else container.get("lastState", {}).get("terminated", {})
    reason = waiting.get("reason", "")
    if reason in IMAGE_REASONS:
        yield Cause(
            f"image {container['image']} can't be had ({reason}: {waiting.get('message', '').strip()}), {where}",
            "Build or import the image under this very name, or correct the reference.",
        )
    elif reason in CONFIGURATION_REASONS:
        yield Cause(f"{where} can't start ({reason}: {waiting.get('message', '')})", "Make what it refers to.")
    elif last and last.get("exitCode") != 0 and (container["restartCount"] or not container["ready"]):
        memory = last.get("reason") == "OOMKilled"
        why = "out of memory" if memory else f"exit code {last.get('exitCode')}"
        times = f", {container['restartCount']} restarts" if container["restartCount"] else ""
        log = cluster.log(pod["metadata"]["name"], container["name"], previous=not ended)
        remedy = "Raise its memory limit in the stack's file." if memory else "Its last lines say why."
        remedy = remedy if log or memory else "It logged nothing."
        yield Cause(f"{where} crashes ({why}{times})", remedy, log, when=last.get("finishedAt", NOW))


def _certificate(cluster: _Cluster, name: str) -> Iterator[Cause]:
    """A certificate's request, its ACME order and that order's challenges each know a part of the reason."""
    certificate = cluster.get("certificates.cert-manager.io", name)
    requests = _owned(cluster.all("certificaterequests.cert-manager.io"), [certificate])
    orders = _owned(cluster.all("orders.acme.cert-manager.io"), requests)
    for challenge in _owned(cluster.all("challenges.acme.cert-manager.io"), orders):
        state = challenge.get("status", {})
        if state.get("reason"):
            yield Cause(f"ACME challenge for {challenge['spec']['dnsName']} is {state.get('state')}: {state['reason']}")
    for order in orders:
        if (reason := order.get("status", {}).get("reason")) is not None:
            yield Cause(f"ACME order of {name} is {order['status'].get('state')}: {reason}")
    for request in requests:
        if message := condition(request, "Ready").get("message"):
            yield Cause(message)


def condition(obj: Object, type_: str) -> Mapping[str, Any]:
    """A condition of an object's status; empty where there is none of the type."""
    return next((c for c in obj.get("status", {}).get("conditions") or () if c["type"] == type_), {})


def _owned(objects: list[Object], owners: list[Object]) -> list[Object]:
    uids = {owner["metadata"]["uid"] for owner in owners}
    return [o for o in objects if any(owner["uid"] in uids for owner in o["metadata"].get("ownerReferences", ()))]


def _when(event: Object) -> str:
    times = event.get("lastTimestamp"), event.get("eventTime"), event["metadata"].get("creationTimestamp", "")
    return next(t for t in times if t is not None)


def _changed(container: Object) -> str:
    """When a container last started or ended."""
    states = [*container["state"].values(), *container.get("lastState", {}).values()]
    return max((state.get(key, "") for state in states for key in ("startedAt", "finishedAt")), default="")
