"""What happens to a Helm release: nothing when it is deployed as declared and healthy, otherwise install or upgrade."""

from collections.abc import Callable
from typing import Any

from local.engine.cluster import Cluster, KindMissing
from local.engine.helm import Helm, Release, Revision, release_of
from local.engine.model import Action, Registration
from local.engine.objects import Difference, differences, hide, shown
from local.engine.values import has_unknown
from local.engine.wait import Waiter

Outcome = tuple[Action, list[Difference], dict[str, Any]]


class Releases:
    """deploy and preview answer with the action, the differences in values, and the outputs."""

    def __init__(self, cluster: Cluster, helm: Helm, waiter: Waiter) -> None:
        self._cluster, self._helm, self._waiter = cluster, helm, waiter

    def spec(self, r: Registration) -> Release:
        return release_of(r)

    def preview(self, r: Registration, release: Release, digest: str) -> Outcome:
        last = self._helm.last(release.namespace, release.name)
        if last is None:
            return Action.CREATE, [], {}
        if not has_unknown(release.values) and self._is_current(last, release, digest):
            return Action.SAME, [], {"status": last.outputs()}
        return Action.UPDATE, _changes(r, last, release), {}

    def deploy(self, r: Registration, release: Release, digest: str, on_reason: Callable[[str], None]) -> Outcome:
        """Raises EngineError, NotReady, Interrupted."""
        last = self._helm.last(release.namespace, release.name)
        action, diff = Action.SAME, []
        if last is None or not self._is_current(last, release, digest):
            action = Action.CREATE if last is None else Action.UPDATE
            diff = [] if last is None else _changes(r, last, release)
            on_reason(f"helm {'installs' if last is None else 'upgrades'} it")
            last = self._helm.install(release)
        if release.waits:
            self._wait(last, release, on_reason)
        return action, diff, {"status": last.outputs()}

    def _is_current(self, last: Revision, release: Release, digest: str) -> bool:
        """As declared, and nothing of it has been taken away."""
        return last.status == "deployed" and digest == release.digest() and not self._missing(last)

    def _missing(self, last: Revision) -> bool:
        try:
            return any(self._cluster.get(ref) is None for ref in last.workloads())
        except KindMissing:
            return True

    def _wait(self, last: Revision, release: Release, on_reason: Callable[[str], None]) -> None:
        for ref in last.workloads():
            obj = self._cluster.get(ref)
            if obj is not None:
                self._waiter.until_ready(ref, obj, release.timeout, lambda why, ref=ref: on_reason(f"{ref}: {why}"))


def _changes(r: Registration, last: Revision, release: Release) -> list[Difference]:
    """Of the values, and of the chart's version where the program names one."""
    secrets = [path[1:] for path in r.secrets if path and path[0] == "values"]
    before, after = hide(last.content.get("config") or {}, secrets), hide(release.values, secrets)
    return [
        (f"values.{path}" if path else "values", shown(old), shown(new))
        for path, old, new in differences(before, after)
    ]
