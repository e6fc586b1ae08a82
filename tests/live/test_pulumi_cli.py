"""Pulumi's own engine on the running cluster, where its CLI is on PATH."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from local import stack
from local.access import Access, access

pytestmark = [
    pytest.mark.live,
    pytest.mark.pulumi,
    pytest.mark.skipif(shutil.which("pulumi") is None, reason="the Pulumi CLI is not on PATH"),
]
NAMESPACE = "pulumi-cli-test"
PROGRAM = f"""
import sys
sys.path.insert(0, {str(stack.ROOT)!r})
import pulumi
from components.cluster import ExistingCluster
from components.namespace import Namespace
from components.settings import ClusterSettings
settings = ClusterSettings(kubeconfig=pulumi.Config().require("kubeconfig"))
provider = ExistingCluster("cluster", settings).cluster.provider
Namespace({NAMESPACE!r}, opts=pulumi.ResourceOptions(provider=provider))
"""


@pytest.fixture
def here() -> Access:
    return access()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    runtime = f"runtime: {{name: python, options: {{toolchain: pip, virtualenv: {sys.prefix}}}}}"
    (tmp_path / "Pulumi.yaml").write_text(f"name: cli-test\n{runtime}\n")
    (tmp_path / "__main__.py").write_text(PROGRAM)
    (tmp_path / "backend").mkdir()
    return tmp_path


def pulumi(project: Path, *arguments: str) -> str:
    environment = {
        **os.environ,
        "PULUMI_BACKEND_URL": f"file://{project}/backend",
        "PULUMI_CONFIG_PASSPHRASE": "",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
    }
    command = ["pulumi", "--non-interactive", *arguments]
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_component_goes_up_stays_and_goes(project: Path, here: Access) -> None:
    pulumi(project, "stack", "init", "test")
    pulumi(project, "config", "set", "kubeconfig", str(here.kubeconfig))
    try:
        pulumi(project, "up", "--yes", "--skip-preview")
        labels = here.json("get", "namespace", NAMESPACE)["metadata"]["labels"]
        assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
        pulumi(project, "up", "--yes", "--skip-preview", "--expect-no-changes")
    finally:
        pulumi(project, "destroy", "--yes", "--skip-preview")
    assert here.run("get", "namespace", NAMESPACE, "--ignore-not-found", "-o", "name") == b""
