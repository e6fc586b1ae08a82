"""How this machine reaches the stack's cluster: the one it built, or the context that KUBE_CONTEXT names."""

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local import cluster
from local.cluster.layout import Layout
from tools.failures import Failure


@dataclass(frozen=True)
class Access:
    """A cluster and the programs that speak to it. `context` is None for the cluster that was built here."""

    kubectl: Path
    helm: Path | None
    kubeconfig: Path | None
    context: str | None

    @property
    def own(self) -> bool:
        """Whether the cluster was built here."""
        return self.context is None

    def run(self, *arguments: str) -> bytes:
        """What kubectl prints. Raises Failure with what it says."""
        return self._run(arguments, None)

    def feed(self, document: Any, *arguments: str) -> bytes:
        """What kubectl prints, given a document to read. Raises Failure with what it says."""
        return self._run(arguments, json.dumps(document).encode())

    def json(self, *arguments: str) -> Any:
        return json.loads(self.run(*arguments, "-o", "json"))

    def command(self) -> list[str]:
        """kubectl with the flags that choose the cluster."""
        flags = [] if self.kubeconfig is None else ["--kubeconfig", str(self.kubeconfig)]
        return [str(self.kubectl), *flags, *([] if self.context is None else ["--context", self.context])]

    def _run(self, arguments: Sequence[str], given: bytes | None) -> bytes:
        done = subprocess.run([*self.command(), *arguments], input=given, capture_output=True, check=False)
        if done.returncode != 0:
            said = done.stderr.decode(errors="replace").strip()
            raise Failure(f"kubectl {' '.join(arguments)} failed: {said}", "Is the cluster running? See `make status`.")
        return done.stdout


def named_context() -> str | None:
    """The existing cluster's context, where the user names one."""
    return os.environ.get("KUBE_CONTEXT") or None


def stopped() -> Access | None:
    """Where the cluster that was built here would be, while it does not run; None while it runs, or is not ours."""
    if named_context() is not None or cluster.status().node is not None:
        return None
    return Access(cluster.kubectl_path(), cluster.helm_path(), Layout.current().kubeconfig, None)


def access() -> Access:
    """The stack's cluster. Raises Failure when none runs, or a program is missing."""
    context = named_context()
    if context is None:
        node = cluster.status().node
        if node is None:
            raise Failure("The local cluster is not running.", "Start it with `make up`.")
        return Access(cluster.kubectl_path(), cluster.helm_path(), node.kubeconfig, None)
    kubectl, helm = shutil.which("kubectl"), shutil.which("helm")
    if kubectl is None:
        raise Failure("KUBE_CONTEXT is set, and kubectl is not on PATH.", "Install kubectl for that cluster.")
    kubeconfig = os.environ.get("KUBECONFIG")
    found = Access(Path(kubectl), Path(helm) if helm else None, Path(kubeconfig) if kubeconfig else None, context)
    found.run("version")
    return found
