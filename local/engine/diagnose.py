"""Why an object isn't ready, from what belongs to it: pods and their containers, events, cert-manager's orders."""

from collections.abc import Iterator
from dataclasses import dataclass

from local.engine.cluster import ApiError, Cluster
from local.engine.objects import Object
from local.engine.ready import CERT_MANAGER, condition, readiness

LOG_LINES = 8
IMAGE_REASONS = frozenset({"ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName"})
ACME = "acme.cert-manager.io/v1"


@dataclass(frozen=True)
class Cause:
    """text: for the user, with the container's last log lines where it crashed. final: waiting longer rarely helps."""

    text: str
    remedy: str = ""
    final: bool = False


def causes(cluster: Cluster, obj: Object) -> list[Cause]:
    """The most telling first; empty when nothing is known. An API that refuses to answer is no cause."""
    try:
        return list(dict.fromkeys(_causes(cluster, obj)))
    except ApiError:
        return []


def _causes(cluster: Cluster, obj: Object) -> Iterator[Cause]:
    kind, metadata = obj["kind"], obj["metadata"]
    if kind == "Certificate":
        yield from _certificate(cluster, obj)
    labels = _selector(obj)
    if not labels:
        return
    pods = [obj] if kind == "Pod" else cluster.list("v1", "Pod", metadata.get("namespace", ""), labels)
    newest_first = sorted(pods, key=lambda pod: pod["metadata"]["creationTimestamp"], reverse=True)
    for pod in newest_first:
        if not readiness(pod).done:
            yield from _pod(cluster, pod)
    if kind != "Pod":
        yield from _not_created(cluster, obj, labels)


def _selector(obj: Object) -> str:
    if obj["kind"] == "Pod":
        return "itself"
    if obj["kind"] == "Job":
        return f"batch.kubernetes.io/job-name={obj['metadata']['name']}"
    labels = obj.get("spec", {}).get("selector", {})
    return ",".join(f"{k}={v}" for k, v in labels.get("matchLabels", {}).items()) if isinstance(labels, dict) else ""


def _not_created(cluster: Cluster, obj: Object, labels: str) -> Iterator[Cause]:
    """Events that say why pods weren't made: quota, admission, a missing service account."""
    owners = [obj]
    if obj["kind"] == "Deployment":
        owners += cluster.list("apps/v1", "ReplicaSet", obj["metadata"]["namespace"], labels)
    for owner in owners:
        for text in _events(cluster, owner, "FailedCreate"):
            yield Cause(
                f"no pod is made: {text}", "Correct the pod's specification, or the quota or policy it violates."
            )


def _pod(cluster: Cluster, pod: Object) -> Iterator[Cause]:
    name, status = pod["metadata"]["name"], pod.get("status", {})
    scheduled = condition(pod, "PodScheduled")
    if scheduled.get("status") == "False":
        yield Cause(f"pod {name} can't be scheduled: {scheduled.get('message', '')}", "Free or add what it asks for.")
        return
    found = [*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())]
    told = [cause for container in found for cause in _container(cluster, pod, container)]
    yield from told
    if not told:
        for text in _events(cluster, pod, "FailedMount", "FailedAttachVolume", "FailedCreatePodSandBox", "Unhealthy"):
            yield Cause(f"pod {name}: {text}")


def _container(cluster: Cluster, pod: Object, container: Object) -> Iterator[Cause]:
    where = f"container {container['name']} of pod {pod['metadata']['name']}"
    waiting, ended = container["state"].get("waiting", {}), container["state"].get("terminated", {})
    last = ended if ended else container.get("lastState", {}).get("terminated", {})
    reason = waiting.get("reason", "")
    if reason in IMAGE_REASONS:
        yield Cause(
            f"image {container['image']} can't be had ({reason}: {waiting.get('message', '').strip()}), {where}",
            "Build or import the image under this very name, or correct the reference.",
            final=True,
        )
    elif reason in ("CreateContainerConfigError", "CreateContainerError", "RunContainerError"):
        yield Cause(f"{where} can't start ({reason}: {waiting.get('message', '')})", "Make what it refers to.")
    elif last and last.get("exitCode") != 0 and not container.get("ready"):
        why = "out of memory" if last.get("reason") == "OOMKilled" else f"exit code {last.get('exitCode')}"
        times = f", {container['restartCount']} restarts" if container.get("restartCount") else ""
        lines = _last_lines(cluster, pod, container["name"], previous=not ended)
        yield Cause(
            f"{where} crashes ({why}{times})" + (f"; its last lines:\n{lines}" if lines else "; it logged nothing")
        )


def _last_lines(cluster: Cluster, pod: Object, container: str, *, previous: bool) -> str:
    try:
        text = cluster.logs(
            pod["metadata"]["namespace"], pod["metadata"]["name"], container, previous=previous, lines=LOG_LINES
        )
    except ApiError:
        return ""
    return "\n".join(f"    {line}" for line in text.rstrip().splitlines())


def _events(cluster: Cluster, obj: Object, *reasons: str) -> list[str]:
    """The newest message of each of these reasons about the object."""
    metadata = obj["metadata"]
    found = cluster.list("v1", "Event", metadata.get("namespace", ""), fields=f"involvedObject.uid={metadata['uid']}")
    telling = [e for e in found if e.get("reason") in reasons and not _is_over(e, obj)]
    newest = {e["reason"]: e.get("message", "") for e in sorted(telling, key=_when)}
    return [text.removeprefix("(combined from similar events): ").strip() for text in newest.values()]


def _when(event: Object) -> str:
    times = event.get("lastTimestamp"), event.get("eventTime"), event["metadata"].get("creationTimestamp", "")
    return next(t for t in times if t is not None)


def _is_over(event: Object, obj: Object) -> bool:
    return obj["kind"] == "ReplicaSet" and obj.get("status", {}).get("replicas") == obj["spec"].get("replicas")


def _certificate(cluster: Cluster, obj: Object) -> Iterator[Cause]:
    """A certificate's request, its ACME order and that order's challenges each know a part of the reason."""
    namespace, name = obj["metadata"]["namespace"], obj["metadata"]["name"]
    requests = cluster.list(f"{CERT_MANAGER}/v1", "CertificateRequest", namespace)
    mine = {r["metadata"]["uid"]: r for r in requests if _is_owned_by(r, {obj["metadata"]["uid"]})}
    orders = [o for o in cluster.list(ACME, "Order", namespace) if _is_owned_by(o, set(mine))]
    challenges = cluster.list(ACME, "Challenge", namespace)
    for challenge in challenges:
        state = challenge.get("status", {})
        if _is_owned_by(challenge, {o["metadata"]["uid"] for o in orders}) and state.get("reason"):
            yield Cause(f"ACME challenge for {challenge['spec']['dnsName']} is {state.get('state')}: {state['reason']}")
    for order in orders:
        if (reason := order.get("status", {}).get("reason")) is not None:
            yield Cause(f"ACME order of {name} is {order['status'].get('state')}: {reason}")
    for request in mine.values():
        if message := condition(request, "Ready").get("message"):
            yield Cause(message)


def _is_owned_by(obj: Object, uids: set[str]) -> bool:
    return any(owner["uid"] in uids for owner in obj["metadata"].get("ownerReferences", ()))
