"""A real Kubernetes on this machine: one node in namespaces of its own, built from Go modules and Debian packages.

    programs = build(progress)                    # seconds when built before, else minutes; needs Go
    node = start(programs, progress)              # harmless when it runs; the node outlives the command
    import_images([*static_images(), *others], progress)
    status(); stop(wipe=True)                     # keep_volumes=True: the next cluster's claims get the data
    path, content, seconds = back_up(programs); restore(path, programs); start(programs, progress)

What runs on it should know:
- The node is 10.123.0.2, the host 10.123.0.1, pods 10.244.0.0/16, services 10.96.0.0/16. The host reaches them all;
  pods reach nothing beyond the host.
- A service of type LoadBalancer has the node's address. Of two that want the same port, the older has it; the other
  stays without an address, and an event says why.
- Network policies hold from a pod's first packet. The node itself (probes, API server to webhook) is not filtered.
  For egress the API server is 10.123.0.2 port 6443: rules see a packet after the service address is translated.
- Volumes (`local-path`, the default class) belong to root like a new disk: pods that are not root set fsGroup. They
  have the size that is asked for, 300Mi at least, where the machine has loop devices and XFS; else they have no limit.
- Images come from `import_images` only: nothing is pulled, so use tags that do not move and `IfNotPresent`.
"""

from pathlib import Path

from local.cluster import images, volumes
from local.cluster.argo import build as build_argo
from local.cluster.argo import definitions as argo_definitions
from local.cluster.backup import KEPT, SUFFIX, back_up, backups_folder, prune, restore
from local.cluster.errors import ClusterError
from local.cluster.layout import Layout
from local.cluster.metrics_server import build as build_metrics_server
from local.cluster.node import start, stop
from local.cluster.programs import Programs, build, located
from local.cluster.state import ComponentStatus, Node, Status, node_pid, status
from local.cluster.volumes import KeptVolume
from local.cluster.volumes import limited as volumes_limited
from tools.progress import Progress

__all__ = [
    "KEPT",
    "SUFFIX",
    "ClusterError",
    "ComponentStatus",
    "KeptVolume",
    "Node",
    "Programs",
    "Status",
    "argo_definitions",
    "back_up",
    "backups_folder",
    "build",
    "build_argo",
    "build_metrics_server",
    "chart_path",
    "helm_path",
    "import_images",
    "kept_volumes",
    "kubectl_path",
    "located",
    "prune",
    "restore",
    "start",
    "static_images",
    "status",
    "stop",
    "volumes_limited",
]


def import_images(archives: list[Path], progress: Progress | None = None) -> None:
    """Bring image archives (docker or OCI) into the running node, each once.

    Raises ClusterError.
    """
    layout = Layout.current()
    pid = node_pid(layout)
    if not pid:
        raise ClusterError("No node runs, so images cannot be imported.", "Start the cluster first.")
    images.import_all(layout, pid, archives, progress)


def kept_volumes() -> list[KeptVolume]:
    """The volumes that outlived their cluster and that no claim has got yet."""
    return volumes.kept(Layout.current())


def static_images() -> list[Path]:
    """Archives of what `build` built: pause, CoreDNS, Traefik, Pebble and cert-manager's four.

    Raises ClusterError.
    """
    return images.write_archives(located())


def chart_path() -> Path:
    """The folder of cert-manager's Helm chart."""
    return located().chart


def helm_path() -> Path:
    """The helm program."""
    return located().path("helm")


def kubectl_path() -> Path:
    """The kubectl program."""
    return located().path("kubectl")
