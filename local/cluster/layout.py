"""Where the cluster keeps its files, and which names and addresses it uses."""

from dataclasses import dataclass
from pathlib import Path

from tools import paths

NODE_NAME = "local"
CLUSTER_NAME = "journal-local"  # in kubeconfigs

HOST_ADDRESS = "10.123.0.1"
NODE_ADDRESS = "10.123.0.2"
LINK_CIDR = "10.123.0.0/30"
POD_CIDR = "10.244.0.0/16"
SERVICE_CIDR = "10.96.0.0/16"
API_SERVICE_ADDRESS = "10.96.0.1"
DNS_SERVICE_ADDRESS = "10.96.0.10"
API_PORT = 6443
HOST_INTERFACE, NODE_INTERFACE = "journal0", "journal1"  # the two ends of the veth between host and node

CGROUP = "journal-node"
CONTAINERD_SOCKET = "/run/containerd/containerd.sock"
PAUSE_IMAGE = "registry.k8s.io/pause:3.10"
RUN = "/run/journal"  # on the node's own tmpfs
REGISTRY = f"{RUN}/pods"  # where the CNI plugin records pods for the node agent
# Folders that kubelet and the CNI library have compiled in. They must exist to be mounted over.
MOUNT_POINTS = ("/var/lib/kubelet", "/var/lib/cni", "/var/log/containers")


@dataclass(frozen=True)
class Layout:
    """The files of the cluster under the cache folder and the state folder."""

    cache: Path
    state: Path

    @classmethod
    def current(cls) -> "Layout":
        """The folders that JOURNAL_CACHE, JOURNAL_STATE or the XDG variables name."""
        return cls(paths.cache(), paths.state())

    @property
    def platform(self) -> Path:
        """Built programs, a folder for each hash of their sources."""
        return self.cache / "platform"

    @property
    def metrics_server(self) -> Path:
        """Archives of its image, each in a folder for the hash of its sources."""
        return self.cache / "metrics-server"

    @property
    def argo(self) -> Path:
        """Archives of Argo Workflows' images, in a folder for each hash of their sources."""
        return self.cache / "argo"

    @property
    def containerd(self) -> Path:
        """Imported images: outlives `stop(wipe=True)`."""
        return self.cache / "containerd"

    @property
    def imported(self) -> Path:
        """Which archives were imported as which images."""
        return self.containerd / "imported.json"

    @property
    def lock(self) -> Path:
        return self.state / "lock"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's."""
        return self.state / "kubeconfig"

    @property
    def pki(self) -> Path:
        return self.state / "pki"

    @property
    def etcd(self) -> Path:
        return self.state / "etcd"

    @property
    def kubelet(self) -> Path:
        return self.state / "kubelet"

    @property
    def volumes(self) -> Path:
        """The persistent volumes' data."""
        return self.state / "volumes"

    @property
    def kept(self) -> Path:
        """Of those, what outlived its cluster, by namespace and name of its claim."""
        return self.volumes / "kept"

    @property
    def logs(self) -> Path:
        return self.state / "logs"

    @property
    def pod_logs(self) -> Path:
        return self.logs / "pods"

    @property
    def run(self) -> Path:
        """What belongs to one life of the node: configuration files, process ids."""
        return self.state / "run"

    @property
    def spec(self) -> Path:
        """What the supervisor runs."""
        return self.run / "node.json"

    @property
    def status(self) -> Path:
        """The supervisor's report on its components."""
        return self.run / "status.json"

    @property
    def host(self) -> Path:
        """What starting changed on the host, to be undone by stopping."""
        return self.run / "host.json"
