"""Bring one object to the state that the program declares: create, update, or replace what can't be updated."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from local.engine.cluster import ApiError, Cluster, KindMissing
from local.engine.model import Action, Registration, ResourceError
from local.engine.objects import (
    Difference,
    Object,
    Ref,
    changes,
    keep_live,
    pending,
    without_unknowns,
)
from local.engine.values import has_unknown
from local.engine.wait import Waiter

# How the API says that a field can't be updated: apimachinery's ValidateImmutableField, and the texts of the validation
# of apps, core, storage and rbac.
IMMUTABLE = re.compile(
    r"immutable|may not (be )?change|cannot change|can ?not be (changed|unset|updated)"
    r"|updates to .* are forbidden|pod updates may not",
    re.IGNORECASE,
)
WITH_DEPENDENTS = frozenset({"DaemonSet", "Deployment", "Job", "ReplicaSet"})
KEEP_PODS = frozenset({"StatefulSet"})
CRD_PATIENCE = 15.0


@dataclass(frozen=True)
class Applied:
    """obj: the object as the API answered it; in a preview, as it would be as far as that is known."""

    action: Action
    obj: Object
    diff: list[Difference]


def propagation(kind: str) -> str:
    """How deletion treats what an object owns: pods end before their workload counts as gone."""
    return "Foreground" if kind in WITH_DEPENDENTS | KEEP_PODS else "Background"


def is_immutable(error: ApiError) -> bool:
    """Whether the API refuses an update that a new object would allow."""
    return error.status == 422 and any(IMMUTABLE.search(text) for text in (*error.causes, error.message))


class Applier:
    """ours: whether the stack made the object; only then fields that someone else set are taken over."""

    def __init__(self, cluster: Cluster, waiter: Waiter) -> None:
        self._cluster, self._waiter = cluster, waiter

    def apply(
        self, r: Registration, ref: Ref, body: Object, limit: float, on_reason: Callable[[str], None], *, ours: bool
    ) -> Applied:
        """limit: seconds for an older one to go. Raises ResourceError, ApiError, NotReady."""
        self._cluster.kind(ref.api_version, ref.kind, CRD_PATIENCE)
        live = self._cluster.get(ref)
        if live is not None and "deletionTimestamp" in live["metadata"]:
            self._waiter.until_gone(ref, live["metadata"]["uid"], limit, on_reason)
            live = None
        body = keep_live(body, live, r.ignore_changes)
        try:
            now = self._cluster.apply(ref, body, force=ours)
        except ApiError as error:
            if live is None or not is_immutable(error):
                raise
            return self._replace(r, ref, body, live, limit, on_reason)
        if live is None:
            return Applied(Action.CREATE, now, [])
        if live["metadata"]["resourceVersion"] == now["metadata"]["resourceVersion"]:
            return Applied(Action.SAME, now, [])
        diff = changes(live, now, r.secrets)
        return Applied(Action.UPDATE if diff else Action.SAME, now, diff)

    def preview(self, r: Registration, ref: Ref, body: Object, *, ours: bool) -> Applied:
        """What `apply` would do, by the API's own dry run. Raises ApiError for what the API would refuse."""
        try:
            live = self._cluster.get(ref)
        except KindMissing:
            return Applied(Action.CREATE, body, [])
        if live is None or "deletionTimestamp" in live["metadata"]:
            return Applied(Action.CREATE, self._would_be(ref, body), [])
        later = pending(body)
        known = keep_live(without_unknowns(body, live), live, r.ignore_changes)
        try:
            now = self._cluster.apply(ref, known, force=ours, dry_run=True)
        except ApiError as error:
            if not is_immutable(error):
                raise
            _refuse_protected(r)
            return Applied(Action.REPLACE, known, changes(live, known, r.secrets, only_new=True))
        diff = changes(live, now, r.secrets) + later
        return Applied(Action.UPDATE if diff else Action.SAME, now, diff)

    def _would_be(self, ref: Ref, body: Object) -> Object:
        if has_unknown(body):
            return body
        try:
            now = self._cluster.apply(ref, body, force=False, dry_run=True)
        except ApiError as error:
            if error.status != 404 and "namespaces" not in error.message:
                raise
            return body  # its namespace isn't there yet
        return {k: v for k, v in now.items() if k != "status"}

    def _replace(
        self, r: Registration, ref: Ref, body: Object, live: Object, limit: float, on_reason: Callable[[str], None]
    ) -> Applied:
        _refuse_protected(r)
        self._check(ref, body)
        diff = changes(live, body, r.secrets, only_new=True)
        uid = live["metadata"]["uid"]
        self._cluster.delete(ref, uid, "Orphan" if ref.kind in KEEP_PODS else propagation(ref.kind))
        self._waiter.until_gone(ref, uid, limit, on_reason)
        if ref.kind in KEEP_PODS:
            self._end_strangers(ref, live, body, limit, on_reason)
        return Applied(Action.REPLACE, self._cluster.apply(ref, body, force=True), diff)

    def _check(self, ref: Ref, body: Object) -> None:
        """Nothing is deleted for an object that the API refuses: a valid one only clashes with the old one's name."""
        try:
            self._cluster.create(ref, body, dry_run=True)
        except ApiError as error:
            if error.status != 409:
                raise

    def _end_strangers(
        self, ref: Ref, old: Object, new: Object, limit: float, on_reason: Callable[[str], None]
    ) -> None:
        """A StatefulSet's volumes and pods outlive it and go to the new one; pods that it can't select must go."""
        wanted = new["spec"]["selector"].get("matchLabels", {})
        labels = ",".join(f"{k}={v}" for k, v in old["spec"]["selector"].get("matchLabels", {}).items())
        strangers = [
            pod
            for pod in self._cluster.list("v1", "Pod", ref.namespace, labels)
            if re.fullmatch(re.escape(ref.name) + r"-\d+", pod["metadata"]["name"])
            and not wanted.items() <= pod["metadata"].get("labels", {}).items()
        ]
        refs = [(Ref("v1", "Pod", ref.namespace, p["metadata"]["name"]), p["metadata"]["uid"]) for p in strangers]
        for pod, uid in refs:
            self._cluster.delete(pod, uid)
        for pod, uid in refs:
            self._waiter.until_gone(pod, uid, limit, on_reason)


def _refuse_protected(r: Registration) -> None:
    if r.protect:
        raise ResourceError(
            r,
            "this change needs a new object, but the resource is protected",
            "Remove `protect` first, if you mean it.",
        )
