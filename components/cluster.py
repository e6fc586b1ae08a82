"""The seam between a cluster and what runs on it: a few facts, whoever made the cluster."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import pulumi
import pulumi_kubernetes as kubernetes

from components.settings import ClusterSettings
from components.settings.placement import ANYWHERE, Placement

Exposure = Literal["LoadBalancer", "NodePort", "TargetGroup"]
"""How clients reach the ingress controller: by a load balancer that the cluster makes, by ports of every node, or by
target groups of a load balancer that Pulumi owns."""

NODE_PORTS = {"web": 30080, "websecure": 30443}
"""Ports of every node that lead to the ingress controller, where its exposure is no load balancer of the cluster's."""
HEALTH_PORT = 30254
"""Port of every node that answers GET /healthz with 200 while a pod of the ingress controller is ready on it."""


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """What the layers above need to know of a cluster.

    provider: the Kubernetes provider that every object names.
    exposure: how clients reach the ingress controller.
    ingress: where the ingress controller's pods run.
    storage_class: of volumes whose stack names none; None is the cluster's default.
    add_ons: what pods need beside nodes, volumes among it. dns: what looks names up, one of them.
    registry: the image registry's host, which images of ours are named without; None where they name it.
    address: where clients connect, when it is known before the ingress controller is there.
    reachable: what must be there before the world reaches the ingress controller.
    """

    provider: kubernetes.Provider
    exposure: Exposure
    ingress: Placement = ANYWHERE
    storage_class: pulumi.Input[str] | None = None
    add_ons: Sequence[pulumi.Resource] = ()
    dns: Sequence[pulumi.Resource] = ()
    registry: pulumi.Input[str] | None = None
    address: pulumi.Input[str] | None = None
    reachable: Sequence[pulumi.Resource] = ()


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
