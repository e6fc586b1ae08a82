"""What was added by hand to the stack's objects: fields that the program does not set, and Pulumi does not see.

Server-side apply leaves such a field to whoever set it, and a refresh compares the program's fields alone
(pulumi-kubernetes, `pruneLiveState`). The API server knows who set each: `metadata.managedFields`.
"""

import json
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from local.access import Access
from tools.failures import Failure

Object = Mapping[str, Any]
Key = tuple[str, str, str]
"""Kind, namespace and name of an object."""
GROUPS = ("", "apps", "batch", "networking.k8s.io", "policy", "rbac.authorization.k8s.io")
"""API groups whose objects are looked at. They are in every cluster; a custom resource may be its controller's."""
LEFT_ALONE = ("Secret", "PersistentVolumeClaim")
"""What a password's rotation, cert-manager and the provisioner of volumes write into."""
MACHINERY = ("pulumi-kubernetes", "kube-", "k3s", "cloud-controller", "cert-manager")
"""How the names of managers begin that are no person's: `kubectl …` is one's, `kube-scheduler` is not."""
OWN_RULES = ("f:status", "f:finalizers", "f:ownerReferences", "f:kubectl.kubernetes.io/restartedAt")
"""What is nobody's drift: to restart a tier is no change of it."""
REMOVER = "journal-additions"
SECRET = "4dabf18193072939515e22adb298388d"  # noqa: S105
"""The key by which Pulumi marks a secret value in its state."""
ABSENT = object()


@dataclass(frozen=True)
class Addition:
    """A field of an object that somebody added. manager: the program that did."""

    object: Key
    path: str
    manager: str

    def __str__(self) -> str:
        kind, _, name = self.object
        return f"{kind} {name}: {self.path} ({self.manager})"


def find(access: Access, declared: Mapping[Key, Object]) -> list[Addition]:
    """What the objects have that is not declared. Raises Failure when the cluster does not answer."""
    return [
        Addition(key, text(path), entry["manager"])
        for key, found in _read(access, declared).items()
        for entry in filter(_by_a_person, found["metadata"].get("managedFields", []))
        for path, _ in split(entry["fieldsV1"], declared[key])[1]
    ]


def remove(access: Access, declared: Mapping[Key, Object], additions: Iterable[Addition]) -> None:
    """Remove what was added.

    The fields are handed to a manager of our own, which then applies an object without them: the API server removes
    what nobody else owns, whatever the kind of list it is in. Source: kubernetes.io, Server-Side Apply.
    """
    wanted = {addition.object: declared[addition.object] for addition in additions}
    for key, found in _read(access, wanted).items():
        metadata, kept, handed = found["metadata"], [], {}
        for entry in metadata.get("managedFields", []):
            rest, added = split(entry["fieldsV1"], wanted[key]) if _by_a_person(entry) else (entry["fieldsV1"], [])
            if rest:
                kept.append({**entry, "fieldsV1": rest})
            for path, below in added:
                _merge(handed, path, below)
        own = {"manager": REMOVER, "operation": "Apply", "apiVersion": found["apiVersion"], "fieldsType": "FieldsV1"}
        patch = [
            {"op": "test", "path": "/metadata/resourceVersion", "value": metadata["resourceVersion"]},
            {"op": "replace", "path": "/metadata/managedFields", "value": [*kept, {**own, "fieldsV1": handed}]},
        ]
        where = {name: metadata[name] for name in ("name", "namespace") if name in metadata}
        identity = {"apiVersion": found["apiVersion"], "kind": found["kind"], "metadata": where}
        space = ["-n", metadata["namespace"]] if "namespace" in metadata else []
        resource = _resource(found["apiVersion"], found["kind"])
        _feed(access, patch, *space, "patch", resource, metadata["name"], "--type=json", "--patch-file=/dev/stdin")
        _feed(access, identity, "apply", "--server-side", f"--field-manager={REMOVER}", "-f", "-")


def split(fields: Mapping[str, Any], declared: Any) -> tuple[dict[str, Any], list[tuple[tuple[str, ...], Any]]]:
    """The fields of one manager, divided: the tree of what is declared too, and path and tree of what is not."""
    kept: dict[str, Any] = {}
    added: list[tuple[tuple[str, ...], Any]] = []
    for step, below in fields.items():
        value = ABSENT if step == "." else _at(declared, step)
        if step == "." or step in OWN_RULES or (isinstance(value, Mapping) and SECRET in value):
            kept[step] = below
        elif value is ABSENT and not _holds_an_own_rule(below):
            added.append(((step,), below))
        elif below:
            rest, more = split(below, {} if value is ABSENT else value)
            kept |= {step: rest} if rest else {}
            added += [((step, *path), tree) for path, tree in more]
        else:
            kept[step] = below
    return kept, added


def text(path: Sequence[str]) -> str:
    """`spec.containers[main].env[A]` of the API server's `f:spec`, `f:containers`, `k:{"name":"main"}`, …"""
    said = ""
    for step in path:
        kind, _, name = step.partition(":")
        values = json.loads(name).values() if kind == "k" else [name]
        said += f".{name}" if kind == "f" else f"[{'/'.join(map(str, values))}]"
    return said.removeprefix(".")


def _by_a_person(entry: Object) -> bool:
    return not entry.get("subresource") and not entry["manager"].startswith(MACHINERY)


def _holds_an_own_rule(fields: Mapping[str, Any]) -> bool:
    return any(step in OWN_RULES or _holds_an_own_rule(below) for step, below in fields.items())


def _at(value: Any, step: str) -> Any:
    """What stands at one step of the API server's: a field, the item of a list by its keys, a value of a set."""
    kind, _, name = step.partition(":")
    if kind == "f":
        return value.get(name, ABSENT) if isinstance(value, Mapping) else ABSENT
    items = value if isinstance(value, list) else []
    if kind == "k":
        keys = json.loads(name)  # with defaults, which the program need not name
        matching = (i for i in items if isinstance(i, Mapping) and all(i.get(k, v) == v for k, v in keys.items()))
        return next(matching, ABSENT)
    if kind == "i":
        return items[int(name)] if int(name) < len(items) else ABSENT
    return next((item for item in items if json.dumps(item) == name), ABSENT)


def _merge(tree: dict[str, Any], path: Sequence[str], below: Mapping[str, Any]) -> None:
    """Put fields into a tree that may hold others of the same item, which somebody else added."""
    for step in path:
        tree = tree.setdefault(step, {})
    for step, more in below.items():
        _merge(tree, [step], more)


def _read(access: Access, declared: Mapping[Key, Object]) -> dict[Key, Object]:
    """The declared objects as they are, with who manages their fields."""
    looked_at = {
        _resource(inputs["apiVersion"], inputs["kind"])
        for inputs in declared.values()
        if _group(inputs["apiVersion"]) in GROUPS and inputs["kind"] not in LEFT_ALONE
    }
    if not looked_at:
        return {}
    items = access.json("get", ",".join(sorted(looked_at)), "-A", "--show-managed-fields")["items"]
    found = {(i["kind"], i["metadata"].get("namespace", ""), i["metadata"]["name"]): i for i in items}
    return {key: item for key, item in found.items() if key in declared}


def _group(api_version: str) -> str:
    return api_version.rpartition("/")[0]


def _resource(api_version: str, kind: str) -> str:
    """A kind as kubectl takes it, with its group: `deployment.apps`."""
    return ".".join(filter(None, (kind.lower(), _group(api_version))))


def _feed(access: Access, document: Any, *arguments: str) -> None:
    """Run kubectl with a document on its standard input. Raises Failure with what it says."""
    done = subprocess.run(
        [*access.command(), *arguments], input=json.dumps(document).encode(), capture_output=True, check=False
    )
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip()
        raise Failure(f"What was added by hand can't be removed: {said}", "Remove it with `make kubectl`.")
