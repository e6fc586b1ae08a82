"""The seam between a cluster and what runs on it: a few facts, whoever made the cluster."""

from dataclasses import dataclass
from typing import Literal

import pulumi
import pulumi_kubernetes as kubernetes

from components.settings import ClusterSettings

Exposure = Literal["LoadBalancer", "NodePort"]


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """What the layers above need to know of a cluster.

    provider: the Kubernetes provider that every object names.
    exposure: the type of the ingress controller's Service.
    """

    provider: kubernetes.Provider
    exposure: Exposure


class ExistingCluster(pulumi.ComponentResource):
    """A cluster that is there already, found by its kubeconfig."""

    cluster: Cluster

    def __init__(self, name: str, settings: ClusterSettings, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:cluster:ExistingCluster", name, {}, opts)
        provider = kubernetes.Provider(
            name,
            context=settings.context,
            kubeconfig=settings.kubeconfig,
            enable_server_side_apply=True,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.cluster = Cluster(provider=provider, exposure=settings.exposure)
        self.register_outputs({})
