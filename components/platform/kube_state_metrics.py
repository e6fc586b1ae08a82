"""kube-state-metrics: tells a collector of metrics when backups succeeded (https://github.com/kubernetes/kube-state-metrics)."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.rbac.v1 import PolicyRuleArgs

from components import versions
from components.kubernetes import (
    KubernetesComponent,
    Namespace,
    Workload,
    WorkloadArgs,
    allow_api_server,
    allow_from,
    http_probe,
    network,
)
from components.settings import Resources

NAME = "kube-state-metrics"
PORTS = {"http": 8080, "telemetry": 8081}
RESOURCES = Resources.model_validate({"cpu": "10m", "memory": "32Mi", "cpuLimit": "200m", "memoryLimit": "96Mi"})


def arguments(application: str) -> list[str]:
    """The command line arguments: CronJobs and Jobs of one namespace, and nothing else of the cluster."""
    return [
        f"--port={PORTS['http']}",
        f"--telemetry-port={PORTS['telemetry']}",
        "--resources=cronjobs,jobs",
        f"--namespaces={application}",
    ]


def rules() -> list[PolicyRuleArgs]:
    """What it reads in the application's namespace."""
    return [PolicyRuleArgs(api_groups=["batch"], resources=["cronjobs", "jobs"], verbs=["list", "watch"])]


@dataclass(kw_only=True)
class KubeStateMetricsArgs:
    """A kube-state-metrics. application: the namespace that it tells of. collectors: the networks that may ask it."""

    application: str
    collectors: Sequence[str]


class KubeStateMetrics(KubernetesComponent):
    """kube-state-metrics in a namespace of its own. Its pods are found by the port `http`."""

    def __init__(self, name: str, args: KubeStateMetricsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:platform:KubeStateMetrics", name, name, opts)
        namespace = Namespace(name, opts=self._options())
        rights = self._grant_in(args.application, rules())
        Workload(
            name,
            WorkloadArgs(
                namespace=self._namespace,
                image=versions.KUBE_STATE_METRICS_IMAGE,
                replicas=1,
                resources=RESOURCES,
                ports=PORTS,
                liveness=http_probe("/livez", "http", period=10),
                readiness=http_probe("/readyz", "telemetry", period=5),
                arguments=arguments(args.application),
                token=True,
                ingress=[allow_from([network(cidr) for cidr in args.collectors], "http")],
                egress=[allow_api_server()],
            ),
            opts=self._options(depends_on=[namespace, *rights]),
        )
        self.register_outputs({})
