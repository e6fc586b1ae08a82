"""Helm releases by the helm program: `helm upgrade --install`, skipped when neither chart nor values changed.

Helm keeps each revision in a Secret (`sh.helm.release.v1.NAME.vN`, gzip in base64); its labels tell the status. From
there come what is deployed and which workloads to wait for, so that a release that isn't ready has a reason.
"""

import base64
import contextlib
import gzip
import hashlib
import json
import re
import subprocess
import tempfile
import threading
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from local.engine.cluster import Cluster, is_content
from local.engine.model import EngineError, Interrupted, Registration, ResourceError
from local.engine.objects import Ref

RELEASE = Ref("helm.sh/v3", "Release", "", "")
TIMEOUT = 300.0
# Inputs that are understood; those that only say how to talk to a repository of charts are among `repositoryOpts`.
KNOWN = frozenset({
    "atomic", "chart", "cleanupOnFail", "createNamespace", "dependencyUpdate", "description", "devel", "forceUpdate",
    "maxHistory", "name", "namespace", "repositoryOpts", "skipAwait", "skipCrds", "timeout", "values", "version",
    "waitForJobs", "compat", "resourceNames", "resourceType", "status", "allowNullValues", "resetValues",
})  # fmt: skip
FLAGS = {
    "atomic": "--atomic", "cleanupOnFail": "--cleanup-on-fail", "createNamespace": "--create-namespace",
    "dependencyUpdate": "--dependency-update", "devel": "--devel", "forceUpdate": "--force", "skipCrds": "--skip-crds",
}  # fmt: skip
AWAITED = frozenset({"DaemonSet", "Deployment", "Job", "Service", "StatefulSet", "CustomResourceDefinition"})
_KIND = re.compile(r"^kind:\s*[\"']?(\w+)", re.MULTILINE)


@dataclass(frozen=True)
class Release:
    """A release as the program declares it. timeout: seconds."""

    name: str
    namespace: str
    chart: str
    values: dict[str, Any]
    arguments: tuple[str, ...]
    timeout: float
    waits: bool

    @property
    def ref(self) -> Ref:
        return Ref(RELEASE.api_version, RELEASE.kind, self.namespace, self.name)

    def digest(self) -> str:
        """Of all that decides what is deployed: the chart's files (or its address), values and arguments."""
        sum_ = hashlib.sha256(json.dumps([self.chart, self.values, self.arguments], sort_keys=True).encode())
        path = Path(self.chart)
        for file in sorted(p for p in (path.rglob("*") if path.is_dir() else [path]) if p.is_file()):
            sum_.update(str(file.relative_to(path)).encode() + b"\0" + hashlib.sha256(file.read_bytes()).digest())
        return sum_.hexdigest()


def release_of(r: Registration) -> Release:
    """Raises ResourceError for options that this engine doesn't know."""
    unknown = sorted(k for k, v in r.inputs.items() if k not in KNOWN and v not in (False, None, "", [], {}))
    if unknown:
        raise ResourceError(r, f"the embedded engine knows no {', '.join(unknown)} of a Release", "Use ENGINE=pulumi.")
    repository = r.inputs.get("repositoryOpts", {}).get("repo", "")
    chart = str(r.inputs["chart"])
    folder = Path(chart).expanduser()
    if not repository and "://" not in chart and not folder.exists():
        raise ResourceError(r, f"there is no chart at {folder.absolute()}", "Give a folder, an archive, or an address.")
    arguments = [flag for key, flag in FLAGS.items() if r.inputs.get(key)]
    given = (
        ("--repo", repository),
        ("--version", r.inputs.get("version", "")),
        ("--description", r.inputs.get("description")),
    )
    arguments += [part for flag, value in given if value for part in (flag, str(value))]
    arguments += ["--history-max", str(r.inputs.get("maxHistory", 5))]
    return Release(
        name=str(r.inputs.get("name", r.name)),
        namespace=str(r.inputs.get("namespace", "default")),
        chart=str(folder.absolute()) if folder.exists() and not repository else chart,
        values=r.inputs.get("values", {}),
        arguments=tuple(arguments),
        timeout=float(r.inputs.get("timeout", TIMEOUT)),
        waits=not r.inputs.get("skipAwait", False),
    )


@dataclass(frozen=True)
class Revision:
    """What helm last did. status: deployed, failed, pending-install, … secret: the object that holds it."""

    number: int
    status: str
    content: dict[str, Any]
    secret: Ref

    def workloads(self) -> Iterator[Ref]:
        """What is worth waiting for. Documents are parsed only where they must be: a chart's CRDs are long."""
        for text in re.split(r"^---\s*$", self.content.get("manifest", ""), flags=re.MULTILINE):
            kind = _KIND.search(text)
            if kind is None or kind[1] not in AWAITED:
                continue
            if kind[1] == "CustomResourceDefinition":
                name = re.search(r"^  name:\s*[\"']?([\w.-]+)", text, re.MULTILINE)
                if name is not None:
                    yield Ref("apiextensions.k8s.io/v1", kind[1], "", name[1])
                continue
            obj = yaml.safe_load(text)
            metadata = obj["metadata"]
            yield Ref(
                obj["apiVersion"], obj["kind"], metadata.get("namespace", self.secret.namespace), metadata["name"]
            )

    def outputs(self) -> dict[str, Any]:
        chart = self.content.get("chart", {}).get("metadata", {})
        return {
            "name": self.content.get("name"), "namespace": self.secret.namespace, "revision": self.number,
            "status": self.status, "chart": chart.get("name"), "version": chart.get("version"),
            "appVersion": chart.get("appVersion"),
        }  # fmt: skip


class Helm:
    """program: the helm binary."""

    def __init__(self, cluster: Cluster, program: Path | None, stop: threading.Event) -> None:
        self._cluster, self._program, self._stop = cluster, program, stop

    def last(self, namespace: str, name: str) -> Revision | None:
        labels = f"owner=helm,name={name}"
        found = self._cluster.list("v1", "Secret", namespace, labels)
        if not found:
            return None
        secret = max(found, key=lambda s: int(s["metadata"]["labels"]["version"]))
        labels_, coded = secret["metadata"]["labels"], base64.b64decode(secret["data"]["release"])
        content = json.loads(gzip.decompress(base64.b64decode(coded)))
        ref = Ref("v1", "Secret", namespace, secret["metadata"]["name"])
        return Revision(int(labels_["version"]), labels_["status"], content, ref)

    def install(self, release: Release) -> Revision:
        """Install or upgrade; an operation that was cut off is forgotten first. Raises EngineError."""
        last = self.last(release.namespace, release.name)
        if last is not None and last.status.startswith("pending-"):
            self._cluster.delete(last.secret)
        if last is not None and last.status == "uninstalling":
            self.uninstall(release.namespace, release.name, release.timeout)
        with tempfile.TemporaryDirectory(prefix="journal-helm-") as folder:
            values = Path(folder) / "values.json"
            values.touch(mode=0o600)
            values.write_text(json.dumps(release.values))
            self._run(
                "upgrade", "--install", release.name, release.chart, "--namespace", release.namespace, "--values",
                str(values), "--reset-values", "--timeout", f"{release.timeout:.0f}s", *release.arguments,
            )  # fmt: skip
        done = self.last(release.namespace, release.name)
        if done is None:
            raise EngineError(f"helm left no trace of release {release.name}")
        return done

    def uninstall(self, namespace: str, name: str, limit: float) -> None:
        """What the chart itself keeps (its `crds` folder, `helm.sh/resource-policy: keep`) stays."""
        if self.last(namespace, name) is not None:
            self._run(
                "uninstall",
                name,
                "--namespace",
                namespace,
                "--wait",
                "--ignore-not-found",
                "--timeout",
                f"{limit:.0f}s",
            )

    def _run(self, *arguments: str) -> None:
        if self._program is None or not self._program.is_file():
            raise EngineError(f"A Helm release needs helm, and there is none at {self._program}. Run `make up`.")
        with self._access() as access, tempfile.TemporaryFile("w+") as output:
            process = subprocess.Popen([self._program, *arguments, *access], stdout=output, stderr=subprocess.STDOUT)
            while (status := process.poll()) is None:
                if self._stop.is_set():
                    process.terminate()
                    process.wait()
                    raise Interrupted(f"helm {arguments[0]} was stopped, since the run is ending")
                time.sleep(0.05)
            output.seek(0)
            lines = [line for line in output.read().splitlines() if line.strip()]
        if status != 0:
            raise EngineError(f"helm {arguments[0]} ended with status {status}:\n    " + "\n    ".join(lines[-8:]))

    @contextlib.contextmanager
    def _access(self) -> Generator[list[str]]:
        given = self._cluster.kubeconfig
        context = [] if self._cluster.context is None else ["--kube-context", self._cluster.context]
        if given is None:
            yield context
        elif not is_content(given):
            yield ["--kubeconfig", str(Path(given).expanduser()), *context]
        else:
            with tempfile.NamedTemporaryFile("w", prefix="journal-kubeconfig-") as file:  # mode 0600
                file.write(str(given))
                file.flush()
                yield ["--kubeconfig", file.name, *context]
