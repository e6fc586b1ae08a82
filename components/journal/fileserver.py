"""The file server: NGINX, which serves the journal's web page."""

from dataclasses import dataclass

import pulumi

from components.kubernetes import KubernetesComponent, Workload, WorkloadArgs, allow_from, http_probe, pods_in
from components.settings import Tier

PORT = 8080


@dataclass(kw_only=True)
class FileserverArgs:
    """A file server.

    image: the image's full reference. ingress_namespace: the namespace of the ingress controller.
    """

    namespace: str
    tier: Tier
    image: pulumi.Input[str]
    ingress_namespace: str


class Fileserver(KubernetesComponent):
    """The web page's pods, behind the Service named `service` with the port `http`."""

    service: str

    def __init__(self, name: str, args: FileserverArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:journal:Fileserver", name, args.namespace, opts)
        self.service = name
        probe = http_probe("/healthz", "http", period=5)
        Workload(
            name,
            WorkloadArgs(
                namespace=args.namespace,
                image=args.image,
                replicas=args.tier.replicas,
                resources=args.tier.resources,
                ports={"http": PORT},
                liveness=probe,
                readiness=probe,
                ingress=[allow_from([pods_in(args.ingress_namespace)], "http")],
            ),
            opts=self._options(),
        )
        self._create_service({"http": 80})
        self.register_outputs({"service": self.service})
