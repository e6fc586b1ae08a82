"""A stack as files, the same each time: a manifest of each Kubernetes object and a list of all resources."""

import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from tools import cloud, stack
from tools.failures import Failure
from tools.resource import InputPath, Resource, masked

LIST, MANIFESTS = "resources.json", "manifests"
CLUSTER_WIDE = "cluster"
"""Stands for the namespace of objects that have none."""
NO_OBJECTS = ("kubernetes:helm.sh/", "kubernetes:yaml", "kubernetes:kustomize")


def render(name: str) -> Path:
    """Write a stack to `build/<stack>`; the folder. Raises StackError, SettingsError and ProgramError."""
    folder = stack.ROOT / "build" / name
    write(cloud.record(name).registrations, folder)
    return folder


def write(resources: Iterable[Resource], folder: Path) -> None:
    """`manifests/NAMESPACE-kind-name.yaml` of each object (`cluster-…` without a namespace) and resources.json.

    Secrets are masked.
    An earlier rendering in the folder is replaced. Raises Failure when the folder holds anything else, when an object
    has no explicit name, and when two objects are the same.
    """
    if folder.exists() and any(folder.iterdir()):
        if not (folder / LIST).is_file():
            raise Failure(f"{folder} holds something else than a rendering.", "Name an empty folder.")
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    listed = sorted(resources, key=lambda r: r.urn)
    for r in filter(is_object, listed):
        body = manifest(r)
        metadata = body["metadata"]
        path = (
            folder
            / MANIFESTS
            / "-".join((metadata.get("namespace", CLUSTER_WIDE), body["kind"].lower(), f"{metadata['name']}.yaml"))
        )
        path.parent.mkdir(exist_ok=True)
        if path.exists():
            raise Failure(f"{r.label} is declared twice: {path.name} is there already.")
        path.write_text(yaml.safe_dump(body, sort_keys=True, width=120))
    (folder / LIST).write_text(json.dumps([entry(r) for r in listed], indent=2, sort_keys=True) + "\n")


def is_object(r: Resource) -> bool:
    """Whether this is a Kubernetes object of its own (a Release is not)."""
    return r.custom and r.package == "kubernetes" and not r.is_read and not r.type.startswith(NO_OBJECTS)


def manifest(r: Resource) -> dict[str, Any]:
    """The object as it would be applied, secrets masked; `stringData` of a Secret is part of its `data`."""
    if not isinstance(r.inputs.get("metadata", {}).get("name"), str):
        raise Failure(f"{r.label} has no metadata.name.", "Give every Kubernetes object an explicit name.")
    body = {key: value for key, value in masked(r.inputs, _secrets(r)).items() if key != "status"}
    if r.kind == "Secret" and "stringData" in body:
        body["data"] = body.get("data", {}) | body.pop("stringData")
    return body


def entry(r: Resource) -> dict[str, Any]:
    """The resource in resources.json. propertyDependencies: what each input comes from, where it comes from any."""
    options = {
        "id": r.id,
        "protect": r.protect,
        "retainOnDelete": r.retain_on_delete,
        "provider": r.provider.urn if r.provider is not None else "",
        "propertyDependencies": {key: list(urns) for key, urns in r.property_dependencies.items() if urns},
    }
    return {
        "urn": r.urn,
        "type": r.type,
        "name": r.name,
        "parent": r.parent,
        "dependencies": list(r.dependencies),
        "inputs": masked(r.inputs, _secrets(r)),
        **{name: value for name, value in options.items() if value},
    }


def _secrets(r: Resource) -> set[InputPath]:
    """The paths to mask: what the program marks secret, and whatever is in a Kubernetes Secret."""
    return {*r.secrets, ("data",), ("stringData",)} if r.type == "kubernetes:core/v1:Secret" else {*r.secrets}
