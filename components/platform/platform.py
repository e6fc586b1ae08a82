"""The platform: what any application needs of a cluster, in one component."""

from dataclasses import dataclass

import pulumi

from components.cluster import Cluster
from components.platform.certificates import CLIENTS_OF_THE_INGRESS, Certificates, CertificatesArgs
from components.platform.ingress_controller import IngressController, IngressControllerArgs
from components.platform.namespace import Namespace
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
    """How an application is reached: the namespace its requests come from, and who issues its certificate."""

    ingress_namespace: str
    issuer: pulumi.Input[str]


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
            ),
            opts=child,
        )
        self.edge = Edge(ingress_namespace=TRAEFIK, issuer=certificates.issuer)
        self.address = controller.address
        self.register_outputs({"address": self.address})
