"""The ingress controller: Traefik 3, for Ingress objects and for the Gateway API.

Its middlewares come from its file provider (traefik_file.py), so it needs no CRDs of its own.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_random as random
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.core.v1 import (
    ConfigMap,
    ConfigMapVolumeSourceArgs,
    KeyToPathArgs,
    Secret,
    SecretVolumeSourceArgs,
    Service,
    ServicePortArgs,
    ServiceSpecArgs,
    VolumeArgs,
    VolumeMountArgs,
)
from pulumi_kubernetes.core.v1.outputs import ServiceStatus
from pulumi_kubernetes.networking.v1 import IngressClass, IngressClassSpecArgs
from pulumi_kubernetes.rbac.v1 import PolicyRuleArgs

from components.kubernetes import (
    EDGE,
    HEALTH_PORT,
    NODE_PORTS,
    SKIP_AWAIT,
    Exposure,
    KubernetesComponent,
    Namespace,
    Workload,
    WorkloadArgs,
    allow_api_server,
    allow_collectors,
    allow_from,
    allow_to,
    http_probe,
    network,
    pods_in,
    selector_labels,
)
from components.platform import gateway_api
from components.platform.traefik_file import BASIC_AUTH, dynamic_configuration, middlewares
from components.settings import IngressSettings
from components.settings.node_groups import ANYWHERE, Placement

INGRESS_CLASS = GATEWAY_CLASS = "traefik"
USER = "journal"
"""Who everybody is for `ingress.basicAuth`."""
PORTS = {"web": 8000, "websecure": 8443, "ping": 8080}
DRAIN_SECONDS = 10
"""How long requests that are under way may take when a pod stops."""
STOP_DELAY_SECONDS = 10
"""How long a pod serves on where no target group must leave out its node."""
MOVE_SECONDS = 5
"""A connection of a pod that stops is asked to be made anew, elsewhere, this long before the pod's program is told."""
DIAL, ANSWER = "500ms", "15s"
"""How long a connection to a pod may take, and the first byte of its answer; the API answers within ten seconds."""
HEAD_BYTES = 16 * 1024
"""How long a request's head may be; more is refused with 431. Below the API's own limit (its protocol.py), with room
for what Traefik adds, so that one place refuses it."""
BUCKETS = "--metrics.prometheus.buckets=0.05,0.1,0.25,0.5,1,2.5,5,10"
"""Of how long requests take, in seconds: an alarm asks whether the slowest hundredth takes over one."""
LOAD_BALANCER_CLASS = "journal/pulumi"
"""No controller implements this class, so none creates a load balancer beside the one that Pulumi owns."""
DEREGISTRATION_SECONDS = 30
"""How long a target group may take to leave out a node, with a margin (ELB guide, NLB health checks)."""
REGISTRATION_SECONDS = 60
"""How long a new pod must be ready before an old one stops, so that the load balancer has found its node meanwhile.

Two health checks take 10 s, but a node that was just registered may be checked only after two minutes
(aws-load-balancer-controller, issue 1834). Pods are replaced one by one, so the last old one stops no earlier than that
with two or more pods.
"""
AWAIT_ADDRESS = {"pulumi.com/waitFor": "jsonpath={.status.loadBalancer.ingress[0]}"}
"""Makes Pulumi wait until a Service of type LoadBalancer has its address, and no longer."""


def arguments(
    settings: IngressSettings,
    namespaces: Sequence[str],
    host: str,
    *,
    stop_delay: int = STOP_DELAY_SECONDS,
    access_log: bool = False,
    metrics: bool = False,
) -> list[str]:
    """Traefik's command line.

    The entry point for HTTPS names the middlewares, for an Ingress and a gateway alike: an HTTPRoute can't name them.
    The redirect to HTTPS has the lowest priority, so that ACME challenges are still answered on port 80. A route whose
    Service has no ready pod answers 503; without `allowemptyservices`, its requests would go to the route with the next
    shorter path. A connection is asked to be made anew while a pod that stops still serves: one that the program closes
    may cost a request. The access log has one line of JSON for each request, without the request's headers. Metrics are
    those of entry points alone, at the one that probes ask: each further label multiplies what is collected.

    Source: Traefik documentation, EntryPoints, ServersTransport, Kubernetes Ingress provider and Metrics.
    """
    timeouts = {"dialtimeout": DIAL, "responseheadertimeout": ANSWER}
    transport = {
        "keepalivemaxtime": stop_delay - MOVE_SECONDS,
        "lifecycle.gracetimeout": DRAIN_SECONDS,
        "respondingtimeouts.readtimeout": settings.limits.read_seconds,
        "respondingtimeouts.idletimeout": settings.limits.idle_seconds,
    }
    return [
        "--global.checknewversion=false",
        "--global.sendanonymoususage=false",
        "--log.format=json",
        "--log.level=INFO",
        *(["--accesslog=true", "--accesslog.format=json"] if access_log else []),
        *(["--metrics.prometheus=true", "--metrics.prometheus.addserviceslabels=false", BUCKETS] if metrics else []),
        "--ping=true",
        f"--entrypoints.traefik.address=:{PORTS['ping']}",
        f"--entrypoints.web.address=:{PORTS['web']}",
        "--entrypoints.web.http.redirections.entrypoint.to=:443",
        "--entrypoints.web.http.redirections.entrypoint.scheme=https",
        "--entrypoints.web.http.redirections.entrypoint.priority=1",
        f"--entrypoints.websecure.address=:{PORTS['websecure']}",
        "--entrypoints.websecure.http.tls=true",
        f"--entrypoints.websecure.http.middlewares={','.join(f'{name}@file' for name in middlewares(settings))}",
        *(f"--entrypoints.{e}.http.maxheaderbytes={HEAD_BYTES}" for e in ("web", "websecure")),
        *(f"--entrypoints.{e}.transport.{k}={v}s" for e in ("web", "websecure") for k, v in transport.items()),
        *(f"--serverstransport.forwardingtimeouts.{name}={limit}" for name, limit in timeouts.items()),
        f"--providers.kubernetesingress.ingressclass={INGRESS_CLASS}",
        "--providers.kubernetesingress.allowemptyservices=true",
        "--providers.kubernetesingress.strictprefixmatching=true",
        f"--providers.kubernetesingress.namespaces={','.join(namespaces)}",
        f"--providers.kubernetesingress.ingressendpoint.hostname={host}",
        "--providers.file.directory=/etc/traefik/dynamic",
    ]


def gateway_arguments(namespaces: Sequence[str], host: str) -> list[str]:
    """What the command line has too for a gateway."""
    return [
        f"--providers.kubernetesgateway.namespaces={','.join(namespaces)}",
        f"--providers.kubernetesgateway.statusaddress.hostname={host}",
    ]


def cluster_rules() -> list[PolicyRuleArgs]:
    """The rights that Traefik needs in the whole cluster."""
    verbs = ["list", "watch"]
    return [
        PolicyRuleArgs(api_groups=[""], resources=["nodes"], verbs=verbs),
        PolicyRuleArgs(api_groups=["networking.k8s.io"], resources=["ingressclasses"], verbs=verbs),
    ]


def namespace_rules() -> list[PolicyRuleArgs]:
    """The rights that Traefik needs in each namespace with routes; it reads the Secrets of their certificates."""
    verbs = ["get", "list", "watch"]
    return [
        PolicyRuleArgs(api_groups=[""], resources=["services", "secrets"], verbs=verbs),
        PolicyRuleArgs(api_groups=["discovery.k8s.io"], resources=["endpointslices"], verbs=verbs),
        PolicyRuleArgs(api_groups=["networking.k8s.io"], resources=["ingresses"], verbs=verbs),
        PolicyRuleArgs(api_groups=["networking.k8s.io"], resources=["ingresses/status"], verbs=["update"]),
    ]


@dataclass(kw_only=True)
class IngressControllerArgs:
    """An ingress controller: its settings, how clients reach it, and where its requests go.

    namespaces: the only namespaces whose Ingress objects and TLS Secrets it reads.
    backend_ports: the container ports that it forwards requests to.
    client_namespaces: namespaces whose pods may send it requests, such as those that check ACME challenges.
    hosts: each host's path prefixes that have a Service of their own. The status of Ingress objects names the first.
    placement: the nodes that its pods may run on.
    collectors: the networks from which its metrics are collected; without any, it has none.
    """

    settings: IngressSettings
    exposure: Exposure
    namespaces: Sequence[str]
    backend_ports: Sequence[int]
    client_namespaces: Sequence[str]
    hosts: Mapping[str, Sequence[str]]
    placement: Placement = ANYWHERE
    collectors: Sequence[str] = ()


class IngressController(KubernetesComponent):
    """Traefik behind one Service.

    ingress_class, gateway_class: by which Ingress objects, which ACME challenges use too, and Gateways choose it, once
    it exists; the latter is None where settings want no gateway.
    address: the load balancer's IP address or host name; None for the exposure NodePort.
    cluster_ip: the Service's address inside the cluster.
    """

    ingress_class: pulumi.Output[str]
    gateway_class: pulumi.Output[str] | None = None
    address: pulumi.Output[str | None]
    cluster_ip: pulumi.Output[str]

    def __init__(self, name: str, args: IngressControllerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:platform:IngressController", name, name, opts)
        self._args = args
        by_node_port = args.exposure == "NodePort"
        self._own_namespace = Namespace(
            name,
            pods=args.settings.replicas,
            load_balancers=0 if by_node_port else 1,
            node_ports=len(NODE_PORTS) if by_node_port else 0,
            opts=self._options(),
        )
        ingress_class = self._create_ingress_class()
        self.ingress_class = ingress_class.metadata.name
        gateway = args.settings.has_gateway
        in_cluster, in_namespaces = cluster_rules(), namespace_rules()
        if gateway:
            in_cluster, in_namespaces = (
                [*in_cluster, *gateway_api.cluster_rules()],
                [*in_namespaces, *gateway_api.namespace_rules()],
            )
        before = [ingress_class, *(self._create_gateway_class() if gateway else [])]
        before += self._grant_cluster_wide(in_cluster)
        volumes = [self._create_password()] if args.settings.basic_auth else []
        before += [right for space in args.namespaces for right in self._grant_in(space, in_namespaces)]
        self._create_workload(self._create_configuration(), volumes, depends_on=before)
        service = self._create_exposed_service()
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

    def _create_gateway_class(self) -> list[pulumi.Resource]:
        """The class, and the kinds of the Gateway API, which no Gateway exists without."""
        kinds = gateway_api.create_definitions(self._args.settings.gateway_crds, self._options())
        spec: gateway_api.GatewayClassSpec = {"controllerName": "traefik.io/gateway-controller"}
        gateway_class = CustomResource(
            GATEWAY_CLASS,
            api_version=gateway_api.API_VERSION,
            kind="GatewayClass",
            metadata=self._metadata(GATEWAY_CLASS, cluster_wide=True),
            spec=spec,
            opts=self._options(depends_on=[kinds]),
        )
        self.gateway_class = gateway_class.id.apply(lambda _: GATEWAY_CLASS)
        return [kinds, gateway_class]

    def _create_configuration(self) -> ConfigMap:
        args = self._args
        dynamic = dynamic_configuration(args.settings, args.hosts)
        return self._create_config_map(
            "dynamic",
            {"dynamic.yaml": json.dumps(dynamic, indent=2)},
            name=f"{self._name}-dynamic",
            depends_on=[self._own_namespace],
        )

    def _create_password(self) -> tuple[VolumeArgs, VolumeMountArgs]:
        """A password, in a Secret for people to read, and its hash, which is all that the pods have of it."""
        name = f"{self._name}-basic-auth"
        made = random.RandomPassword(name, length=24, special=False, opts=self._options())
        secret = Secret(
            name,
            metadata=self._metadata(name),
            string_data={
                "name": USER,
                "password": made.result,
                "users": pulumi.Output.concat(USER, ":", made.bcrypt_hash, "\n"),
            },
            opts=self._options(depends_on=[self._own_namespace]),
        )
        only_users = [KeyToPathArgs(key="users", path="users")]
        source = SecretVolumeSourceArgs(secret_name=secret.metadata.name, items=only_users, default_mode=0o440)
        mount = VolumeMountArgs(name="basic-auth", mount_path=BASIC_AUTH, read_only=True)
        return VolumeArgs(name="basic-auth", secret=source), mount

    def _create_workload(
        self,
        configuration: ConfigMap,
        volumes: list[tuple[VolumeArgs, VolumeMountArgs]],
        depends_on: list[pulumi.Resource],
    ) -> None:
        args = self._args
        source = ConfigMapVolumeSourceArgs(name=configuration.metadata.name)
        volume = VolumeArgs(name="dynamic", config_map=source)
        backends = [pods_in(space) for space in args.namespaces]
        clients = [network(cidr) for cidr in args.settings.allowed_cidrs]
        inside = [pods_in(space) for space in args.client_namespaces]
        targets = args.exposure == "TargetGroup"
        stop_delay = DEREGISTRATION_SECONDS if targets else STOP_DELAY_SECONDS
        host = next(iter(args.hosts))
        gateway = gateway_arguments(args.namespaces, host) if args.settings.has_gateway else []
        Workload(
            self._name,
            WorkloadArgs(
                namespace=self._namespace,
                image=args.settings.image,
                replicas=args.settings.replicas,
                resources=args.settings.resources,
                priority_class=EDGE,
                ports=PORTS,
                liveness=http_probe("/ping", "ping", period=10),
                readiness=http_probe("/ping", "ping", period=2),
                arguments=[
                    *arguments(
                        args.settings,
                        args.namespaces,
                        host,
                        stop_delay=stop_delay,
                        access_log=targets,
                        metrics=len(args.collectors) > 0,
                    ),
                    *gateway,
                ],
                volumes=[
                    (volume, VolumeMountArgs(name="dynamic", mount_path="/etc/traefik/dynamic", read_only=True)),
                    *volumes,
                ],
                token=True,
                placement=args.placement,
                min_ready_seconds=REGISTRATION_SECONDS if targets else 0,
                stop_delay_seconds=stop_delay,
                drain_seconds=DRAIN_SECONDS,
                ingress=[
                    allow_from([*clients, *inside], "web", "websecure"),
                    *allow_collectors(args.collectors, "ping"),
                ],
                egress=[allow_api_server(), allow_to(backends, *args.backend_ports)],
            ),
            opts=self._options(depends_on=[self._own_namespace, configuration, *depends_on]),
        )

    def _create_exposed_service(self) -> Service:
        """Keeps client addresses. A node without a ready pod drops requests, so load balancers check nodes' health."""
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
            metadata=self._metadata(annotations=AWAIT_ADDRESS if exposure == "LoadBalancer" else SKIP_AWAIT),
            spec=ServiceSpecArgs(
                type="LoadBalancer" if targets else exposure,
                load_balancer_class=LOAD_BALANCER_CLASS if targets else None,
                health_check_node_port=HEALTH_PORT if targets else None,
                external_traffic_policy="Local",
                selector=selector_labels(self._name),
                ports=ports,
            ),
            opts=self._options(depends_on=[self._own_namespace]),
        )


def _load_balancer_address(status: ServiceStatus | None) -> str | None:
    """The first IP address or host name in the status of a Service of type LoadBalancer."""
    balancer = None if status is None else status.load_balancer
    entries = [] if balancer is None or balancer.ingress is None else balancer.ingress
    return next((entry.ip if entry.ip is not None else entry.hostname for entry in entries), None)
