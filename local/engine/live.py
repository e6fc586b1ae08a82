"""The engine that acts: each resource of the program becomes what it says in a real Kubernetes, or in the preview, what
it would become."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from pulumi.runtime import rpc

from local.engine import objects
from local.engine.applier import Applied, Applier
from local.engine.cluster import ApiError, Cluster, KindMissing
from local.engine.helm import Helm
from local.engine.inventory import Entry, Inventory, key_of
from local.engine.model import Action, EngineError, Interrupted, Registration, ResourceError, Result, State
from local.engine.objects import Object, Ref
from local.engine.random_values import RandomValues
from local.engine.ready import awaited
from local.engine.releases import Releases
from local.engine.report import Report
from local.engine.values import UNKNOWN
from local.engine.wait import TIMEOUT, NotReady, Waiter

PROVIDERS, OBJECTS = "pulumi:providers:", "kubernetes:"
RELEASE_TYPE = "kubernetes:helm.sh/v3:Release"
UNSUPPORTED = ("kubernetes:helm.sh/", "kubernetes:yaml", "kubernetes:kustomize")


@dataclass
class Parts:
    """What a run works with. timeout: seconds to wait for one resource, unless it says otherwise."""

    cluster: Cluster
    inventory: Inventory
    random: RandomValues
    helm: Helm
    waiter: Waiter
    report: Report
    stopped: threading.Event
    preview: bool
    timeout: float = TIMEOUT


class Live:
    """An `Engine`. `declared` holds the keys of all that the program still declares."""

    def __init__(self, parts: Parts) -> None:
        self._parts, self._applier = parts, Applier(parts.cluster, parts.waiter)
        self._releases = Releases(parts.cluster, parts.helm, parts.waiter)
        self._lock = threading.Lock()
        self._after: dict[str, frozenset[str]] = {}
        self._clusters: dict[str, tuple[Cluster, str]] = {}
        self.declared: dict[str, str] = {}

    def stop(self) -> None:
        self._parts.stopped.set()

    def call(self, token: str, args: dict[str, Any]) -> dict[str, Any]:
        raise EngineError(
            f"The embedded engine has no function {token}. It is for stack `local` only; use ENGINE=pulumi."
        )

    def register(self, r: Registration) -> Result:
        """Raises ResourceError, Interrupted."""
        if self._parts.stopped.is_set():
            raise Interrupted(f"{r.label}: not started, since the run is ending")
        self._parts.report.learn_from(r)
        needs = frozenset().union(*(self._after.get(urn, frozenset()) for urn in _before(r)))
        self._after[r.urn] = needs
        if not r.custom:
            return Result("", {})
        if r.type.startswith(PROVIDERS):
            return self._provider(r)
        begun = time.monotonic()
        try:
            if r.type.startswith("random:"):
                return self._random(r, begun)
            if r.type == RELEASE_TYPE:
                return self._release(r, needs, begun)
            if not _is_object(r):
                remedy = "It is for stack `local` only; use ENGINE=pulumi."
                raise ResourceError(r, f"the embedded engine knows no type {r.type}", remedy)
            return self._object(r, needs, begun)
        except (ApiError, NotReady, EngineError) as error:
            told = error if isinstance(error, Interrupted) else self._resource_error(r, error)
            detail = told.reason if isinstance(told, ResourceError) else str(told)
            self._parts.report.emit(r.urn, Action.UPDATE, State.FAILED, begun, detail)
            raise told from None

    def read(self, r: Registration) -> Result:
        """An existing object. Raises ResourceError when it isn't there, unless a preview's `up` may yet make it."""
        to_come = self._parts.preview and bool(r.dependencies)
        if r.read_id == rpc.UNKNOWN:
            return Result("", {})
        api_version, _, kind = r.type.removeprefix(OBJECTS).rpartition(":")
        namespace, _, name = r.read_id.rpartition("/")
        ref = Ref(api_version.removeprefix("core/"), kind, namespace, name)
        try:
            found = self._parts.cluster.get(ref) if r.type.startswith(OBJECTS) else None
        except KindMissing:
            found = None
        except ApiError as error:
            raise self._resource_error(r, error) from None
        if found is None and to_come:
            return Result(r.read_id, dict.fromkeys(("data", "spec", "status"), UNKNOWN))
        if found is None:
            raise ResourceError(r, f"there is no {ref} to read", "Make it, or correct the id.")
        return Result(r.read_id, found, _secret_outputs(found))

    def _provider(self, r: Registration) -> Result:
        """Another user, context or default namespace of the same API: one stack, one cluster, one inventory."""
        if r.type != f"{PROVIDERS}kubernetes":
            return Result(r.name, r.inputs)
        kubeconfig, context = (v if isinstance(v := r.inputs.get(k), str) else None for k in ("kubeconfig", "context"))
        main = self._parts.cluster
        given = kubeconfig is not None or context is not None
        same = not given or (kubeconfig in (None, str(main.kubeconfig)) and context in (None, main.context))
        cluster = main if same else Cluster(main.kubeconfig if kubeconfig is None else kubeconfig, context)
        if cluster.server != main.server:
            reason = f"points to {cluster.server}, but this run is for {main.server}"
            raise ResourceError(r, reason, "The embedded engine keeps a stack on one cluster; use ENGINE=pulumi.")
        self._clusters[r.urn] = cluster, r.inputs.get("namespace", "default")
        return Result(r.name, r.inputs, frozenset({"kubeconfig"}))

    def _random(self, r: Registration, begun: float) -> Result:
        action, result = self._parts.random.register(r, preview=self._parts.preview)
        self._parts.report.learn(result.outputs.get(name) for name in result.secret)
        self._parts.report.emit(r.urn, action, State.DONE, begun)
        return result

    def _release(self, r: Registration, needs: frozenset[str], begun: float) -> Result:
        release = self._releases.spec(r)
        self._claim(r, release.ref)
        known = self._parts.inventory.get(release.ref)
        digest = "" if known is None else known.digest
        if self._parts.preview:
            action, diff, outputs = self._releases.preview(r, release, digest)
            self._parts.report.emit(r.urn, action, State.DONE, begun, diff=diff)
            return Result(release.ref.id, {**r.inputs, **outputs})
        self._parts.report.emit(r.urn, Action.SAME, State.STARTED, begun)
        self._record(r, release.ref, needs, digest)
        action, diff, outputs = self._releases.deploy(r, release, digest, self._heard(r, begun))
        self._record(r, release.ref, needs, release.digest())
        self._parts.report.emit(r.urn, action, State.DONE, begun, diff=diff)
        return Result(release.ref.id, {**r.inputs, **outputs})

    def _object(self, r: Registration, needs: frozenset[str], begun: float) -> Result:
        body = objects.body_of(r)
        cluster, namespace = self._clusters.get(r.provider.rpartition("::")[0], (self._parts.cluster, "default"))
        ref = self._ref(cluster, body, namespace)
        if ref.namespace:
            body["metadata"] = {**body["metadata"], "namespace": ref.namespace}
        self._claim(r, ref)
        applier = self._applier if cluster is self._parts.cluster else Applier(cluster, self._parts.waiter)
        ours = key_of(ref) in self._parts.inventory.before
        if self._parts.preview:
            planned = applier.preview(r, ref, body, ours=ours)
            self._parts.report.emit(r.urn, planned.action, State.DONE, begun, diff=planned.diff)
            result = _result(r, ref, planned.obj)
            return replace(result, id="") if planned.action == Action.CREATE else result
        self._parts.report.emit(r.urn, Action.SAME, State.STARTED, begun)
        self._record(r, ref, needs)
        limit = self._limit(r, body, "create")
        applied = applier.apply(r, ref, body, limit, self._heard(r, begun), ours=ours)
        return _result(r, ref, self._waited(r, ref, applied, begun))

    def _waited(self, r: Registration, ref: Ref, applied: Applied, begun: float) -> Object:
        heard = self._heard(r, begun, applied.action)
        if awaited(applied.obj):
            limit = self._limit(r, applied.obj, "update" if applied.action == Action.UPDATE else "create")
            obj = self._parts.waiter.until_ready(ref, applied.obj, limit, heard)
        else:
            obj = applied.obj
        self._parts.report.emit(r.urn, applied.action, State.DONE, begun, diff=applied.diff)
        return obj

    def _ref(self, cluster: Cluster, body: Object, namespace: str) -> Ref:
        try:
            kind = cluster.kind(body["apiVersion"], body["kind"], 0 if self._parts.preview else 15)
        except KindMissing:
            if not self._parts.preview:
                raise
            return objects.ref_of(body, namespace if "namespace" in body["metadata"] else "")
        return objects.ref_of(body, namespace if kind.namespaced else "")

    def _claim(self, r: Registration, ref: Ref) -> None:
        with self._lock:
            other = self.declared.setdefault(key_of(ref), r.urn)
            self._after[r.urn] = frozenset({key_of(ref)})
        if other != r.urn:
            raise ResourceError(
                r, f"{ref} is declared twice, also as {other.rsplit('::', 1)[-1]}", "Remove one of the two."
            )

    def _record(self, r: Registration, ref: Ref, needs: frozenset[str], digest: str = "") -> None:
        entry = Entry(ref, r.urn, 0, tuple(sorted(needs)), r.protect, r.retain_on_delete, digest)
        self._parts.inventory.record(entry)

    def _limit(self, r: Registration, obj: Object, operation: str) -> float:
        """Seconds: of the resource's options, of its annotation, else of the run."""
        annotations = obj["metadata"].get("annotations") or {}
        own = annotations.get("pulumi.com/timeoutSeconds", "")
        return r.timeouts.get(operation, float(own) if own.isdigit() else self._parts.timeout)

    def _heard(self, r: Registration, begun: float, action: Action = Action.SAME) -> Callable[[str], None]:
        return lambda reason: self._parts.report.emit(r.urn, action, State.WAITING, begun, reason)

    def _resource_error(self, r: Registration, error: ApiError | NotReady | EngineError) -> ResourceError:
        redact = self._parts.report.redact
        match error:
            case ResourceError():
                return ResourceError(error.registration, redact(error.reason), error.remedy)
            case NotReady():
                return ResourceError(r, redact(error.reason), error.remedy)
            case ApiError(status=409) if "conflict" in error.message:
                remedy = "Delete the object, or leave these fields to whoever set them."
                return ResourceError(r, redact(f"exists, and isn't this stack's: {error.message}"), remedy)
            case ApiError():
                said = "; ".join(error.causes) if error.causes else error.message
                return ResourceError(
                    r, redact(f"the API refuses it ({error.status} {error.reason}): {error.message or said}")
                )
        return ResourceError(r, redact(str(error)))


def _is_object(r: Registration) -> bool:
    """No list of objects, and no patch of one: that has another kind than its type."""
    ours = r.type.startswith(OBJECTS) and not r.type.startswith(UNSUPPORTED)
    return ours and r.kind == r.inputs.get("kind") and "items" not in r.inputs


def _before(r: Registration) -> set[str]:
    return {*r.dependencies, r.parent, r.provider.rpartition("::")[0]}


def _secret_outputs(obj: Object) -> frozenset[str]:
    return frozenset({"data", "stringData"}) if obj.get("kind") == "Secret" else frozenset()


def _result(r: Registration, ref: Ref, obj: Object) -> Result:
    """The live object; inputs that the API doesn't give back (`stringData`) stay as they were."""
    return Result(ref.id, {**r.inputs, **obj}, _secret_outputs(obj))
