"""Certificates: cert-manager with the ACME issuer that the settings name, and Pebble where they name it."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from components import versions
from components.kubernetes import content_hash
from components.platform.cert_manager import AcmeIssuer, AcmeIssuerArgs, CertManager, CertManagerArgs
from components.platform.ingress_controller import INGRESS_CLASS
from components.platform.pebble import Pebble, PebbleArgs
from components.settings import CertificateSettings

CERT_MANAGER = "cert-manager"
PEBBLE = "pebble"
CHALLENGE_CHECKERS = (CERT_MANAGER, PEBBLE)
"""Namespaces whose pods fetch ACME challenges through the ingress controller."""


@dataclass(kw_only=True)
class CertificatesArgs:
    """Certificates: who issues them, for which hosts, and the ingress controller that answers the issuer's challenges.

    ingress_namespace: the namespace of the ingress controller's pods. ingress_address: its Service's cluster address.
    dns: resources that must exist before the issuer's server name resolves.
    collectors: the networks from which metrics are collected.
    """

    settings: CertificateSettings
    hosts: Sequence[str]
    ingress_namespace: str
    ingress_address: pulumi.Input[str]
    dns: Sequence[pulumi.Resource] = ()
    collectors: Sequence[str] = ()


class Certificates(pulumi.ComponentResource):
    """cert-manager with one ACME ClusterIssuer.

    issuer: the issuer's name, known once it is ready. cert_manager: what exists once cert-manager takes issuers.
    """

    issuer: pulumi.Output[str]
    cert_manager: pulumi.Resource

    def __init__(self, name: str, args: CertificatesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:platform:Certificates", name, {}, opts)
        pebble_issues = args.settings.issuer == "pebble"
        aliases = [(args.ingress_address, args.hosts)] if pebble_issues else []
        cert_manager = CertManager(
            CERT_MANAGER,
            CertManagerArgs(
                chart=args.settings.chart,
                replicas=1 if pebble_issues else 2,
                host_aliases=aliases,
                fast_checks=pebble_issues,
                collectors=args.collectors,
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
        pebble = self._create_pebble(cert_manager, args) if pebble_issues else None
        before = [cert_manager, *args.dns, *([] if pebble is None else [pebble])]
        acme = AcmeIssuer(
            args.settings.issuer,
            AcmeIssuerArgs(
                server=versions.ACME_SERVERS[args.settings.issuer],
                account=_account(args),
                email=args.settings.email,
                ingress_class=INGRESS_CLASS,
                ca_bundle=None if pebble is None else pebble.ca_bundle,
            ),
            opts=pulumi.ResourceOptions(parent=self, depends_on=before),
        )
        self.issuer, self.cert_manager = acme.issuer, cert_manager.webhook
        self.register_outputs({"issuer": self.issuer})

    def _create_pebble(self, cert_manager: CertManager, args: CertificatesArgs) -> Pebble:
        return Pebble(
            PEBBLE,
            PebbleArgs(
                host_aliases=[(args.ingress_address, args.hosts)],
                cert_manager=cert_manager.webhook,
                cert_manager_namespace=CERT_MANAGER,
                ingress_namespace=args.ingress_namespace,
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )


def _account(args: CertificatesArgs) -> str:
    """Pebble starts anew for other hosts, and forgets every account: each set of hosts has one of its own."""
    name = f"{args.settings.issuer}-account"
    return f"{name}-{content_hash({'hosts': ' '.join(args.hosts)})}" if args.settings.issuer == "pebble" else name
