"""metrics-server: tells autoscalers and `kubectl top` how busy pods are (https://kubernetes-sigs.github.io/metrics-server/)."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.apiregistration.v1 import APIService, APIServiceSpecArgs, ServiceReferenceArgs
from pulumi_kubernetes.core.v1 import (
    HTTPGetActionArgs,
    ProbeArgs,
    SecretVolumeSourceArgs,
    VolumeArgs,
    VolumeMountArgs,
)
from pulumi_kubernetes.rbac.v1 import PolicyRuleArgs

from components import versions
from components.kubernetes import (
    Namespace,
    Workload,
    WorkloadArgs,
    allow_api_server,
    allow_from,
    allow_to,
    network,
)
from components.platform.cert_manager import SelfSigned
from components.settings import Resources

PORT, KUBELET_PORT = 4443, 10250
GROUP, VERSION = "metrics.k8s.io", "v1beta1"
TLS_SECRET = "metrics-server-tls"  # noqa: S105
CLUSTER_CA = "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt"
"""The authority of the API server's certificate, which each pod with a token finds there."""
SYSTEM, AUTHENTICATION = "kube-system", "extension-apiserver-authentication"
"""Where the API server says by which authority it vouches for the users whose requests it passes on."""
RESOURCES = Resources.model_validate({"cpu": "20m", "memory": "48Mi", "cpuLimit": "500m", "memoryLimit": "128Mi"})


def arguments() -> list[str]:
    """The command line arguments. It asks each kubelet every 15 s, as often as autoscalers look."""
    return [
        f"--secure-port={PORT}",
        "--tls-cert-file=/tls/tls.crt",
        "--tls-private-key-file=/tls/tls.key",
        f"--kubelet-certificate-authority={CLUSTER_CA}",
        "--kubelet-preferred-address-types=InternalIP",
        "--kubelet-use-node-status-port",
        "--metric-resolution=15s",
    ]


def cluster_role_rules() -> list[PolicyRuleArgs]:
    """Lets it read what kubelets measure, and ask who sends a request and may (upstream's ClusterRoles)."""
    return [
        PolicyRuleArgs(api_groups=[""], resources=["nodes/metrics"], verbs=["get"]),
        PolicyRuleArgs(api_groups=[""], resources=["nodes", "pods"], verbs=["get", "list", "watch"]),
        PolicyRuleArgs(api_groups=["authentication.k8s.io"], resources=["tokenreviews"], verbs=["create"]),
        PolicyRuleArgs(api_groups=["authorization.k8s.io"], resources=["subjectaccessreviews"], verbs=["create"]),
    ]


def authentication_rules() -> list[PolicyRuleArgs]:
    """Lets it read by which authority the API server vouches for users."""
    verbs = ["get", "list", "watch"]
    return [
        PolicyRuleArgs(api_groups=[""], resources=["configmaps"], resource_names=[AUTHENTICATION], verbs=verbs),
    ]


def probe(path: str, period: int) -> ProbeArgs:
    asked = HTTPGetActionArgs(path=path, port="https", scheme="HTTPS")
    return ProbeArgs(http_get=asked, period_seconds=period, timeout_seconds=2, failure_threshold=3)


@dataclass(kw_only=True)
class MetricsServerArgs:
    """A metrics-server. cert_manager: what exists once cert-manager takes issuers; it issues the certificate."""

    cert_manager: pulumi.Resource


class MetricsServer(SelfSigned):
    """metrics-server in a namespace of its own, behind the API server.

    Both connections are verified: the API server's by the certificate that cert-manager's CA injector writes into the
    APIService, a kubelet's by the cluster's authority.
    """

    def __init__(self, name: str, args: MetricsServerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:platform:MetricsServer", name, name, opts)
        namespace = Namespace(name, opts=self._options())
        certificate = self._create_certificate(TLS_SECRET, depends_on=[namespace, args.cert_manager])
        rights = [
            *self._grant_cluster_wide(cluster_role_rules()),
            *self._grant_in(SYSTEM, authentication_rules()),
        ]
        workload = self._create_workload(depends_on=[certificate, *rights])
        service = self._create_service({"https": 443}, depends_on=[namespace])
        self._register(depends_on=[workload, service])
        self.register_outputs({})

    def _create_workload(self, depends_on: Sequence[pulumi.Resource]) -> Workload:
        tls = VolumeArgs(name="tls", secret=SecretVolumeSourceArgs(secret_name=TLS_SECRET, default_mode=0o440))
        anywhere = [network("0.0.0.0/0")]
        return Workload(
            self._name,
            WorkloadArgs(
                namespace=self._namespace,
                image=versions.METRICS_SERVER_IMAGE,
                replicas=1,
                resources=RESOURCES,
                ports={"https": PORT},
                # Ready once it has measured twice.
                liveness=probe("/livez", period=10),
                readiness=probe("/readyz", period=5),
                arguments=arguments(),
                volumes=[(tls, VolumeMountArgs(name="tls", mount_path="/tls", read_only=True))],
                token=True,
                ingress=[allow_from(anywhere, "https")],
                egress=[allow_api_server(), allow_to(anywhere, KUBELET_PORT)],
            ),
            opts=self._options(depends_on=list(depends_on)),
        )

    def _register(self, depends_on: Sequence[pulumi.Resource]) -> None:
        name = f"{VERSION}.{GROUP}"
        annotations = {
            "cert-manager.io/inject-ca-from": f"{self._namespace}/{TLS_SECRET}",
            "pulumi.com/waitFor": "condition=Available",
        }
        APIService(
            name,
            metadata=self._metadata(name, cluster_wide=True, annotations=annotations),
            spec=APIServiceSpecArgs(
                group=GROUP,
                version=VERSION,
                group_priority_minimum=100,
                version_priority=100,
                service=ServiceReferenceArgs(name=self._name, namespace=self._namespace, port=443),
            ),
            opts=self._options(depends_on=list(depends_on)),
        )
