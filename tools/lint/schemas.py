"""JSON schemas that know every field, of Kubernetes' own kinds, cert-manager's and Argo's, from their Go modules."""

import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from tools import golang, stack
from tools.failures import Failure

Schema = dict[str, Any]
CERT_MANAGER, KUBERNETES = "github.com/cert-manager/cert-manager", "k8s.io/kubernetes"
LOCAL_CLUSTER = stack.ROOT / "local" / "cluster" / "platform"
"""The folder whose go.mod pins what the local cluster runs."""
RELEASES = {
    # minor version of an EKS cluster, unless it is the local one's: a module of it, and its hash as in go.sum
    "1.35": ("v1.35.4", "h1:o/8dBC/pHVpYoGV4OAIytAlNPZbdYVTXJHoYvXC4qzM="),
}
SWAGGER, CRDS = "api/openapi-spec/swagger.json", "deploy/crds"
ARGO, ARGO_SOURCES = "github.com/argoproj/argo-workflows/v4", stack.ROOT / "local" / "cluster" / "argo"
ARGO_CRDS = [f"manifests/base/crds/full/argoproj.io_{kind}.yaml" for kind in ("cronworkflows", "workflowtemplates")]
"""The definitions with every field, of the kinds that the program declares."""
META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
VALUES = ("default", "enum", "example", "properties", "required")
"""Keywords whose values are no schemas."""
PATTERN = "{{.ResourceKind}}{{.KindSuffix}}.json"
"""The files' names, in kubeconform's words: `deployment-apps-v1.json`."""


def write(folder: Path, minor: str) -> int:
    """Write the schemas for a minor version of Kubernetes; how many. Raises Failure."""
    definitions = json.loads((kubernetes(minor) / SWAGGER).read_text())["definitions"]
    found = {**of_kubernetes(definitions), **of_crds(_crds(), definitions)}
    folder.mkdir(parents=True, exist_ok=True)
    for (api_version, kind), schema in found.items():
        (folder / file_name(api_version, kind)).write_text(json.dumps(schema))
    return len(found)


def local_minor() -> str:
    """The minor version of the local cluster."""
    return _locally(KUBERNETES).removeprefix("v").rpartition(".")[0]


def kubernetes(minor: str) -> Path:
    """Where Kubernetes' module lies, fetched when it is not there yet. Raises Failure."""
    if minor == local_minor():
        return _module(KUBERNETES)
    if minor not in RELEASES:
        raise Failure(
            f"There are no schemas for Kubernetes {minor}.",
            "Name its module in RELEASES of tools/lint/schemas.py; `go mod download -json` prints the hash.",
        )
    version, wanted = RELEASES[minor]
    return _module(f"{KUBERNETES}@{version}", wanted)


def _locally(module: str) -> str:
    """The version of a module in the local cluster."""
    return golang.module_versions((LOCAL_CLUSTER / "go.mod").read_text())[module]


def file_name(api_version: str, kind: str) -> str:
    """The name that PATTERN gives."""
    group, _, version = api_version.rpartition("/")
    return "-".join(part for part in (kind, group.partition(".")[0], version) if part).lower() + ".json"


def of_kubernetes(definitions: Mapping[str, Schema]) -> dict[tuple[str, str], Schema]:
    """By apiVersion and kind, each with the definitions that it refers to."""
    closed = {name: strict(definition) for name, definition in definitions.items()}
    found = {}
    for name, definition in definitions.items():
        for gvk in definition.get("x-kubernetes-group-version-kind", []):
            api_version = "/".join(part for part in (gvk["group"], gvk["version"]) if part)
            found[(api_version, gvk["kind"])] = _with_definitions({"$ref": f"#/definitions/{name}"}, closed)
    return found


def of_crds(crds: Iterator[Schema], definitions: Mapping[str, Schema]) -> dict[tuple[str, str], Schema]:
    """By apiVersion and kind; their metadata is that of any object."""
    closed = {name: strict(definition) for name, definition in definitions.items()}
    found = {}
    for crd in crds:
        spec = crd["spec"]
        for version in spec["versions"]:
            schema = strict(version["schema"]["openAPIV3Schema"])
            schema["properties"]["metadata"] = {"$ref": f"#/definitions/{META}"}
            key = (f"{spec['group']}/{version['name']}", spec["names"]["kind"])
            found[key] = _with_definitions(schema, closed)
    return found


def strict(schema: Any) -> Any:
    """A schema that takes no field beside those it names."""
    if isinstance(schema, list):
        return [strict(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("format") == "int-or-string":
        return {"type": ["string", "integer"]}
    parts = {key: value if key in VALUES else strict(value) for key, value in schema.items()}
    fields = schema.get("properties")
    if isinstance(fields, dict):
        parts["properties"] = {name: strict(field) for name, field in fields.items()}
        if "additionalProperties" not in schema and not schema.get("x-kubernetes-preserve-unknown-fields"):
            parts["additionalProperties"] = False
    return parts


def _with_definitions(schema: Schema, definitions: Mapping[str, Schema]) -> Schema:
    needed: dict[str, Schema] = {}
    todo = [*_references(schema)]
    while todo:
        name = todo.pop()
        if name not in needed:
            needed[name] = definitions[name]
            todo += _references(definitions[name])
    return {"allOf": [schema], "definitions": needed}


def _references(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        if isinstance(schema.get("$ref"), str):
            yield schema["$ref"].removeprefix("#/definitions/")
        for part in schema.values():
            yield from _references(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from _references(part)


def _crds() -> Iterator[Schema]:
    argo = golang.module_folder(ARGO_SOURCES, ARGO)
    own = sorted((_module(f"{CERT_MANAGER}@{_locally(CERT_MANAGER)}") / CRDS).glob("*.yaml"))
    for path in [*own, *(argo / name for name in ARGO_CRDS)]:
        # Argo's are megabytes: the loader in C takes a second where the other takes half a minute.
        yield from (document for document in yaml.load_all(path.read_text(), yaml.CSafeLoader) if document)


def _module(name: str, wanted: str = "") -> Path:
    """A Go module's folder; of the version that the cluster's programs are built from unless the name has one."""
    run = subprocess.run(
        ["go", "mod", "download", "-json", name],
        cwd=LOCAL_CLUSTER,
        env=golang.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode != 0:
        raise Failure(
            f"The Go module {name} can't be fetched.", golang.remedy(run.stdout + run.stderr), run.stdout[-600:]
        )
    answer = json.loads(run.stdout)
    if wanted and answer["Sum"] != wanted:
        raise Failure(f"The Go module {name} is not the one that was pinned: its hash is {answer['Sum']}.")
    return Path(answer["Dir"])
