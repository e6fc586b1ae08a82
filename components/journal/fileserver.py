"""The file server: NGINX, which serves the journal's web page."""

from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.core.v1 import Service
from pulumi_kubernetes.meta.v1 import LabelSelectorArgs
from pulumi_kubernetes.networking.v1 import NetworkPolicyPeerArgs

from components.kubernetes import (
    SERVING,
    ReleasedTier,
    WorkloadArgs,
    allow_from,
    allow_to,
    http_probe,
    pods_in,
)
from components.settings import Tier

PORT = 8080
PEERS_PORT = 8081
"""Where a pod answers the others of its tier with the assets that it has itself."""
PEERS_LABEL = "journal/peers"
"""The label of the tier's pods of every version, an idle one too."""


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
    """The web page's pods, behind the Service with their name and the port `http`.

    Assets are named by a hash of their content, so each version has its own. A pod that is asked for one that it lacks
    asks the tier's other pods, of either version.
    """

    def __init__(self, name: str, args: FileserverArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:journal:Fileserver", name, args.namespace, opts)
        self._peers = f"{name}-peers"
        probe = http_probe("/healthz", "http", period=5)
        # By label: policies that name versions change before the pods do, and a promotion cuts off the candidate's.
        pods = NetworkPolicyPeerArgs(pod_selector=LabelSelectorArgs(match_labels={PEERS_LABEL: name}))
        workload = WorkloadArgs(
            namespace=args.namespace,
            image=args.image,
            replicas=args.tier.most,
            resources=args.tier.resources,
            priority_class=SERVING,
            ports={"http": PORT, "peers": PEERS_PORT},
            environment={"PEERS": f"{self._peers}.{args.namespace}.svc.cluster.local:{PEERS_PORT}"},
            pod_labels={PEERS_LABEL: name},
            liveness=probe,
            readiness=probe,
            ingress=[allow_from([pods_in(args.ingress_namespace)], "http"), allow_from([pods], "peers")],
            egress=[allow_to([pods], "peers")],
        )
        self._release(args.tier, workload, args.candidate, {"http": 80}, depends_on=[self._create_peers_service()])
        self.register_outputs({"service": self.backend.service})

    def _create_peers_service(self) -> Service:
        """A name for all pods of the tier: those that start or stop have assets as well."""
        return self._create_service(
            {"peers": PEERS_PORT}, name=self._peers, selector={PEERS_LABEL: self._name}, headless=True
        )
