"""The file server: NGINX with the web page."""

from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.core.v1 import Service, ServicePortArgs, ServiceSpecArgs

from components.base import KubernetesComponent, http_probe, selector_labels
from components.policies import allow_from, namespace
from components.settings import Tier
from components.workload import Workload, WorkloadArgs

PORT = 8080


@dataclass(kw_only=True)
class FileserverArgs:
    """What the file server needs to be told.

    ingress_namespace: where its requests come from.
    """

    namespace: str
    tier: Tier
    image: pulumi.Input[str]
    ingress_namespace: str


class Fileserver(KubernetesComponent):
    """The page's pods behind the Service `service` at port `http`."""

    service: str

    def __init__(self, name: str, args: FileserverArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("web:Fileserver", name, args.namespace, opts)
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
                ingress=[allow_from([namespace(args.ingress_namespace)], "http")],
            ),
            opts=self._options(),
        )
        port = ServicePortArgs(name="http", port=80, target_port="http")
        Service(
            name,
            metadata=self._metadata(),
            spec=ServiceSpecArgs(selector=selector_labels(name), ports=[port]),
            opts=self._options(),
        )
        self.register_outputs({"service": self.service})
