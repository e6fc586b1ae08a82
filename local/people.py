"""A kubeconfig for a person's role: a client certificate that the cluster signs and that ends within a day."""

import base64
import json
from dataclasses import replace
from enum import StrEnum

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from local.access import Access
from tools import stack
from tools.failures import Failure
from tools.files import write_atomically

SECONDS = 24 * 3600
SIGNED_WITHIN = "10s"


class Role(StrEnum):
    """admin is whoever built the cluster, or whom the context's user is."""

    ADMIN = "admin"
    OPERATOR = "operator"
    VIEWER = "viewer"


def role_of(name: str) -> Role:
    """Raises Failure."""
    if name not in list(Role):
        raise Failure(f"There is no role {name!r}.", f"AS is one of {', '.join(Role)}; without it you are admin.")
    return Role(name)


def access_as(here: Access, role: Role) -> Access:
    """The cluster, seen by a person in this role. Raises Failure."""
    if role is Role.ADMIN:
        return here
    from components.kubernetes import OPERATORS, VIEWERS  # with Pulumi's SDK: an administrator need not wait for it

    key = ec.generate_private_key(ec.SECP256R1())
    group = OPERATORS if role is Role.OPERATOR else VIEWERS
    certificate = _sign(here, role, request_of(role, group, key))
    folder = stack.STATE / "people"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{role}.kubeconfig"
    (cluster,) = here.json("config", "view", "--minify", "--flatten", "--raw")["clusters"]
    write_atomically(path, kubeconfig(cluster["cluster"], role, key, certificate), mode=0o600)
    return replace(here, kubeconfig=path, context=None)


def request_of(role: Role, group: str, key: ec.EllipticCurvePrivateKey) -> bytes:
    """A request for a certificate in PEM. Kubernetes reads the user from CN, the group from O (Authenticating)."""
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, group),
            x509.NameAttribute(NameOID.COMMON_NAME, str(role)),
        ]
    )
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    return request.public_bytes(Encoding.PEM)


def kubeconfig(cluster: dict[str, str], role: Role, key: ec.EllipticCurvePrivateKey, certificate: str) -> str:
    """A kubeconfig in JSON. cluster: address and authority, as kubectl has them. certificate: PEM in base64."""
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    user = {"client-certificate-data": certificate, "client-key-data": _base64(pem)}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "cluster", "cluster": cluster}],
        "users": [{"name": str(role), "user": user}],
        "contexts": [{"name": str(role), "context": {"cluster": "cluster", "user": str(role), "namespace": "journal"}}],
        "current-context": str(role),
    }
    return json.dumps(document, indent=1)


def _sign(here: Access, role: Role, request: bytes) -> str:
    """The certificate, in PEM in base64, once the cluster has signed it. Raises Failure."""
    wanted = {
        "apiVersion": "certificates.k8s.io/v1",
        "kind": "CertificateSigningRequest",
        "metadata": {"generateName": f"{role}-"},
        "spec": {
            "request": _base64(request),
            "signerName": "kubernetes.io/kube-apiserver-client",
            "expirationSeconds": SECONDS,
            "usages": ["client auth"],
        },
    }
    name = json.loads(here.feed(wanted, "create", "-f", "-", "-o", "json"))["metadata"]["name"]
    try:
        here.run("certificate", "approve", name)
        try:
            here.run("wait", f"csr/{name}", "--for=jsonpath={.status.certificate}", f"--timeout={SIGNED_WITHIN}")
        except Failure as failure:
            hint = "In EKS no certificate gives access: use the IAM role of an access entry."
            raise Failure("The cluster signs no client certificates.", hint) from failure
        return here.json("get", "csr", name)["status"]["certificate"]
    finally:
        here.run("delete", "csr", name, "--wait=false")


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()
