"""Certificates: cert-manager, and the ACME issuer that a stack asks for."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from components import versions
from components.platform.acme import AcmeIssuer, AcmeIssuerArgs
from components.platform.cert_manager import CertManager, CertManagerArgs
from components.platform.pebble import Pebble
from components.settings import CertificateSettings

CERT_MANAGER = "cert-manager"
PEBBLE = "pebble"
CLIENTS_OF_THE_INGRESS = (CERT_MANAGER, PEBBLE)
"""Namespaces whose pods check ACME challenges."""


@dataclass(kw_only=True)
class CertificatesArgs:
    """What issuing needs to be told.

    dns: what must be there before names can be looked up.
    ingress_namespace, ingress_address: the ingress controller that answers challenges, and its Service's address.
    """

    settings: CertificateSettings
    host: str
    ingress_namespace: str
    ingress_address: pulumi.Input[str]
    dns: Sequence[pulumi.Resource] = ()


class Certificates(pulumi.ComponentResource):
    """cert-manager with one ACME ClusterIssuer; `issuer` is its name, once it is ready."""

    issuer: pulumi.Output[str]

    def __init__(self, name: str, args: CertificatesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:platform:Certificates", name, {}, opts)
        own = args.settings.issuer == "pebble"
        aliases = [(args.ingress_address, args.host)] if own else []
        cert_manager = CertManager(
            CERT_MANAGER,
            CertManagerArgs(chart=args.settings.chart, replicas=1 if own else 2, host_aliases=aliases, quick=own),
            opts=pulumi.ResourceOptions(parent=self),
        )
        pebble = self._create_pebble(cert_manager, args) if own else None
        before = [cert_manager, *args.dns, *([] if pebble is None else [pebble])]
        acme = AcmeIssuer(
            args.settings.issuer,
            AcmeIssuerArgs(
                server=versions.ACME_SERVERS[args.settings.issuer],
                email=args.settings.email,
                ca_bundle=None if pebble is None else pebble.ca_bundle,
            ),
            opts=pulumi.ResourceOptions(parent=self, depends_on=before),
        )
        self.issuer = acme.issuer
        self.register_outputs({"issuer": self.issuer})

    def _create_pebble(self, cert_manager: CertManager, args: CertificatesArgs) -> Pebble:
        return Pebble(
            PEBBLE,
            host_aliases=[(args.ingress_address, args.host)],
            cert_manager=cert_manager.release,
            ingress_namespace=args.ingress_namespace,
            cert_manager_namespace=CERT_MANAGER,
            opts=pulumi.ResourceOptions(parent=self),
        )
