"""The few requests to the API server that starting a node needs. Everything else uses a client library."""

import http.client
import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from local.cluster.errors import ClusterError, tail
from local.cluster.layout import API_PORT, NODE_ADDRESS, NODE_NAME, Layout
from local.supervisor.probes import TIMEOUT_SECONDS, tls

ADDONS = Path(__file__).parent / "addons"
POLL_SECONDS = 0.05


class Api:
    """Reads from the API server as the administrator."""

    def __init__(self, layout: Layout) -> None:
        self._context = tls(layout.pki, "ca", "admin")

    def get(self, path: str) -> Any | None:
        """The answer, parsed when it is JSON. None when there is no answer, or its status is not 200."""
        connection = http.client.HTTPSConnection(NODE_ADDRESS, API_PORT, timeout=TIMEOUT_SECONDS, context=self._context)
        try:
            connection.request("GET", path, headers={"Accept": "application/json"})
            response = connection.getresponse()
            body = response.read()
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()
        if response.status != http.HTTPStatus.OK:
            return None
        kind = response.headers.get_content_type()
        return json.loads(body) if kind == "application/json" else body.decode()

    def ready(self) -> bool:
        """Whether the API server serves."""
        return self.get("/readyz") is not None

    def node_ready(self, since: str) -> bool:
        """Whether kubelet reported the node ready at or after `since` (RFC 3339, UTC), not before a restart."""
        return node_is_ready(self.get(f"/api/v1/nodes/{NODE_NAME}"), since)

    def pods(self) -> list[dict[str, Any]]:
        """All pods; an empty list when there is no answer."""
        found = self.get("/api/v1/pods")
        return found["items"] if found else []


def node_is_ready(node: dict[str, Any] | None, since: str) -> bool:
    """Whether a Node is ready by a heartbeat not older than `since` (RFC 3339, whole seconds, UTC)."""
    conditions = (node or {}).get("status", {}).get("conditions", [])
    return any(
        c["type"] == "Ready" and c["status"] == "True" and c.get("lastHeartbeatTime", "") >= since for c in conditions
    )


def stale_containers(pods: list[dict[str, Any]], living: set[str]) -> set[str]:
    """The ids of containers that the API server calls running but that are not among `living`.

    kubelet reported them before the node was restarted.
    """
    statuses = (s for pod in pods for s in pod.get("status", {}).get("containerStatuses", []))
    running = {s["containerID"].rpartition("/")[2] for s in statuses if "running" in s.get("state", {})}
    return running - living


def wait(condition: Callable[[], bool], seconds: float) -> bool:
    """Poll until the condition holds. Returns whether it did within `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def apply_addons(kubectl: Path, layout: Layout) -> None:
    """Server-side apply of the files in addons/, by kubectl: importing a Python client takes longer than it runs."""
    command = [kubectl, "--kubeconfig", layout.kubeconfig, "apply", "--server-side", "--force-conflicts", "-f", ADDONS]
    run = subprocess.run(
        [*map(str, command), "--field-manager", "journal-cluster"], capture_output=True, text=True, check=False
    )
    if run.returncode != 0:
        raise ClusterError("The cluster's add-ons cannot be applied.", "See the lines above.", tail(run.stderr))
