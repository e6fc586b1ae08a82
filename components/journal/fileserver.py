"""The file server: NGINX, which serves the journal's web page."""

from dataclasses import dataclass

import pulumi

from components.kubernetes import ReleasedTier, WorkloadArgs, allow_from, http_probe, pods_in
from components.settings import Tier

PORT = 8080


@dataclass(kw_only=True)
class FileserverArgs:
    """A file server.

    image, candidate: the full references of the image that serves, and of the one to come.
    ingress_namespace: the namespace of the ingress controller.
    """

    namespace: str
    tier: Tier
    image: pulumi.Input[str]
    candidate: pulumi.Input[str] | None = None
    ingress_namespace: str


class Fileserver(ReleasedTier):
    """The web page's pods, behind the Service with their name and the port `http`."""

    def __init__(self, name: str, args: FileserverArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:journal:Fileserver", name, args.namespace, opts)
        probe = http_probe("/healthz", "http", period=5)
        workload = WorkloadArgs(
            namespace=args.namespace,
            image=args.image,
            replicas=args.tier.replicas,
            resources=args.tier.resources,
            ports={"http": PORT},
            liveness=probe,
            readiness=probe,
            ingress=[allow_from([pods_in(args.ingress_namespace)], "http")],
        )
        self._release(args.tier, workload, args.candidate, {"http": 80})
        self.register_outputs({"service": self.backend.service})
