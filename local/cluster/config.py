"""The configuration files of the node's components, as data. They depend on the layout and the machine only."""

import json
import resource
from typing import Any

from local.cluster.layout import (
    CGROUP,
    DNS_SERVICE_ADDRESS,
    NODE_NAME,
    POD_CIDR,
    Layout,
)

RUN = "/run/journal"  # on the node's own tmpfs
CONTAINERD_SOCKET = "/run/containerd/containerd.sock"
REGISTRY = f"{RUN}/pods"  # where the CNI plugin records pods for the node agent
PAUSE_IMAGE = "registry.k8s.io/pause:3.10"
MAX_OPEN_FILES = 1_000_000  # kubelet's default


def open_files() -> int:
    """As many files as a process may open here: without CAP_SYS_RESOURCE the limit cannot be raised."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return MAX_OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, MAX_OPEN_FILES)


def containerd(layout: Layout) -> str:
    """containerd 1.6: overlayfs, cgroupfs, pods may listen on low ports without a capability."""
    return f"""\
version = 2
root = "{layout.containerd}"
state = "/run/containerd"
# `opt` would make /opt/containerd on the host.
disabled_plugins = [
  "io.containerd.internal.v1.opt",
  "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs",
]
[grpc]
  address = "{CONTAINERD_SOCKET}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE_IMAGE}"
  restrict_oom_score_adj = true
  disable_apparmor = true
  enable_unprivileged_ports = true
  enable_unprivileged_icmp = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{layout.run}/cni/bin"
    conf_dir = "{layout.run}/cni/conf"
"""


def kubelet(layout: Layout) -> dict[str, Any]:
    """Images cannot be pulled again, so none is collected. Secrets and ConfigMaps change at once (watched)."""
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "failCgroupV1": False,
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{CGROUP}",
        "containerRuntimeEndpoint": f"unix://{CONTAINERD_SOCKET}",
        "clusterDNS": [DNS_SERVICE_ADDRESS],
        "clusterDomain": "cluster.local",
        "resolvConf": str(layout.run / "resolv.conf"),
        "podLogsDir": str(layout.pod_logs),
        "volumePluginDir": str(layout.run / "volume-plugins"),
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(layout.pki / "ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(layout.pki / "kubelet.crt"),
        "tlsPrivateKeyFile": str(layout.pki / "kubelet.key"),
        "failSwapOn": False,
        "oomScoreAdj": 0,
        "maxOpenFiles": open_files(),
        "makeIPTablesUtilChains": False,
        "seccompDefault": True,
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        "evictionHard": {
            "memory.available": "200Mi",
            "nodefs.available": "2%",
            "imagefs.available": "2%",
            "nodefs.inodesFree": "1%",
        },
        "nodeStatusUpdateFrequency": "5s",
    }


def kube_proxy(layout: Layout) -> dict[str, Any]:
    """nftables mode. It leaves the machine's connection tracking limits alone."""
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "nftables",
        "nftables": {"minSyncPeriod": "100ms"},
        "clusterCIDR": POD_CIDR,
        "hostnameOverride": NODE_NAME,
        "oomScoreAdj": 0,
        "clientConnection": {"kubeconfig": str(layout.pki / "kube-proxy.kubeconfig")},
        "conntrack": {"maxPerCore": 0, "min": 0, "tcpCloseWaitTimeout": "0s", "tcpEstablishedTimeout": "0s"},
        "metricsBindAddress": "127.0.0.1:10249",
    }


def cni() -> dict[str, Any]:
    """Each pod on a veth of its own, routed, so that traffic between pods passes the forward hook too."""
    ipam = {
        "type": "host-local",
        "ranges": [[{"subnet": POD_CIDR}]],
        "routes": [{"dst": "0.0.0.0/0"}],
        "dataDir": f"{RUN}/ipam",
    }
    return {
        "cniVersion": "1.0.0",
        "name": "journal",
        "plugins": [{"type": "ptp", "ipMasq": False, "ipam": ipam}, {"type": "policycni", "registry": REGISTRY}],
    }


def files(layout: Layout) -> dict[str, str]:
    """File name within the run folder to content."""
    return {
        "containerd.toml": containerd(layout),
        "kubelet.json": json.dumps(kubelet(layout), indent=1),
        "kube-proxy.json": json.dumps(kube_proxy(layout), indent=1),
        "cni/conf/10-journal.conflist": json.dumps(cni(), indent=1),
        "resolv.conf": "nameserver 127.0.0.1\n",  # for kubelet and CoreDNS: there is no DNS outside the cluster
    }
