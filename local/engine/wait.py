"""Wait for one object: until it is ready, or until it is gone. Changes come by watch; reasons are looked up between."""

import threading
import time
from collections.abc import Callable

from local.engine.cluster import Cluster
from local.engine.diagnose import Cause, causes
from local.engine.model import Interrupted
from local.engine.objects import Object, Ref
from local.engine.ready import awaited, readiness

TIMEOUT = 300.0
IMAGE_PATIENCE = 45.0
SLICE = 2.0


class NotReady(Exception):
    """reason and remedy for the user."""

    def __init__(self, reason: str, remedy: str = "") -> None:
        self.reason, self.remedy = reason, remedy
        super().__init__(reason)


class Waiter:
    """on_reason hears why the object isn't ready, each time it changes. `stop` ends all waits."""

    def __init__(self, cluster: Cluster, stop: threading.Event, *, image_patience: float = IMAGE_PATIENCE) -> None:
        self._cluster, self._stop, self._image_patience = cluster, stop, image_patience

    def until_ready(self, ref: Ref, obj: Object, limit: float, on_reason: Callable[[str], None]) -> Object:
        """The ready object. limit: seconds. Raises NotReady, Interrupted."""
        if not awaited(obj) or not self._binds_now(obj):
            return obj
        begun, told, hopeless_since = time.monotonic(), "", None
        while not (state := readiness(obj)).done:
            passed = time.monotonic() - begun
            known = causes(self._cluster, obj) if passed >= SLICE or state.failed else []
            hopeless = bool(known) and known[0].final
            hopeless_since = (hopeless_since if hopeless_since is not None else passed) if hopeless else None
            given_up = hopeless_since is not None and passed - hopeless_since > self._image_patience
            if state.failed or passed >= limit or given_up:
                raise _not_ready(state.reason, known, passed, timed_out=passed >= limit and not state.failed)
            self._check(ref)
            reason = known[0].text if known else state.reason
            if reason != told:
                on_reason(reason)
                told = reason
            obj = self._next(ref, obj, min(SLICE, limit - passed))
        return obj

    def _next(self, ref: Ref, obj: Object, seconds: float) -> Object:
        """The object when it is ready or has failed, or as it is after so many seconds."""
        for what, now in self._cluster.watch(ref, obj["metadata"]["resourceVersion"], seconds):
            if what == "DELETED":
                raise NotReady("was deleted by someone else while this run waited for it", "Run it again.")
            obj = now
            state = readiness(obj)
            if state.done or state.failed or self._stop.is_set():
                return obj
        fresh = self._cluster.get(ref)
        if fresh is None:
            raise NotReady("was deleted by someone else while this run waited for it", "Run it again.")
        return fresh

    def until_gone(self, ref: Ref, uid: str, limit: float, on_reason: Callable[[str], None]) -> None:
        """limit: seconds. Raises NotReady naming what holds the object, Interrupted."""
        begun, told = time.monotonic(), ""
        while (obj := self._cluster.get(ref)) is not None and obj["metadata"]["uid"] == uid:
            passed, reason = time.monotonic() - begun, _holding(obj)
            if passed >= limit:
                raise NotReady(f"isn't gone after {passed:.0f} s: {reason}", "Run it again, or look at what holds it.")
            self._check(ref)
            if passed > SLICE and reason != told:
                on_reason(reason)
                told = reason
            version = obj["metadata"]["resourceVersion"]
            for what, _ in self._cluster.watch(ref, version, min(SLICE, limit - passed)):
                if what == "DELETED" or self._stop.is_set():
                    break

    def _check(self, ref: Ref) -> None:
        if self._stop.is_set():
            raise Interrupted(f"{ref}: not waited for to the end, since the run is ending")

    def _binds_now(self, obj: Object) -> bool:
        """A claim whose class waits for its first pod isn't waited for; nor is one without a class."""
        if obj["kind"] != "PersistentVolumeClaim" or obj.get("status", {}).get("phase") == "Bound":
            return True
        name = obj["spec"].get("storageClassName")
        found = self._cluster.get(Ref("storage.k8s.io/v1", "StorageClass", "", name)) if name else None
        return found is not None and found.get("volumeBindingMode", "Immediate") == "Immediate"


def _not_ready(reason: str, known: list[Cause], passed: float, *, timed_out: bool) -> NotReady:
    texts = [cause.text for cause in known[:3]] if known else [reason]
    head = f"isn't ready after {passed:.0f} s" if timed_out else "doesn't become ready"
    remedy = next((cause.remedy for cause in known if cause.remedy), "")
    allow = "Allow more time with `custom_timeouts` if it only needs longer." if timed_out and not remedy else remedy
    return NotReady(f"{head}: " + "\n  ".join(texts), allow)


def _holding(obj: Object) -> str:
    """Why a deleted object is still there: a namespace's contents, or finalizers."""
    kept = [
        c["message"]
        for c in obj.get("status", {}).get("conditions") or ()
        if c["type"] in ("NamespaceContentRemaining", "NamespaceFinalizersRemaining", "NamespaceDeletionContentFailure")
        and c.get("status") == "True"
    ]
    finalizers = obj["metadata"].get("finalizers", [])
    return "; ".join(kept) if kept else f"finalizers {', '.join(finalizers)}" if finalizers else "it is being deleted"
