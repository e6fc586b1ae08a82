"""Kubernetes objects as plain dicts: from inputs to what is applied, differences, and what may be shown of them."""

import base64
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tools.recording.model import Path, Registration, ResourceError
from tools.recording.values import MASK, UNKNOWN, has_unknown

Object = dict[str, Any]
Difference = tuple[str, Any, Any]
ABSENT = "(none)"
# Set by the API server, or by others on each change: no part of what the program declares.
VOLATILE = frozenset({"creationTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid"})
SECRET_FIELDS = (("data",), ("stringData",))


@dataclass(frozen=True, order=True)
class Ref:
    """Which object. namespace: empty for those of the cluster."""

    api_version: str
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"

    @property
    def id(self) -> str:
        return f"{self.namespace}/{self.name}" if self.namespace else self.name

    @property
    def group(self) -> str:
        return self.api_version.rpartition("/")[0]


def body_of(r: Registration) -> Object:
    """The object to apply: nulls and status left out, a Secret's `stringData` moved into `data`.

    The API moves it too, but server-side apply then doesn't see what has gone. Raises ResourceError without a name.
    """
    body = _without_nulls({k: v for k, v in r.inputs.items() if k != "status"})
    if not isinstance(body.get("metadata", {}).get("name"), str):
        raise ResourceError(r, "has no metadata.name", "Every Kubernetes object of this project has an explicit name.")
    if "apiVersion" not in body or "kind" not in body:
        raise ResourceError(
            r, f"type {r.type} is no Kubernetes object", "The embedded engine applies plain objects only."
        )
    texts = body.pop("stringData", None) if body["kind"] == "Secret" else None
    if texts is UNKNOWN:
        body["data"] = UNKNOWN
    elif texts is not None:
        coded = {k: v if v is UNKNOWN else base64.b64encode(v.encode()).decode() for k, v in texts.items()}
        body["data"] = {**body.get("data", {}), **coded}
    return body


def ref_of(body: Mapping[str, Any], namespace: str) -> Ref:
    """namespace: empty when the kind has none, else the one for objects that name none."""
    own = body["metadata"].get("namespace", namespace)
    return Ref(body["apiVersion"], body["kind"], own if namespace else "", body["metadata"]["name"])


def _without_nulls(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _without_nulls(v) for k, v in value.items() if v is not None}
    return [_without_nulls(v) for v in value] if isinstance(value, list) else value


def without_unknowns(value: Any, live: Any = None) -> Any:
    """The value with the live one in place of each unknown, or nothing where there is none (preview)."""
    if isinstance(value, Mapping):
        known = live if isinstance(live, Mapping) else {}
        parts = {k: without_unknowns(v, known.get(k)) for k, v in value.items()}
        return {k: v for k, v in parts.items() if v is not None}
    if isinstance(value, list):
        known = live if isinstance(live, list) and len(live) == len(value) else [None] * len(value)
        return [p for p in map(without_unknowns, value, known) if p is not None]
    return live if value is UNKNOWN else value


def unknown_paths(value: Any, path: str = "") -> Iterator[str]:
    if value is UNKNOWN:
        yield path
    elif isinstance(value, Mapping):
        for key, part in value.items():
            yield from unknown_paths(part, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from unknown_paths(part, f"{path}[{index}]")


def keep_live(body: Object, live: Object | None, paths: Iterable[str]) -> Object:
    """The body with the live values at `ignoreChanges` paths: apply would remove what is left out there."""
    for text in paths if live is not None else ():
        *steps, last = re.findall(r'[^.\[\]"]+', text)
        target, source = body, live
        for step in steps:
            source = source.get(step, {}) if isinstance(source, Mapping) else {}
            target = target.setdefault(step, {}) if source else target.get(step, {})
        if isinstance(source, Mapping) and last in source:
            target[last] = source[last]
        else:
            target.pop(last, None)
    return body


def declared(obj: Mapping[str, Any]) -> Object:
    """The object without its status and without what changes by itself."""
    metadata = {k: v for k, v in obj.get("metadata", {}).items() if k not in VOLATILE}
    return {k: v for k, v in obj.items() if k not in ("status", "metadata")} | {"metadata": metadata}


def differences(old: Any, new: Any, path: str = "", *, only_new: bool = False) -> list[Difference]:
    """(path, old, new) of each leaf that differs, items of lists matched by `name` where they have one.

    only_new: leave out what only the old one has (when the new one is no full object).
    """
    if old == new:
        return []
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        keys = [k for k in new if k not in old or old[k] != new[k]] + (
            [] if only_new else [k for k in old if k not in new]
        )
        found = [
            differences(old.get(k, ABSENT), new.get(k, ABSENT), _step(path, k), only_new=only_new) for k in sorted(keys)
        ]
        return [item for part in found for item in part]
    if isinstance(old, list) and isinstance(new, list):
        return differences(_keyed(old, new), _keyed(new, old), path, only_new=only_new)
    return [(path, old, new)]


class _Item(str):
    """A key that stands for a list's item."""


def _keyed(items: list[Any], others: list[Any]) -> dict[_Item, Any]:
    named = all(isinstance(i, Mapping) and isinstance(i.get("name"), str) for i in [*items, *others])
    return {_Item(item["name"] if named else index): item for index, item in enumerate(items)}


def _step(path: str, key: str) -> str:
    if isinstance(key, _Item):
        return f"{path}[{key}]"
    shown = f'["{key}"]' if re.search(r"[./]", key) else key
    return f"{path}.{shown}" if path and not shown.startswith("[") else f"{path}{shown}"


class _Hidden:
    """A secret in a difference: compares by value, shows nothing."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Hidden) and self._value == other._value

    __hash__ = None

    def __repr__(self) -> str:
        return MASK


def hide(obj: Any, secrets: Iterable[Path]) -> Any:
    """The object with its secrets hidden: a Secret's data, and the given paths (an index stands for every index)."""
    general: set[tuple[str, ...]] = {tuple("*" if isinstance(step, int) else step for step in path) for path in secrets}
    if isinstance(obj, Mapping) and obj.get("kind") == "Secret":
        general.update(SECRET_FIELDS)
    return _hide(obj, general, ())


def _hide(value: Any, secrets: set[tuple[str, ...]], path: tuple[str, ...]) -> Any:
    if path in secrets:
        return {k: _Hidden(v) for k, v in value.items()} if isinstance(value, Mapping) else _Hidden(value)
    if isinstance(value, Mapping):
        return {k: _hide(v, secrets, (*path, str(k))) for k, v in value.items()}
    return [_hide(v, secrets, (*path, "*")) for v in value] if isinstance(value, list) else value


def changes(old: Object, new: Object, secrets: Iterable[Path], *, only_new: bool = False) -> list[Difference]:
    """What differs between two states of an object, secrets masked."""
    found = differences(hide(declared(old), secrets), hide(declared(new), secrets), only_new=only_new)
    return [(path, shown(before), shown(after)) for path, before, after in found]


def shown(value: Any) -> Any:
    """What a hidden value is shown as: the mask."""
    if isinstance(value, _Hidden):
        return MASK
    if isinstance(value, Mapping):
        return {k: shown(v) for k, v in value.items()}
    return [shown(v) for v in value] if isinstance(value, list) else value


def pending(body: Object) -> list[Difference]:
    """What only the real run will know, as differences (preview)."""
    return [(path, ABSENT, repr(UNKNOWN)) for path in unknown_paths(body)] if has_unknown(body) else []
