"""The node's components: their command lines, what each needs, and how it is known to be ready."""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

from local.cluster import config
from local.cluster.layout import (
    API_PORT,
    NODE_ADDRESS,
    NODE_NAME,
    POD_CIDR,
    SERVICE_CIDR,
    Layout,
)
from local.cluster.programs import Programs
from local.cluster.spec import Component, NodeSpec, Probe

ETCD_URL = "https://127.0.0.1:2379"
CNI_PLUGINS = Path("/usr/lib/cni")  # Debian's containernetworking-plugins
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
        "trusted_ca_file": layout.pki / "etcd-ca.crt",
        "cert_file": layout.pki / "etcd.crt",
        "key_file": layout.pki / "etcd.key",
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
        etcd_cafile=pki / "etcd-ca.crt",
        etcd_certfile=pki / "apiserver-etcd.crt",
        etcd_keyfile=pki / "apiserver-etcd.key",
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
        kubelet_client_certificate=pki / "apiserver-kubelet.crt",
        kubelet_client_key=pki / "apiserver-kubelet.key",
        kubelet_preferred_address_types="InternalIP",
        service_account_issuer="https://kubernetes.default.svc.cluster.local",
        service_account_key_file=pki / "service-account.pub",
        service_account_signing_key_file=pki / "service-account.key",
        requestheader_client_ca_file=pki / "front-proxy-ca.crt",
        requestheader_allowed_names="front-proxy-client",
        requestheader_extra_headers_prefix="X-Remote-Extra-",
        requestheader_group_headers="X-Remote-Group",
        requestheader_username_headers="X-Remote-User",
        proxy_client_cert_file=pki / "front-proxy.crt",
        proxy_client_key_file=pki / "front-proxy.key",
        profiling=False,
    )


def controller(layout: Layout, name: str) -> list[str]:
    """What controller manager and scheduler have in common: they are alone, so no leader is elected."""
    file = layout.pki / f"{name}.kubeconfig"
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
    return controller(layout, "kube-controller-manager") + options(
        kube_api_qps=500,
        kube_api_burst=1000,
        use_service_account_credentials=True,
        root_ca_file=pki / "ca.crt",
        service_account_private_key_file=pki / "service-account.key",
        cluster_signing_cert_file=pki / "ca.crt",
        cluster_signing_key_file=pki / "ca.key",
    )


def kubelet(layout: Layout) -> list[str]:
    return options(
        config=layout.run / "kubelet.json",
        kubeconfig=layout.pki / "kubelet.kubeconfig",
        hostname_override=NODE_NAME,
        node_ip=NODE_ADDRESS,
    )


def agent(layout: Layout) -> list[str]:
    return options(
        kubeconfig=layout.pki / "node-agent.kubeconfig",
        node=NODE_NAME,
        address=NODE_ADDRESS,
        pod_cidr=POD_CIDR,
        registry=config.REGISTRY,
        volumes=layout.volumes,
    )


def components(programs: Programs, layout: Layout) -> list[Component]:
    """Clients of the API server live and die with it: left alone they would wait long before they ask again."""

    def client(name: str, arguments: list[str], *needs: str) -> Component:
        return Component(name, [str(programs.path(name)), *arguments], needs=("kube-apiserver", *needs), follows=True)

    api = Probe(https=f"https://127.0.0.1:{API_PORT}/readyz", ca="ca", certificate="admin")
    etcd_ready = Probe(https=f"{ETCD_URL}/health", ca="etcd-ca", certificate="apiserver-etcd")
    containerd = ["containerd", "--config", str(layout.run / "containerd.toml"), "--log-level", "warn"]
    return [
        Component("containerd", containerd, probe=Probe(unix=config.CONTAINERD_SOCKET)),
        Component("etcd", [str(programs.path("etcd")), *etcd(layout)], probe=etcd_ready),
        Component("clean-containers", ["sh", "-ec", CLEAN], needs=("containerd",), once=True),
        Component("kube-apiserver", [str(programs.path("kube-apiserver")), *apiserver(layout)], probe=api),
        client("kube-controller-manager", controller_manager(layout)),
        client("kube-scheduler", controller(layout, "kube-scheduler")),
        client("agent", agent(layout)),
        client("kube-proxy", options(config=layout.run / "kube-proxy.json")),
        client("kubelet", kubelet(layout), "containerd", "clean-containers"),
    ]


def compose(programs: Programs, layout: Layout, code: list[Path]) -> NodeSpec:
    """All that the supervisor is told. Its digest changes with anything that asks for a restart of the node."""
    found = components(programs, layout)
    files = config.files(layout)
    links = {name: str(CNI_PLUGINS / name) for name in ("ptp", "host-local", "loopback")}
    links["policycni"] = str(programs.path("policycni"))
    text = json.dumps([[asdict(c) for c in found], files, links], sort_keys=True, default=str)
    total = hashlib.sha256(text.encode())
    for path in code:
        total.update(path.read_bytes())
    return NodeSpec(
        digest=total.hexdigest()[:12],
        components=found,
        files=files,
        cni=links,
        folders={
            "pki": str(layout.pki),
            "logs": str(layout.logs),
            "run": str(layout.run),
            "kubelet": str(layout.kubelet),
        },
    )
