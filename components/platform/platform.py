"""The platform: what any application needs of a cluster, in one component."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from components.cluster import Cluster
from components.namespace import Namespace
from components.platform.certificates import CLIENTS_OF_THE_INGRESS, Certificates, CertificatesArgs
from components.platform.ingress_controller import IngressController, IngressControllerArgs
from components.settings import CertificateSettings, IngressSettings

TRAEFIK = "traefik"


@dataclass(kw_only=True)
class PlatformArgs:
    """What the platform needs to be told.

    application: the namespace to prepare for the application.
    ports: container ports of the application that requests are forwarded to.
    """

    cluster: Cluster
    application: str
    ports: list[int]
    host: str
    ingress: IngressSettings
    certificates: CertificateSettings


@dataclass(frozen=True, kw_only=True)
class Edge:
    """How an application is reached.

    ingress_class: of its routes. ingress_namespace: where its requests come from. issuer: of its certificate.
    reachable: what must be there before the world can check its name.
    """

    ingress_class: pulumi.Input[str]
    ingress_namespace: str
    issuer: pulumi.Input[str]
    reachable: Sequence[pulumi.Resource] = ()


class Platform(pulumi.ComponentResource):
    """The application's namespace, the ingress controller and certificates. `address` is where clients connect."""

    namespace: Namespace
    edge: Edge
    address: pulumi.Output[str | None]

    def __init__(self, name: str, args: PlatformArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:platform:Platform", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        self.namespace = Namespace(args.application, opts=child)
        controller = IngressController(
            TRAEFIK,
            IngressControllerArgs(
                settings=args.ingress,
                exposure=args.cluster.exposure,
                namespaces=[args.application],
                backend_ports=args.ports,
                clients_inside=CLIENTS_OF_THE_INGRESS,
                host=args.host,
                placement=args.cluster.ingress,
            ),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[self.namespace]),
        )
        certificates = Certificates(
            "certificates",
            CertificatesArgs(
                settings=args.certificates,
                host=args.host,
                ingress_namespace=TRAEFIK,
                ingress_address=controller.cluster_ip,
                dns=args.cluster.dns,
            ),
            opts=child,
        )
        known, own = args.cluster.address, controller.address
        self.edge = Edge(
            ingress_class=controller.ingress_class,
            ingress_namespace=TRAEFIK,
            issuer=certificates.issuer,
            reachable=args.cluster.reachable,
        )
        self.address = own if known is None else pulumi.Output.from_input(known)
        self.register_outputs({"address": self.address})
