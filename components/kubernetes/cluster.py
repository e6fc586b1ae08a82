"""A cluster as the components on it see it, whoever created it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import pulumi
import pulumi_kubernetes as kubernetes

from components.settings import ClusterSettings
from components.settings.node_groups import ANYWHERE, Placement

Exposure = Literal["LoadBalancer", "NodePort", "TargetGroup"]
"""How clients reach the ingress controller: through a load balancer that the cluster creates, through a port of every
node, or through target groups of a load balancer that Pulumi creates."""

NODE_PORTS = {"web": 30080, "websecure": 30443}
"""Ports of every node that lead to the ingress controller when the exposure is NodePort or TargetGroup."""
HEALTH_PORT = 30254
"""Port of every node that answers GET /healthz with 200 while a ready pod of the ingress controller runs on it."""


@dataclass(frozen=True, kw_only=True)
class Bucket:
    """An S3 bucket that pods of the cluster may use, by the role of their service account."""

    name: pulumi.Input[str]
    region: str


@dataclass(frozen=True, kw_only=True)
class PodBucket:
    """The pods that write to a bucket, by their service account, and how many days the bucket keeps an object."""

    namespace: str
    service_account: str
    keep_days: int


@dataclass(frozen=True, kw_only=True)
class ArtifactBucket:
    """The S3 bucket of what workflows store. Its name follows from the settings, so that it can be part of a file."""

    name: str
    region: str


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """A cluster, and what components need to know to run on it.

    provider: the Kubernetes provider of every object in the cluster.
    exposure: how clients reach the ingress controller.
    ingress_placement: the nodes that the ingress controller's pods run on.
    ingress_address: the address that clients connect to, if it is known before the ingress controller exists.
    ingress_dependencies: resources that must exist before the internet reaches the ingress controller. Its pods start
    after and stop before them, so no pod loses its clients while it runs.
    storage_class: the class of volumes whose settings name none; None means the cluster's default class.
    add_ons: the resources that pods need in addition to nodes, such as the CSI driver and DNS.
    dns: those of the add-ons that resolve names.
    registry: the host of the image registry for images that name none; None when every image names its registry.
    backups: where backups of an application's data go; None means to a volume.
    artifacts: where workflows store artifacts and logs; None means that they keep none.
    lacks_metrics: whether the platform is to bring metrics-server, because the cluster has none.
    collectors: the networks from which metrics are collected; without any, no port lets a collector in.
    """

    provider: kubernetes.Provider
    exposure: Exposure
    ingress_placement: Placement = ANYWHERE
    ingress_address: pulumi.Input[str] | None = None
    ingress_dependencies: Sequence[pulumi.Resource] = ()
    storage_class: pulumi.Input[str] | None = None
    add_ons: Sequence[pulumi.Resource] = ()
    dns: Sequence[pulumi.Resource] = ()
    registry: pulumi.Input[str] | None = None
    backups: Bucket | None = None
    artifacts: ArtifactBucket | None = None
    lacks_metrics: bool = False
    collectors: Sequence[str] = ()


def create_provider(
    name: str,
    *,
    kubeconfig: pulumi.Input[str] | None,
    context: str | None = None,
    opts: pulumi.ResourceOptions,
) -> kubernetes.Provider:
    """The Kubernetes provider of a cluster.

    It applies objects by server-side apply, and changes ConfigMaps and Secrets in place. By default the provider
    replaces them, which deletes an object with an explicit name first: a pod that starts in between fails to mount it.
    Source: Pulumi's Kubernetes provider, `enableConfigMapMutable`.
    """
    return kubernetes.Provider(
        name,
        kubeconfig=kubeconfig,
        context=context,
        enable_server_side_apply=True,
        enable_config_map_mutable=True,
        enable_secret_mutable=True,
        opts=opts,
    )


class ExistingCluster(pulumi.ComponentResource):
    """A cluster that exists already and is reached through a kubeconfig."""

    cluster: Cluster

    def __init__(self, name: str, settings: ClusterSettings, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:kubernetes:ExistingCluster", name, {}, opts)
        provider = create_provider(
            name,
            kubeconfig=settings.kubeconfig,
            context=settings.context,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.cluster = Cluster(provider=provider, exposure=settings.exposure, lacks_metrics=settings.metrics_server)
        self.register_outputs({})
