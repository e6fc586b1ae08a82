"""The linters, built from the modules that go.mod and checkov.lock pin, and what each of them finds."""

import json
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tools import environments, golang, paths
from tools.failures import Failure
from tools.lint import schemas
from tools.progress import Progress

HERE = Path(__file__).parent
FLAGS = golang.build_flags()
CHECKOV_LOCK = HERE / "checkov.lock"
CRITICAL = 1
"""kube-score's worst grade."""
SCORED = ("CronJob", "DaemonSet", "Deployment", "Ingress", "Job", "NetworkPolicy", "Service", "StatefulSet")
"""Kinds that kube-score knows; it passes over the others."""
ACTIONLINT_FLAGS = ("-shellcheck=", "-pyflakes=")
"""Whatever this machine has besides, the findings are the same."""


@dataclass(frozen=True, order=True)
class Finding:
    """What a tool has against one object of a stack. resource: `Kind namespace/name`, or `Kind name`."""

    tool: str
    check: str
    resource: str
    stack: str
    message: str


def build(progress: Progress) -> Path:
    """The folder of kubeconform, kube-score and actionlint. Raises Failure."""

    def make(target: Path) -> None:
        golang.install(HERE, ["tool"], FLAGS, target, progress, what="kubeconform, kube-score, actionlint")

    return golang.built(paths.cache() / "lint", HERE, FLAGS, make, progress)


def install_checkov() -> Path:
    """The checkov program, installed by hash. Raises Failure."""
    return environments.prepare("checkov", CHECKOV_LOCK).parent / "checkov"


def kubeconform(program: Path, stack: str, folder: Path, schema_folder: Path) -> Iterator[Finding]:
    """What the API server would refuse. Raises Failure when an object was not looked at."""
    said = _json_of(
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
    said = _json_of([str(program), "score", "--output-format", "json", "--kubernetes-version", f"v{minor}", *manifests])
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
    said = _json_of([str(program), "--directory", str(root), *flags])
    if said["summary"]["parsing_errors"] or not said["results"]["passed_checks"]:
        raise Failure("checkov did not read the manifests.", log_tail=json.dumps(said["summary"]))
    for found in said["results"]["failed_checks"]:
        path = Path(found["file_abs_path"])
        yield Finding("checkov", found["check_id"], _resource(path), path.parent.name, found["check_name"])


def actionlint(program: Path, workflows: Sequence[Path]) -> str:
    """What actionlint finds in workflows, as it prints it; empty when nothing. Raises Failure."""
    return _output([str(program), *ACTIONLINT_FLAGS, *map(str, workflows)])


def _output(command: list[str]) -> str:
    """What a linter prints. Raises Failure for another status than 0 (clean) and 1 (findings)."""
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode not in (0, 1):
        tail = "\n".join([*run.stdout.splitlines()[-10:], *run.stderr.splitlines()[-10:]])
        raise Failure(f"{Path(command[0]).name} ended with {run.returncode}.", "What it said stands above.", tail)
    return run.stdout


def _json_of(command: list[str]) -> Any:
    text = _output(command)
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        raise Failure(f"{Path(command[0]).name} printed no JSON.", "What it said stands above.", text[-1000:]) from None


def _kind(path: Path) -> str:
    return yaml.safe_load(path.read_text())["kind"]


def _resource(path: Path) -> str:
    """`Kind namespace/name` of a manifest's object, or `Kind name`."""
    body = yaml.safe_load(path.read_text())
    metadata = body["metadata"]
    return f"{body['kind']} " + "/".join(filter(None, (metadata.get("namespace"), metadata["name"])))
