"""The ingress controller: Traefik 3, with middlewares from its file provider, so that no CRD is needed."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.core.v1 import (
    ConfigMap,
    ConfigMapVolumeSourceArgs,
    Service,
    ServicePortArgs,
    ServiceSpecArgs,
    VolumeArgs,
    VolumeMountArgs,
)
from pulumi_kubernetes.core.v1.outputs import ServiceStatus
from pulumi_kubernetes.networking.v1 import IngressClass, IngressClassSpecArgs

from components.base import KubernetesComponent, http_probe, selector_labels
from components.cluster import HEALTH_PORT, NODE_PORTS, Exposure
from components.namespace import Namespace
from components.platform.traefik import (
    DRAIN_SECONDS,
    INGRESS_CLASS,
    PORTS,
    arguments,
    cluster_rules,
    middlewares,
    namespace_rules,
)
from components.policies import allow_api_server, allow_from, allow_to, namespace, network
from components.settings import IngressSettings
from components.settings.placement import ANYWHERE, Placement
from components.workload import Workload, WorkloadArgs

LOAD_BALANCER_CLASS = "journal/pulumi"
"""Names nobody, so that no controller makes a load balancer beside the one that Pulumi owns."""
NOTICE_SECONDS = 30
"""How long target groups take to leave out a node: health checks, and then some (ELB guide, NLB health checks)."""
NOTHING_TO_AWAIT = {"pulumi.com/skipAwait": "true"}


@dataclass(kw_only=True)
class IngressControllerArgs:
    """What the ingress controller needs to be told.

    namespaces: where it looks for Ingress objects and their TLS secrets, and nowhere else.
    backend_ports: the container ports of what it forwards to.
    clients_inside: namespaces whose pods are clients too (those that check ACME challenges).
    host: the DNS name it answers for.
    placement: the nodes that its pods may run on.
    """

    settings: IngressSettings
    exposure: Exposure
    namespaces: Sequence[str]
    backend_ports: Sequence[int]
    clients_inside: Sequence[str]
    host: str
    placement: Placement = ANYWHERE


class IngressController(KubernetesComponent):
    """Traefik behind one Service. `address` is the load balancer's, `cluster_ip` the Service's in the cluster."""

    ingress_class: pulumi.Output[str]
    address: pulumi.Output[str | None]
    cluster_ip: pulumi.Output[str]

    def __init__(self, name: str, args: IngressControllerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("platform:IngressController", name, name, opts)
        self._args = args
        load_balancers = 0 if args.exposure == "NodePort" else 1
        self._home = Namespace(name, load_balancers=load_balancers, opts=self._options())
        ingress_class = self._create_ingress_class()
        self.ingress_class = ingress_class.metadata.name
        rights = self._grant_everywhere(cluster_rules())
        rights += [right for space in args.namespaces for right in self._grant_in(space, namespace_rules())]
        self._create_workload(self._create_middlewares(), depends_on=[ingress_class, *rights])
        service = self._create_service()
        self.cluster_ip = service.spec.cluster_ip
        self.address = service.status.apply(_load_balancer_address)
        self.register_outputs({"address": self.address, "cluster_ip": self.cluster_ip})

    def _create_ingress_class(self) -> IngressClass:
        return IngressClass(
            INGRESS_CLASS,
            metadata=self._metadata(INGRESS_CLASS, cluster_wide=True),
            spec=IngressClassSpecArgs(controller="traefik.io/ingress-controller"),
            opts=self._options(),
        )

    def _create_middlewares(self) -> ConfigMap:
        return ConfigMap(
            f"{self._name}-middlewares",
            metadata=self._metadata("middlewares"),
            data={"middlewares.yaml": json.dumps(middlewares(), indent=2)},
            opts=self._options(depends_on=[self._home]),
        )

    def _create_workload(self, configuration: ConfigMap, depends_on: list[pulumi.Resource]) -> None:
        args = self._args
        volume = VolumeArgs(name="middlewares", config_map=ConfigMapVolumeSourceArgs(name="middlewares"))
        backends = [namespace(space) for space in args.namespaces]
        clients = [network(cidr) for cidr in args.settings.allowed_cidrs]
        inside = [namespace(space) for space in args.clients_inside]
        targets = args.exposure == "TargetGroup"
        notice = NOTICE_SECONDS if targets else 0
        Workload(
            self._name,
            WorkloadArgs(
                namespace=self._namespace,
                image=args.settings.image,
                replicas=args.settings.replicas,
                resources=args.settings.resources,
                ports=PORTS,
                liveness=http_probe("/ping", "ping", period=10),
                readiness=http_probe("/ping", "ping", period=2),
                arguments=arguments(args.namespaces, args.host, access_log=targets),
                volumes=[
                    (volume, VolumeMountArgs(name="middlewares", mount_path="/etc/traefik/dynamic", read_only=True))
                ],
                token=True,
                placement=args.placement,
                stop_delay_seconds=notice,
                grace_seconds=notice + DRAIN_SECONDS + 30,
                ingress=[allow_from([*clients, *inside], "web", "websecure")],
                egress=[allow_api_server(), allow_to(backends, *args.backend_ports)],
            ),
            opts=self._options(depends_on=[self._home, configuration, *depends_on]),
        )

    def _create_service(self) -> Service:
        """Client addresses are kept, so a node without a ready pod drops what it gets; health checks tell."""
        exposure = self._args.exposure
        targets = exposure == "TargetGroup"
        ports = [
            ServicePortArgs(
                name=name,
                port=port,
                target_port=name,
                node_port=None if exposure == "LoadBalancer" else NODE_PORTS[name],
                protocol="TCP",
            )
            for name, port in (("web", 80), ("websecure", 443))
        ]
        return Service(
            self._name,
            metadata=self._metadata(annotations=NOTHING_TO_AWAIT if targets else None),
            spec=ServiceSpecArgs(
                type="LoadBalancer" if targets else exposure,
                load_balancer_class=LOAD_BALANCER_CLASS if targets else None,
                health_check_node_port=HEALTH_PORT if targets else None,
                external_traffic_policy="Local",
                selector=selector_labels(self._name),
                ports=ports,
            ),
            opts=self._options(depends_on=[self._home]),
        )


def _load_balancer_address(status: ServiceStatus | None) -> str | None:
    """The first address that a load balancer's status names, an IP address or a host name."""
    balancer = None if status is None else status.load_balancer
    entries = [] if balancer is None or balancer.ingress is None else balancer.ingress
    return next((entry.ip if entry.ip is not None else entry.hostname for entry in entries), None)
