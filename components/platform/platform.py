"""The platform: who may do what, the ingress controller and certificates, which any application can share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi

from components import versions
from components.kubernetes import Admission, AdmissionArgs, Cluster, Namespace, People, PeopleArgs, Priorities
from components.platform.argo_workflows import CONTROLLER, ArgoWorkflows, ArgoWorkflowsArgs, WorkflowEngine
from components.platform.cert_manager import SOLVER_PORT
from components.platform.certificates import CHALLENGE_CHECKERS, Certificates, CertificatesArgs
from components.platform.ingress_controller import PORTS, IngressController, IngressControllerArgs
from components.platform.kube_state_metrics import NAME as KUBE_STATE_METRICS
from components.platform.kube_state_metrics import KubeStateMetrics, KubeStateMetricsArgs
from components.platform.metrics_server import MetricsServer, MetricsServerArgs
from components.platform.routes import IngressEndpoint
from components.settings import CertificateSettings, IngressSettings, WorkflowSettings
from components.settings.node_groups import ANYWHERE, Placement

TRAEFIK = "traefik"
METRICS_SERVER = "metrics-server"


@dataclass(kw_only=True)
class PlatformArgs:
    """A platform: the cluster that it runs on, and the application that it serves.

    application: the name of the application's namespace, which the platform creates.
    pods, volumes: how many the application declares, for the namespace's quota.
    protect: whether Pulumi refuses to delete the namespace, and with it the application's claims.
    ports: the application's container ports that requests are forwarded to.
    hosts: the application's DNS names, the main one first, each with the path prefixes that have a Service.
    workflows: Argo Workflows' settings, where it is on. workflow_placement: the nodes that workflows' pods run on.
    """

    cluster: Cluster
    application: str
    pods: int = 0
    volumes: int = 0
    protect: bool = False
    ports: Sequence[int]
    hosts: Mapping[str, Sequence[str]]
    ingress: IngressSettings
    certificates: CertificateSettings
    workflows: WorkflowSettings | None = None
    workflow_placement: Placement = ANYWHERE


class Platform(pulumi.ComponentResource):
    """The application's namespace, the people's roles, the ingress controller, certificates and workflows.

    endpoint: how the application's routes reach clients.
    address: the IP address or host name that clients connect to; None if they connect to a port of any node.
    engine: what runs workflows, where they are on.
    """

    namespace: Namespace
    endpoint: IngressEndpoint
    address: pulumi.Output[str | None]
    engine: WorkflowEngine | None

    def __init__(self, name: str, args: PlatformArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:platform:Platform", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        priorities = Priorities("priorities", opts=child)
        self.namespace = Namespace(
            args.application,
            pods=args.pods,
            volumes=args.volumes,
            protect=args.protect,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[priorities]),
        )
        People(
            "people",
            PeopleArgs(application=args.application),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[self.namespace]),
        )
        built_here = [versions.BUILT_HERE] if args.cluster.registry is None else []
        Admission("admission", AdmissionArgs(registries=[*versions.REGISTRIES, *built_here]), opts=child)
        controller = IngressController(
            TRAEFIK,
            IngressControllerArgs(
                settings=args.ingress,
                exposure=args.cluster.exposure,
                namespaces=[args.application],
                backend_ports=sorted({*args.ports, SOLVER_PORT}),
                client_namespaces=CHALLENGE_CHECKERS,
                hosts=args.hosts,
                placement=args.cluster.ingress_placement,
                collectors=args.cluster.collectors,
            ),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[self.namespace, *args.cluster.ingress_dependencies]),
        )
        certificates = Certificates(
            "certificates",
            CertificatesArgs(
                settings=args.certificates,
                hosts=list(args.hosts),
                ingress_namespace=TRAEFIK,
                ingress_address=controller.cluster_ip,
                dns=args.cluster.dns,
                collectors=args.cluster.collectors,
            ),
            opts=child,
        )
        if args.cluster.lacks_metrics:
            MetricsServer(METRICS_SERVER, MetricsServerArgs(cert_manager=certificates.cert_manager), opts=child)
        if args.cluster.collectors:
            KubeStateMetrics(
                KUBE_STATE_METRICS,
                KubeStateMetricsArgs(application=args.application, collectors=args.cluster.collectors),
                opts=pulumi.ResourceOptions(parent=self, depends_on=[self.namespace]),
            )
        self.engine = self._create_engine(args)
        known, own = args.cluster.ingress_address, controller.address
        self.endpoint = IngressEndpoint(
            ingress_class=controller.ingress_class if args.ingress.has_ingress else None,
            gateway_class=controller.gateway_class,
            gateway_port=PORTS["websecure"],
            ingress_namespace=TRAEFIK,
            issuer=certificates.issuer,
            controller=[controller],
            dependencies=args.cluster.ingress_dependencies,
        )
        self.address = own if known is None else pulumi.Output.from_input(known)
        self.register_outputs({"address": self.address})

    def _create_engine(self, args: PlatformArgs) -> WorkflowEngine | None:
        if args.workflows is None:
            return None
        argo = ArgoWorkflowsArgs(
            settings=args.workflows, placement=args.workflow_placement, artifacts=args.cluster.artifacts
        )
        depends_on = [self.namespace, *args.cluster.add_ons]
        return ArgoWorkflows(CONTROLLER, argo, pulumi.ResourceOptions(parent=self, depends_on=depends_on)).engine
