"""Delete what a stack made, each object after all that came because of it, and wait until it is gone."""

import threading
import time
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from local.engine.applier import propagation
from local.engine.cluster import ApiError, Cluster, KindMissing
from local.engine.helm import RELEASE, Helm
from local.engine.inventory import Entry, Inventory, needed_by
from local.engine.model import Action, EngineError, Interrupted, State
from local.engine.report import Report
from local.engine.wait import NotReady, Waiter


def check_protected(entries: Iterable[Entry]) -> None:
    """Raises EngineError before anything is touched."""
    kept = [str(entry.ref) for entry in entries if entry.protect]
    if kept:
        raise EngineError(
            f"Protected, so not deleted: {', '.join(kept)}.\n  Remove `protect` from the program and run `up` first."
        )


@dataclass
class Remover:
    """Removes in parallel as far as the order allows. limit: seconds for one object."""

    cluster: Cluster
    helm: Helm
    waiter: Waiter
    inventory: Inventory
    report: Report
    stop: threading.Event
    limit: float

    def remove(self, entries: list[Entry]) -> None:
        """Raises EngineError naming every object that isn't gone."""
        if not entries:
            return
        gone: dict[str, Future[None]] = {entry.key: Future() for entry in entries}
        with ThreadPoolExecutor(len(entries), thread_name_prefix="remove") as pool:
            for entry in entries:
                pool.submit(self._after, [gone[e.key] for e in needed_by(entry, entries)], entry, gone[entry.key])
            try:
                wait(gone.values())
            except BaseException:
                self.stop.set()
                raise
        errors = [str(e) for f in gone.values() if (e := f.exception()) is not None and not isinstance(e, Interrupted)]
        if errors:
            raise EngineError("\n".join(dict.fromkeys(errors)))
        if self.stop.is_set():
            raise Interrupted("The run was stopped while it deleted; run it again.")

    def _after(self, first: list[Future[None]], entry: Entry, done: Future[None]) -> None:
        begun = time.monotonic()
        try:
            if any(other.exception() is not None for other in first) or self.stop.is_set():
                raise Interrupted(f"{entry.ref}: not deleted, since what depends on it is still there")
            self._remove(entry)
            done.set_result(None)
        except Exception as error:  # it is what the future holds
            done.set_exception(self._told(entry, error, begun))

    def _told(self, entry: Entry, error: Exception, begun: float) -> Exception:
        if isinstance(error, Interrupted):
            return error
        said = error.message if isinstance(error, ApiError) else str(error)
        self.report.emit(entry.urn, Action.DELETE, State.FAILED, begun, said)
        remedy = f"\n  {error.remedy}" if isinstance(error, NotReady) and error.remedy else ""
        return EngineError(self.report.redact(f"{entry.ref}: {said}{remedy}"))

    def _remove(self, entry: Entry) -> None:
        begun = time.monotonic()
        if not entry.retain:
            self.report.emit(entry.urn, Action.DELETE, State.STARTED, begun)
            if entry.ref.kind == RELEASE.kind and entry.ref.api_version == RELEASE.api_version:
                self.helm.uninstall(entry.ref.namespace, entry.ref.name, self.limit)
            else:
                self._delete(entry, begun)
        self.inventory.forget(entry.key)
        if not entry.retain:
            self.report.emit(entry.urn, Action.DELETE, State.DONE, begun)

    def _delete(self, entry: Entry, begun: float) -> None:
        try:
            obj = self.cluster.get(entry.ref)
        except KindMissing:
            return
        if obj is None:
            return
        uid = obj["metadata"]["uid"]
        self.cluster.delete(entry.ref, uid, propagation(entry.ref.kind))
        self.waiter.until_gone(
            entry.ref,
            uid,
            self.limit,
            lambda reason: self.report.emit(entry.urn, Action.DELETE, State.WAITING, begun, reason),
        )
