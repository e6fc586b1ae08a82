"""What a stack has made: one ConfigMap in the cluster, written before each object, so that nothing made is forgotten.

It holds which objects, in which order, after which others; and of a Release the digest of what was deployed. No values.
"""

import threading
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from pydantic import TypeAdapter

from local.engine.cluster import ApiError, Cluster
from local.engine.model import EngineError
from local.engine.objects import Object, Ref

NAMESPACE = "kube-system"
CONFIG_MAP, LEASE = ("v1", "ConfigMap"), ("coordination.k8s.io/v1", "Lease")
LIMIT = 1_000_000


@dataclass(frozen=True)
class Entry:
    """One object. order: of its first registration. needs: keys of those before it. retain: prune only forgets it."""

    ref: Ref
    urn: str
    order: int
    needs: tuple[str, ...] = ()
    protect: bool = False
    retain: bool = False
    digest: str = ""

    @property
    def key(self) -> str:
        return key_of(self.ref)


_ENTRIES = TypeAdapter(list[Entry])


def key_of(ref: Ref) -> str:
    """The identity of an object: its API version may change."""
    return "/".join((ref.group, ref.kind, ref.namespace, ref.name))


def name_of(stack: str) -> str:
    return f"journal-engine-{stack}"


def encode(entries: Iterable[Entry]) -> str:
    return _ENTRIES.dump_json(sorted(entries, key=lambda entry: entry.order), exclude_defaults=True).decode()


def decode(text: str) -> dict[str, Entry]:
    return {entry.key: entry for entry in _ENTRIES.validate_json(text)}


class Inventory:
    """Many threads record at once; one write serves all that wait for it."""

    def __init__(self, cluster: Cluster, stack: str) -> None:
        self._cluster, self._stack = cluster, stack
        self._ref = Ref(*CONFIG_MAP, NAMESPACE, name_of(stack))
        self._lock, self._writing = threading.Lock(), threading.Lock()
        self._stored = cluster.get(self._ref)
        self._entries = {} if self._stored is None else decode(self._stored["data"]["objects"])
        self.before = dict(self._entries)
        self._changed, self._written = 0, 0
        self._next = max((entry.order for entry in self._entries.values()), default=0) + 1

    def __contains__(self, key: str) -> bool:
        return key in self._entries

    @property
    def exists(self) -> bool:
        return self._stored is not None

    def entries(self) -> list[Entry]:
        with self._lock:
            return sorted(self._entries.values(), key=lambda entry: entry.order)

    def get(self, ref: Ref) -> Entry | None:
        return self._entries.get(key_of(ref))

    def record(self, entry: Entry) -> Entry:
        """Stored when this returns. Its place comes after all it needs; an unchanged entry costs nothing."""
        with self._lock:
            known = self._entries.get(entry.key)
            places = [self._entries[key].order for key in entry.needs if key in self._entries]
            keeps = known is not None and all(place < known.order for place in places)
            entry = replace(entry, order=known.order if known is not None and keeps else self._next)
            self._next += 0 if keeps else 1
            if entry == known:
                return entry
            self._entries[entry.key] = entry
            self._changed += 1
            change = self._changed
        self._write(change)
        return entry

    def forget(self, key: str) -> None:
        with self._lock:
            if self._entries.pop(key, None) is None:
                return
            self._changed += 1
            change = self._changed
        self._write(change)

    def remove(self) -> None:
        """The last thing that `down` does."""
        self._cluster.delete(self._ref)
        self._stored = None

    def _write(self, change: int) -> None:
        with self._writing:
            if self._written >= change:
                return
            with self._lock:
                text, change = encode(self._entries.values()), self._changed
            if len(text) > LIMIT:
                raise EngineError(f"Stack {self._stack} has {len(self._entries)} objects: too many for one inventory.")
            body: Object = {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": self._metadata(),
                "data": {"objects": text},
            }
            try:
                put = self._cluster.create if self._stored is None else self._cluster.replace
                self._stored = put(self._ref, body)
            except ApiError as error:
                raise EngineError(f"The inventory {self._ref} can't be written: {error.message}") from error
            self._written = change

    def _metadata(self) -> dict[str, Any]:
        metadata: dict[str, Any] = {"name": self._ref.name, "namespace": NAMESPACE}
        version = {} if self._stored is None else {"resourceVersion": self._stored["metadata"]["resourceVersion"]}
        return metadata | version | {"labels": {"app.kubernetes.io/managed-by": "journal-engine"}}


def needed_by(entry: Entry, entries: Iterable[Entry]) -> list[Entry]:
    """Those that came after this one because of it, and what lies in a namespace: they go first."""
    inside = entry.ref.name if entry.ref.kind == "Namespace" else None
    later = [other for other in entries if other.order > entry.order]
    return [e for e in later if entry.key in e.needs or (inside is not None and e.ref.namespace == inside)]
