"""The node's components: their command lines and configuration files, the order of their start, and their probes."""

import hashlib
import json
import resource
from dataclasses import asdict
from pathlib import Path
from typing import Any

from local.cluster import volumes
from local.cluster.layout import (
    API_PORT,
    CGROUP,
    CONTAINERD_SOCKET,
    DNS_SERVICE_ADDRESS,
    HOST_ADDRESS,
    NODE_ADDRESS,
    NODE_INTERFACE,
    NODE_NAME,
    PAUSE_IMAGE,
    POD_CIDR,
    REGISTRY,
    RUN,
    SERVICE_CIDR,
    Layout,
)
from local.cluster.programs import Programs
from local.supervisor.spec import Component, NodeSpec, Probe

ETCD_URL = "https://127.0.0.1:2379"
CNI_PLUGINS = Path("/usr/lib/cni")  # Debian's containernetworking-plugins
MAX_OPEN_FILES = 1_000_000  # kubelet's default
# What the last life of the node left in containerd: its processes are gone.
CLEAN = """\
ctr -n k8s.io containers ls -q | xargs -r ctr -n k8s.io containers rm
ctr -n k8s.io leases ls -q | xargs -r -n 1 ctr -n k8s.io leases rm
"""


def options(**values: str | int | Path | bool) -> list[str]:
    """`a_b=True` becomes `--a-b=true`."""
    return [f"--{k.replace('_', '-')}={str(v).lower() if isinstance(v, bool) else v}" for k, v in values.items()]


def etcd(layout: Layout) -> list[str]:
    """One member, TLS with client certificates, every write on disk before it is acknowledged."""
    peer = "http://127.0.0.1:2380"
    tls = {
        "trusted_ca_file": layout.pki / "etcd" / "ca.crt",
        "cert_file": layout.pki / "etcd" / "server.crt",
        "key_file": layout.pki / "etcd" / "server.key",
    }
    return options(
        data_dir=layout.etcd,
        listen_client_urls=ETCD_URL,
        advertise_client_urls=ETCD_URL,
        listen_peer_urls=peer,
        initial_advertise_peer_urls=peer,
        initial_cluster=f"default={peer}",
        client_cert_auth=True,
        log_level="warn",
        **tls,
    )


def apiserver(layout: Layout) -> list[str]:
    """Kubernetes' defaults with Node and RBAC authorization, and secrets encrypted in etcd."""
    pki = layout.pki
    return options(
        etcd_servers=ETCD_URL,
        etcd_cafile=pki / "etcd" / "ca.crt",
        etcd_certfile=pki / "apiserver-etcd-client.crt",
        etcd_keyfile=pki / "apiserver-etcd-client.key",
        encryption_provider_config=pki / "encryption.json",
        advertise_address=NODE_ADDRESS,
        bind_address="0.0.0.0",  # noqa: S104 (within the node's own network namespace)
        secure_port=API_PORT,
        service_cluster_ip_range=SERVICE_CIDR,
        authorization_mode="Node,RBAC",
        enable_admission_plugins="NodeRestriction",
        anonymous_auth=False,
        allow_privileged=True,
        client_ca_file=pki / "ca.crt",
        tls_cert_file=pki / "apiserver.crt",
        tls_private_key_file=pki / "apiserver.key",
        kubelet_certificate_authority=pki / "ca.crt",
        kubelet_client_certificate=pki / "apiserver-kubelet-client.crt",
        kubelet_client_key=pki / "apiserver-kubelet-client.key",
        kubelet_preferred_address_types="InternalIP",
        service_account_issuer="https://kubernetes.default.svc.cluster.local",
        service_account_key_file=pki / "sa.pub",
        service_account_signing_key_file=pki / "sa.key",
        requestheader_client_ca_file=pki / "front-proxy-ca.crt",
        requestheader_allowed_names="front-proxy-client",
        requestheader_extra_headers_prefix="X-Remote-Extra-",
        requestheader_group_headers="X-Remote-Group",
        requestheader_username_headers="X-Remote-User",
        proxy_client_cert_file=pki / "front-proxy-client.crt",
        proxy_client_key_file=pki / "front-proxy-client.key",
        profiling=False,
    )


def controller(layout: Layout, name: str) -> list[str]:
    """What controller manager and scheduler have in common: they are alone, so no leader is elected."""
    file = layout.pki / f"{name}.conf"
    return options(
        kubeconfig=file,
        authentication_kubeconfig=file,
        authorization_kubeconfig=file,
        bind_address="127.0.0.1",
        leader_elect=False,
        profiling=False,
    )


def controller_manager(layout: Layout) -> list[str]:
    """Each controller gets an account and a token before any runs: at the usual 20 requests a second that takes 4 s."""
    pki = layout.pki
    return controller(layout, "controller-manager") + options(
        kube_api_qps=500,
        kube_api_burst=1000,
        use_service_account_credentials=True,
        root_ca_file=pki / "ca.crt",
        service_account_private_key_file=pki / "sa.key",
        cluster_signing_cert_file=pki / "ca.crt",
        cluster_signing_key_file=pki / "ca.key",
    )


def kubelet(layout: Layout) -> list[str]:
    return options(
        config=layout.run / "kubelet.json",
        kubeconfig=layout.pki / "kubelet.conf",
        hostname_override=NODE_NAME,
        node_ip=NODE_ADDRESS,
    )


def agent(layout: Layout) -> list[str]:
    return options(
        kubeconfig=layout.pki / "node-agent.conf",
        node=NODE_NAME,
        address=NODE_ADDRESS,
        pod_cidr=POD_CIDR,
        registry=REGISTRY,
        volumes=layout.volumes.resolve(),  # as /proc names mounts
        limit_volumes=volumes.limited(),
    )


def open_files() -> int:
    """How many files a process may open here: without CAP_SYS_RESOURCE the limit cannot be raised."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return MAX_OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, MAX_OPEN_FILES)


def containerd_configuration(layout: Layout) -> str:
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


def kubelet_configuration(layout: Layout) -> dict[str, Any]:
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
        "tlsCertFile": str(layout.pki / "apiserver.crt"),
        "tlsPrivateKeyFile": str(layout.pki / "apiserver.key"),
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


def kube_proxy_configuration(layout: Layout) -> dict[str, Any]:
    """nftables mode. It leaves the machine's connection tracking limits alone."""
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "nftables",
        "nftables": {"minSyncPeriod": "100ms"},
        "clusterCIDR": POD_CIDR,
        "hostnameOverride": NODE_NAME,
        "oomScoreAdj": 0,
        "clientConnection": {"kubeconfig": str(layout.pki / "kube-proxy.conf")},
        "conntrack": {"maxPerCore": 0, "min": 0, "tcpCloseWaitTimeout": "0s", "tcpEstablishedTimeout": "0s"},
        "metricsBindAddress": "127.0.0.1:10249",
    }


def cni_configuration() -> dict[str, Any]:
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


def configuration_files(layout: Layout) -> dict[str, str]:
    """File name within the run folder to content."""
    return {
        "containerd.toml": containerd_configuration(layout),
        "kubelet.json": json.dumps(kubelet_configuration(layout), indent=1),
        "kube-proxy.json": json.dumps(kube_proxy_configuration(layout), indent=1),
        "cni/conf/10-journal.conflist": json.dumps(cni_configuration(), indent=1),
        "resolv.conf": "nameserver 127.0.0.1\n",  # for kubelet and CoreDNS: there is no DNS outside the cluster
    }


def components(programs: Programs, layout: Layout) -> list[Component]:
    """The components in the order of their start.

    Clients of the API server are restarted with it: left alone they would wait long before they connect again.
    """

    def client(name: str, arguments: list[str], *requires: str) -> Component:
        return Component(
            name, [str(programs.path(name)), *arguments], requires=("kube-apiserver", *requires), follows=True
        )

    api = Probe(https=f"https://127.0.0.1:{API_PORT}/readyz", ca="ca", certificate="admin")
    etcd_ready = Probe(https=f"{ETCD_URL}/health", ca="etcd/ca", certificate="etcd/healthcheck-client")
    containerd = ["containerd", "--config", str(layout.run / "containerd.toml"), "--log-level", "warn"]
    return [
        Component("containerd", containerd, probe=Probe(unix=CONTAINERD_SOCKET)),
        Component("etcd", [str(programs.path("etcd")), *etcd(layout)], probe=etcd_ready),
        Component("clean-containers", ["sh", "-ec", CLEAN], requires=("containerd",), once=True),
        Component("volumes", ["sh", "-ec", volumes.MOUNT, str(layout.volumes.resolve())], once=True),
        Component("kube-apiserver", [str(programs.path("kube-apiserver")), *apiserver(layout)], probe=api),
        client("kube-controller-manager", controller_manager(layout)),
        client("kube-scheduler", controller(layout, "scheduler")),
        client("agent", agent(layout), "volumes"),
        client("kube-proxy", options(config=layout.run / "kube-proxy.json")),
        client("kubelet", kubelet(layout), "containerd", "clean-containers", "volumes"),
    ]


def compose(programs: Programs, layout: Layout, code: list[Path]) -> NodeSpec:
    """Describe the node. `code`: files of ours whose change asks for a restart of the node."""
    found = components(programs, layout)
    files = configuration_files(layout)
    links = {name: str(CNI_PLUGINS / name) for name in ("ptp", "host-local", "loopback")}
    links["policycni"] = str(programs.path("policycni"))
    text = json.dumps([[asdict(c) for c in found], files, links], sort_keys=True, default=str)
    total = hashlib.sha256(text.encode())
    for path in code:
        total.update(path.read_bytes())
    return NodeSpec(
        digest=total.hexdigest()[:12],
        name=NODE_NAME,
        interface=NODE_INTERFACE,
        address=f"{NODE_ADDRESS}/30",
        gateway=HOST_ADDRESS,
        components=found,
        files=files,
        cni=links,
        folders={
            "pki": str(layout.pki),
            "logs": str(layout.logs),
            "run": str(layout.run),
            "kubelet": str(layout.kubelet),
        },
        temporary=[RUN, REGISTRY],
    )
