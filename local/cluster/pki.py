"""The cluster's keys, certificates and kubeconfigs: made by kubeadm, once, and again before they expire."""

import base64
import json
import re
import secrets
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from local.cluster.errors import ClusterError, tail
from local.cluster.layout import (
    API_PORT,
    CLUSTER_NAME,
    CONTAINERD_SOCKET,
    NODE_ADDRESS,
    NODE_NAME,
    POD_CIDR,
    SERVICE_CIDR,
    Layout,
)
from local.cluster.programs import KUBERNETES, Programs, pinned
from tools.files import write_atomically

RENEW_BEFORE = timedelta(days=30)  # kubeadm's certificates last a year, its authorities ten
AUTHORITIES = ("ca", "front-proxy-ca", "etcd/ca")
# Which authority issues what. kubeadm uses the etcd peer's certificate in clusters of several members.
CERTIFICATES = {
    "apiserver.crt": "ca",
    "apiserver-kubelet-client.crt": "ca",
    "apiserver-etcd-client.crt": "etcd/ca",
    "front-proxy-client.crt": "front-proxy-ca",
    "etcd/server.crt": "etcd/ca",
    "etcd/peer.crt": "etcd/ca",
    "etcd/healthcheck-client.crt": "etcd/ca",
    "admin.conf": "ca",
    "super-admin.conf": "ca",
    "controller-manager.conf": "ca",
    "scheduler.conf": "ca",
    "kubelet.conf": "ca",
    "kube-proxy.conf": "ca",
    "node-agent.conf": "ca",
}
USERS = {"kube-proxy": "system:kube-proxy", "node-agent": "journal:node-agent"}  # kubeconfigs besides kubeadm's own


def configuration(layout: Layout) -> str:
    """What kubeadm is to make: JSON documents, which are YAML."""
    version = "kubeadm.k8s.io/v1beta4"
    node = {
        "apiVersion": version,
        "kind": "InitConfiguration",
        "localAPIEndpoint": {"advertiseAddress": NODE_ADDRESS, "bindPort": API_PORT},
        "nodeRegistration": {"name": NODE_NAME, "criSocket": f"unix://{CONTAINERD_SOCKET}"},
    }
    cluster = {
        "apiVersion": version,
        "kind": "ClusterConfiguration",
        "clusterName": CLUSTER_NAME,
        "kubernetesVersion": pinned()[KUBERNETES],
        "certificatesDir": str(layout.pki),
        "encryptionAlgorithm": "ECDSA-P256",
        "networking": {"serviceSubnet": SERVICE_CIDR, "podSubnet": POD_CIDR, "dnsDomain": "cluster.local"},
        # kubelet serves with the same certificate: it is the same address.
        "apiServer": {"certSANs": ["localhost", "127.0.0.1"]},
    }
    return "\n---\n".join(json.dumps(document, indent=1) for document in (node, cluster))


def ensure(layout: Layout, programs: Programs, now: datetime | None = None) -> bool:
    """Make what is missing, damaged or ends within 30 days; return whether anything was made.

    The authorities, the key of service account tokens and the key of etcd's secrets stay as long as they can.
    Raises ClusterError.
    """
    now = now or datetime.now(UTC)
    pki = layout.pki
    (pki / "etcd").mkdir(mode=0o700, parents=True, exist_ok=True)
    pki.chmod(0o700)
    made = _make_encryption_key(pki / "encryption.json")
    found = [_keep_or_remove(pki / f"{name}.crt", pki / f"{name}.crt", now) for name in AUTHORITIES]
    found += [_keep_or_remove(pki / name, pki / f"{authority}.crt", now) for name, authority in CERTIFICATES.items()]
    if all(found) and (pki / "sa.pub").exists() and layout.kubeconfig.exists():
        return made
    config = pki / "kubeadm.json"
    write_atomically(config, configuration(layout), mode=0o600)
    kubeadm = programs.path("kubeadm")
    _run(kubeadm, "init", "phase", "certs", "all", "--config", config)
    _run(kubeadm, "init", "phase", "kubeconfig", "all", "--config", config, "--kubeconfig-dir", pki)
    for name, user in USERS.items():
        if not (pki / f"{name}.conf").exists():
            text = _run(kubeadm, "kubeconfig", "user", "--client-name", user, "--config", config)
            write_atomically(pki / f"{name}.conf", text, mode=0o600)
    for path in pki.rglob("*.*"):
        path.chmod(0o600)
    administrator = (pki / "super-admin.conf").read_text()
    for kind, suffix in (("certificate", "crt"), ("key", "key")):
        write_atomically(pki / f"admin.{suffix}", _embedded(administrator, kind), mode=0o600)
    write_atomically(layout.kubeconfig, administrator, mode=0o600)
    return True


def outdated(certificate: x509.Certificate, now: datetime) -> bool:
    """Whether to issue it again: it ends soon, or is from the future."""
    return certificate.not_valid_after_utc - now < RENEW_BEFORE or certificate.not_valid_before_utc > now


def _keep_or_remove(path: Path, authority: Path, now: datetime) -> bool:
    """Whether a certificate or kubeconfig is good. kubeadm makes what is not there, so what is no good goes."""
    if _is_current(path, authority, now):
        return True
    path.unlink(missing_ok=True)
    path.with_suffix(".key").unlink(missing_ok=True)
    return False


def _is_current(path: Path, authority: Path, now: datetime) -> bool:
    """Whether a certificate, or a kubeconfig's, is there with its key, lasts, and is its authority's."""
    try:
        content = path.read_bytes()
        if path.suffix == ".conf":
            content = _embedded(content.decode(), "certificate")
        elif not path.with_suffix(".key").exists():
            return False
        certificate = x509.load_pem_x509_certificate(content)
        certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(authority.read_bytes()))
    except (OSError, ValueError, InvalidSignature):
        return False
    return not outdated(certificate, now)


def _embedded(kubeconfig: str, kind: str) -> bytes:
    """A kubeconfig's client certificate or key. Raises ValueError."""
    found = re.search(rf"client-{kind}-data: (\S+)", kubeconfig)
    if found is None:
        raise ValueError(f"no client-{kind}-data")
    return base64.b64decode(found[1])


def _run(*command: str | Path) -> str:
    run = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    if run.returncode != 0:
        raise ClusterError(
            "kubeadm cannot make the cluster's certificates.",
            "Remove the cause; `make down` removes the certificates with the cluster's data.",
            tail(run.stderr),
        )
    return run.stdout


def _make_encryption_key(path: Path) -> bool:
    """The key that encrypts Secrets in etcd, unless it is there: it lives as long as etcd's data."""
    if path.exists():
        return False
    key = {"name": "key1", "secret": base64.b64encode(secrets.token_bytes(32)).decode()}
    providers = [{"secretbox": {"keys": [key]}}, {"identity": {}}]
    resources = [{"resources": ["secrets"], "providers": providers}]
    document = {"apiVersion": "apiserver.config.k8s.io/v1", "kind": "EncryptionConfiguration", "resources": resources}
    write_atomically(path, json.dumps(document, indent=1), mode=0o600)
    return True
