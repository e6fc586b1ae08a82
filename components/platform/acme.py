"""ACME: the issuer that cert-manager asks, and the certificate it keeps."""

from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource

from components.base import KubernetesComponent
from components.platform.cert_manager_types import AcmeSpec, CertificateSpec, PrivateKey
from components.platform.traefik import INGRESS_CLASS

READY = {"pulumi.com/waitFor": "condition=Ready"}
"""Has Pulumi wait until cert-manager says so."""
SOLVER_LABELS = {"acme.cert-manager.io/http01-solver": "true"}
SOLVER_PORT = 8089


def private_key() -> PrivateKey:
    """A new ECDSA P-256 key with every renewal."""
    return {"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Always"}


@dataclass(kw_only=True)
class AcmeIssuerArgs:
    """What an issuer needs to be told.

    server: the ACME directory's URL.
    email: the account's contact.
    ca_bundle: PEM in base64 that vouches for the directory itself, where the world's CAs don't.
    """

    server: str
    email: str
    ca_bundle: pulumi.Input[str] | None = None


class AcmeIssuer(KubernetesComponent):
    """A ClusterIssuer that proves names by HTTP-01 through the ingress controller.

    issuer: its name, once it is ready.
    """

    issuer: pulumi.Output[str]

    def __init__(self, name: str, args: AcmeIssuerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("platform:AcmeIssuer", name, "", opts)
        acme: AcmeSpec = {
            "server": args.server,
            "email": args.email,
            "privateKeySecretRef": {"name": f"{name}-account"},
            "solvers": [{"http01": {"ingress": {"ingressClassName": INGRESS_CLASS, "serviceType": "ClusterIP"}}}],
        }
        if args.ca_bundle is not None:
            acme["caBundle"] = args.ca_bundle
        cluster_issuer = CustomResource(
            name,
            api_version="cert-manager.io/v1",
            kind="ClusterIssuer",
            metadata=self._metadata(cluster_wide=True, annotations=READY),
            spec={"acme": acme},
            opts=self._options(),
        )
        self.issuer = cluster_issuer.id.apply(lambda _: name)
        self.register_outputs({"issuer": self.issuer})


@dataclass(kw_only=True)
class CertificateArgs:
    """What a certificate needs to be told: the host it names and the Secret it is kept in."""

    namespace: str
    host: str
    issuer: pulumi.Input[str]
    secret_name: str


class Certificate(KubernetesComponent):
    """A certificate for one host, renewed by cert-manager before it ends."""

    def __init__(self, name: str, args: CertificateArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("platform:Certificate", name, args.namespace, opts)
        spec: CertificateSpec = {
            "secretName": args.secret_name,
            "dnsNames": [args.host],
            "issuerRef": {"kind": "ClusterIssuer", "name": args.issuer},
            "privateKey": private_key(),
        }
        CustomResource(
            name,
            api_version="cert-manager.io/v1",
            kind="Certificate",
            metadata=self._metadata(annotations=READY),
            spec=spec,
            opts=self._options(),
        )
        self.register_outputs({})
