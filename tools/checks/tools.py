"""Each tool over the manifests of stacks, its words made findings."""

import json
from collections.abc import Iterator
from pathlib import Path

import yaml

from tools.checks import programs, schemas
from tools.checks.findings import Finding
from tools.failures import Failure

CRITICAL = 1
"""kube-score's worst grade."""
SCORED = ("CronJob", "DaemonSet", "Deployment", "Ingress", "Job", "NetworkPolicy", "Service", "StatefulSet")
"""Kinds that kube-score knows; it passes over the others."""


def kubeconform(program: Path, stack: str, folder: Path, schema_folder: Path) -> Iterator[Finding]:
    """What the API server would refuse. Raises Failure when an object was not looked at."""
    said = programs.answered(
        [
            *(str(program), "-strict", "-summary", "-output", "json"),
            *("-schema-location", str(schema_folder / schemas.PATTERN), str(folder)),
        ]
    )
    count = said["summary"]
    if sum(count.values()) != len(list(folder.iterdir())) or count["skipped"]:
        raise Failure(f"kubeconform left out manifests of stack {stack}: {count}.")
    for found in said["resources"] if count["invalid"] or count["errors"] else []:
        if found["status"] != "statusValid":
            reasons = [part for part in found["msg"].split(" - at ")[1:] if "'allOf' failed" not in part]
            resource = _resource(Path(found["filename"]))
            yield from (
                Finding("kubeconform", found["status"], resource, stack, reason) for reason in reasons or [found["msg"]]
            )


def kube_score(program: Path, stack: str, folder: Path, minor: str) -> Iterator[Finding]:
    """What kube-score holds critical."""
    manifests = sorted(str(path) for path in folder.iterdir())
    said = programs.answered(
        [str(program), "score", "--output-format", "json", "--kubernetes-version", f"v{minor}", *manifests]
    )
    seen = {Path(scored["file_name"]) for scored in said}
    if unseen := [path.name for path in sorted(folder.iterdir()) if path not in seen and _kind(path) in SCORED]:
        raise Failure(f"kube-score left out {', '.join(unseen)} of stack {stack}.")
    for scored in said:
        for check in scored["checks"]:
            if not check["skipped"] and check["grade"] == CRITICAL:
                words = [" ".join(filter(None, (c["path"], c["summary"]))) for c in check["comments"] or []]
                resource = _resource(Path(scored["file_name"]))
                yield Finding("kube-score", check["check"]["id"], resource, stack, "; ".join(words))


def checkov(program: Path, root: Path) -> Iterator[Finding]:
    """What checkov has against objects in `root/STACK`, of all stacks in one go: it takes seconds to start."""
    flags = ["--framework", "kubernetes", "--output", "json", "--skip-download"]
    said = programs.answered([str(program), "--directory", str(root), *flags])
    if said["summary"]["parsing_errors"] or not said["results"]["passed_checks"]:
        raise Failure("checkov did not read the manifests.", log_tail=json.dumps(said["summary"]))
    for found in said["results"]["failed_checks"]:
        path = Path(found["file_abs_path"])
        yield Finding("checkov", found["check_id"], _resource(path), path.parent.name, found["check_name"])


def _kind(path: Path) -> str:
    return yaml.safe_load(path.read_text())["kind"]


def _resource(path: Path) -> str:
    """`Kind namespace/name` of a manifest's object, or `Kind name`."""
    body = yaml.safe_load(path.read_text())
    metadata = body["metadata"]
    return f"{body['kind']} " + "/".join(filter(None, (metadata.get("namespace"), metadata["name"])))
