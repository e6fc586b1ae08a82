"""The cluster's keys, certificates and kubeconfigs: made once, and again before they expire."""

import base64
import ipaddress
import json
import os
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from local.cluster.layout import API_PORT, API_SERVICE_ADDRESS, CONTEXT, NODE_ADDRESS, NODE_NAME, Layout

AUTHORITY_LIFE, LEAF_LIFE = timedelta(days=3650), timedelta(days=365)
RENEW_BEFORE = timedelta(days=30)
CLOCK_SKEW = timedelta(minutes=5)
SERVER, CLIENT = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH
AUTHORITIES = {"ca": "kubernetes-ca", "front-proxy-ca": "kubernetes-front-proxy-ca", "etcd-ca": "etcd-ca"}
Key = ec.EllipticCurvePrivateKey


@dataclass(frozen=True)
class Leaf:
    """A certificate to issue. user, group: common name and organization, which RBAC reads."""

    file: str
    user: str
    authority: str = "ca"
    group: str = ""
    names: tuple[str, ...] = ()
    usages: tuple[x509.ObjectIdentifier, ...] = (CLIENT,)
    kubeconfig: bool = False


_SERVICE = "kubernetes.default.svc.cluster.local"
_API_NAMES = ("kubernetes", "kubernetes.default", "kubernetes.default.svc", _SERVICE, "localhost")
LEAVES = (
    Leaf(
        "apiserver",
        "kube-apiserver",
        names=(*_API_NAMES, "127.0.0.1", API_SERVICE_ADDRESS, NODE_ADDRESS),
        usages=(SERVER,),
    ),
    Leaf("apiserver-kubelet", "kube-apiserver-kubelet-client", group="system:masters"),
    Leaf("apiserver-etcd", "kube-apiserver-etcd-client", "etcd-ca"),
    Leaf("etcd", "etcd", "etcd-ca", names=("localhost", "127.0.0.1"), usages=(SERVER, CLIENT)),
    Leaf("front-proxy", "front-proxy-client", "front-proxy-ca"),
    Leaf("admin", "admin", group="system:masters", kubeconfig=True),
    Leaf("kube-controller-manager", "system:kube-controller-manager", kubeconfig=True),
    Leaf("kube-scheduler", "system:kube-scheduler", kubeconfig=True),
    Leaf("kube-proxy", "system:kube-proxy", kubeconfig=True),
    Leaf("node-agent", "journal:node-agent", kubeconfig=True),
    Leaf(
        "kubelet",
        f"system:node:{NODE_NAME}",
        group="system:nodes",
        names=(NODE_NAME, "localhost", "127.0.0.1", NODE_ADDRESS),
        usages=(SERVER, CLIENT),
        kubeconfig=True,
    ),
)


def outdated(certificate: x509.Certificate, now: datetime) -> bool:
    """Whether to issue it again: it ends soon, or is from the future."""
    return certificate.not_valid_after_utc - now < RENEW_BEFORE or certificate.not_valid_before_utc > now


def ensure(layout: Layout, now: datetime | None = None) -> bool:
    """Make what is missing or ends within 30 days; tell whether anything was made."""
    now = now or datetime.now(UTC)
    layout.pki.mkdir(mode=0o700, parents=True, exist_ok=True)
    stale = {name for name in AUTHORITIES if not _current(layout.pki / f"{name}.crt", now)}
    for name in stale:
        _write_pair(layout.pki, name, *_authority(AUTHORITIES[name], now))
    leaves = [leaf for leaf in LEAVES if not _current(layout.pki / f"{leaf.file}.crt", now, leaf.authority)]
    for leaf in leaves:
        _issue(layout.pki, leaf, now)
    if not layout.kubeconfig.exists() or any(leaf.file == "admin" for leaf in leaves):
        _put(layout.kubeconfig, (layout.pki / "admin.kubeconfig").read_bytes())
    made = [make(layout.pki) for make in (_service_account, _encryption)]
    return bool(stale or leaves) or any(made)


def _current(path: Path, now: datetime, authority: str = "") -> bool:
    """Whether a certificate is there, lasts, and is its authority's."""
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
        if authority:
            issuer = x509.load_pem_x509_certificate((path.parent / f"{authority}.crt").read_bytes())
            certificate.verify_directly_issued_by(issuer)
    except (OSError, ValueError, InvalidSignature):
        return False
    return not outdated(certificate, now)


def _put(path: Path, content: bytes) -> None:
    """Write a file that only its owner reads, whole or not at all."""
    temporary = path.with_name(path.name + ".new")
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    temporary.rename(path)


def _pem(key: Key | rsa.RSAPrivateKey) -> bytes:
    plain = serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)


def _write_pair(folder: Path, name: str, key: Key, certificate: x509.Certificate) -> None:
    """The certificate last: it vouches for the key beside it."""
    _put(folder / f"{name}.key", _pem(key))
    _put(folder / f"{name}.crt", certificate.public_bytes(serialization.Encoding.PEM))


def _builder(
    subject: x509.Name, issuer: x509.Name, key: Key, now: datetime, life: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(now + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(not authority, False, False, False, False, authority, authority, False, False)


def _authority(name: str, now: datetime) -> tuple[Key, x509.Certificate]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = _builder(subject, subject, key, now, AUTHORITY_LIFE)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    return key, builder.add_extension(_usage(authority=True), critical=True).sign(key, hashes.SHA256())


def _alternatives(names: Iterable[str]) -> x509.SubjectAlternativeName:
    def kind(name: str) -> x509.GeneralName:
        try:
            return x509.IPAddress(ipaddress.ip_address(name))
        except ValueError:
            return x509.DNSName(name)

    return x509.SubjectAlternativeName([kind(name) for name in names])


def _issue(folder: Path, leaf: Leaf, now: datetime) -> None:
    authority = x509.load_pem_x509_certificate((folder / f"{leaf.authority}.crt").read_bytes())
    signer = serialization.load_pem_private_key((folder / f"{leaf.authority}.key").read_bytes(), None)
    if not isinstance(signer, Key):
        raise TypeError(f"{leaf.authority}.key is not an elliptic curve key")
    subject = [x509.NameAttribute(NameOID.COMMON_NAME, leaf.user)]
    if leaf.group:
        subject.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, leaf.group))
    key = ec.generate_private_key(ec.SECP256R1())
    builder = (
        _builder(x509.Name(subject), authority.subject, key, now, LEAF_LIFE)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(authority=False), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        .add_extension(x509.ExtendedKeyUsage(leaf.usages), critical=False)
    )
    if leaf.names:
        builder = builder.add_extension(_alternatives(leaf.names), critical=False)
    certificate = builder.sign(signer, hashes.SHA256())
    if leaf.kubeconfig:
        _put(folder / f"{leaf.file}.kubeconfig", kubeconfig(leaf.file, authority, key, certificate).encode())
    _write_pair(folder, leaf.file, key, certificate)


def kubeconfig(user: str, authority: x509.Certificate, key: Key, certificate: x509.Certificate) -> str:
    """A kubeconfig (JSON is YAML) with everything in it."""

    def data(content: bytes) -> str:
        return base64.b64encode(content).decode()

    pem = serialization.Encoding.PEM
    server = f"https://{NODE_ADDRESS}:{API_PORT}"
    cluster = {"server": server, "certificate-authority-data": data(authority.public_bytes(pem))}
    credentials = {"client-certificate-data": data(certificate.public_bytes(pem)), "client-key-data": data(_pem(key))}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": CONTEXT, "cluster": cluster}],
        "users": [{"name": user, "user": credentials}],
        "contexts": [{"name": CONTEXT, "context": {"cluster": CONTEXT, "user": user}}],
        "current-context": CONTEXT,
    }
    return json.dumps(document, indent=1)


def _service_account(folder: Path) -> bool:
    """The key that signs service account tokens."""
    if (folder / "service-account.pub").exists():
        return False
    key = rsa.generate_private_key(65537, 2048)
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    _put(folder / "service-account.key", _pem(key))
    _put(folder / "service-account.pub", key.public_key().public_bytes(serialization.Encoding.PEM, form))
    return True


def _encryption(folder: Path) -> bool:
    """The key that encrypts Secrets in etcd; it lives as long as etcd's data."""
    path = folder / "encryption.json"
    if path.exists():
        return False
    key = {"name": "key1", "secret": base64.b64encode(secrets.token_bytes(32)).decode()}
    providers = [{"secretbox": {"keys": [key]}}, {"identity": {}}]
    resources = [{"resources": ["secrets"], "providers": providers}]
    document = {"apiVersion": "apiserver.config.k8s.io/v1", "kind": "EncryptionConfiguration", "resources": resources}
    _put(path, json.dumps(document, indent=1).encode())
    return True
