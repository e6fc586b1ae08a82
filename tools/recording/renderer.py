"""The engine that writes: one manifest an object and a list of all resources, secrets masked, in a stable order."""

import json
import shutil
from pathlib import Path
from typing import Any

import yaml

from tools.recording.model import EngineError, Registration
from tools.recording.objects import body_of, hide, shown
from tools.recording.recorder import Recorder
from tools.recording.values import masked

LIST, MANIFESTS = "resources.json", "manifests"
CLUSTER_WIDE = "cluster"
NO_OBJECTS = ("kubernetes:helm.sh/", "kubernetes:yaml", "kubernetes:kustomize")


class Renderer(Recorder):
    """A Recorder whose recording can be written down."""

    def write(self, folder: Path) -> list[Path]:
        """`manifests/NAMESPACE-kind-name.yaml` of each object (`cluster-…` without a namespace) and resources.json.

        An earlier rendering in the folder is replaced. Raises EngineError when the folder holds anything else.
        """
        _clear(folder)
        objects = [r for r in self.registrations if is_object(r)]
        paths = [_write(folder / MANIFESTS, manifest(r)) for r in objects]
        listed = sorted(
            (_described(r, self.ids.get(r.urn, "")) for r in self.registrations), key=lambda entry: entry["urn"]
        )
        (folder / LIST).write_text(json.dumps(listed, indent=2, sort_keys=True) + "\n")
        return sorted([*paths, folder / LIST])


def is_object(r: Registration) -> bool:
    """Whether this is a Kubernetes object of its own (a Release is not)."""
    return r.custom and r.package == "kubernetes" and not r.read_id and not r.type.startswith(NO_OBJECTS)


def manifest(r: Registration) -> dict[str, Any]:
    """The object as it would be applied, secrets masked."""
    body = body_of(r)
    secrets = [
        ("data", *path[1:]) if body["kind"] == "Secret" and path[0] == "stringData" else path for path in r.secrets
    ]
    return shown(hide(body, secrets))


def _write(folder: Path, body: dict[str, Any]) -> Path:
    metadata = body["metadata"]
    place = metadata.get("namespace", CLUSTER_WIDE)
    path = folder / f"{place}-{body['kind'].lower()}-{metadata['name']}.yaml"
    path.parent.mkdir(exist_ok=True)
    if path.exists():
        raise EngineError(f"{body['kind']} {metadata['name']} of {place} is declared twice.")
    path.write_text(yaml.safe_dump(body, sort_keys=True, width=120))
    return path


def _described(r: Registration, id_: str) -> dict[str, Any]:
    """propertyDependencies: the resources that each input comes from, where it comes from any."""
    inputs = shown(hide({**r.inputs, "kind": r.kind}, r.secrets))
    options = {
        "id": id_ if r.custom else "",
        "protect": r.protect,
        "retainOnDelete": r.retain_on_delete,
        "provider": r.provider.rpartition("::")[0],
        "propertyDependencies": {key: sorted(urns) for key, urns in r.property_dependencies.items() if urns},
    }
    return {
        "urn": r.urn,
        "type": r.type,
        "name": r.name,
        "parent": r.parent,
        "dependencies": sorted(r.dependencies),
        "inputs": masked({k: v for k, v in inputs.items() if k in r.inputs}, r.secrets),
        **{name: value for name, value in options.items() if value},
    }


def _clear(folder: Path) -> None:
    if folder.exists() and any(folder.iterdir()):
        if not (folder / LIST).is_file():
            raise EngineError(f"{folder} holds something else than a rendering. Name an empty folder.")
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
