"""Where metrics are read: the containers' ports that have them, as a configuration of Prometheus."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NotRequired, TypedDict

import yaml

from components.journal import NAMESPACE
from components.platform.certificates import CERT_MANAGER
from components.platform.kube_state_metrics import NAME as KUBE_STATE_METRICS
from components.platform.platform import TRAEFIK

INTERVAL = "60s"
"""How often. The managed collector takes 30 s and more (AMP guide, Managed collectors); samples cost money."""
KUBELET = "kubelet"
TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount/token"  # noqa: S105
"""The one file of credentials that the managed collector has (AMP guide, Scraper configuration)."""
API_SERVER = "kubernetes.default.svc:443"
VOLUMES = "kubelet_volume_stats_(available|capacity)_bytes"
"""What is kept of a kubelet's metrics (Kubernetes, pkg/kubelet/metrics/collectors/volume_stats.go)."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """Pods whose metrics are read at /metrics.

    job: what alarms call them. port: the name of the container's port.
    """

    job: str
    namespace: str
    container: str
    port: str


def targets(*, login: bool) -> Sequence[Target]:
    """Every port with metrics. login: whether the sign-in runs. Redis has none: the API tells of it.

    Traefik's are at its entry point `traefik`, where the probes ask too; cert-manager's at a port of its chart.
    """
    tiers = [("api", "frontend"), *([("auth", "auth")] if login else [])]
    return [
        *(Target(job=job, namespace=NAMESPACE, container=tier, port="management") for job, tier in tiers),
        Target(job="edge", namespace=TRAEFIK, container=TRAEFIK, port="ping"),
        Target(
            job="certificates",
            namespace=CERT_MANAGER,
            container=f"{CERT_MANAGER}-controller",
            port="http-metrics",
        ),
        Target(job="objects", namespace=KUBE_STATE_METRICS, container=KUBE_STATE_METRICS, port="http"),
    ]


class Relabel(TypedDict):
    """One step of relabelling. action: `replace` by default."""

    source_labels: NotRequired[list[str]]
    regex: NotRequired[str]
    target_label: NotRequired[str]
    replacement: NotRequired[str]
    action: NotRequired[str]


class Namespaces(TypedDict):
    names: list[str]


class Discovery(TypedDict):
    """What is looked for in the cluster: pods or nodes."""

    role: str
    namespaces: NotRequired[Namespaces]


class Authorization(TypedDict):
    type: str
    credentials_file: str


class Job(TypedDict):
    """A scrape job. honor_labels: whether labels that a metric has itself win over the target's."""

    job_name: str
    honor_labels: NotRequired[bool]
    scheme: NotRequired[str]
    authorization: NotRequired[Authorization]
    kubernetes_sd_configs: list[Discovery]
    relabel_configs: list[Relabel]
    metric_relabel_configs: NotRequired[list[Relabel]]


class Global(TypedDict):
    scrape_interval: str


Configuration = TypedDict("Configuration", {"global": Global, "scrape_configs": list[Job]})


def text(found: Sequence[Target]) -> str:
    """The configuration as YAML."""
    jobs = [*map(_pods, found), _kubelet()]
    configuration: Configuration = {"global": {"scrape_interval": INTERVAL}, "scrape_configs": jobs}
    return yaml.safe_dump(configuration, sort_keys=False)


def _pods(target: Target) -> Job:
    """The address is that of the container's port; a container that has several is found once for each."""
    port = ["__meta_kubernetes_pod_container_name", "__meta_kubernetes_pod_container_port_name"]
    return {
        "job_name": target.job,
        "honor_labels": True,
        "kubernetes_sd_configs": [{"role": "pod", "namespaces": {"names": [target.namespace]}}],
        "relabel_configs": [
            {"source_labels": port, "regex": f"{target.container};{target.port}", "action": "keep"},
            {"source_labels": ["__meta_kubernetes_pod_phase"], "regex": "Pending|Succeeded|Failed", "action": "drop"},
            {"source_labels": ["__meta_kubernetes_pod_name"], "target_label": "pod"},
        ],
    }


def _kubelet() -> Job:
    """The room in volumes. Kubelets are asked through the API server (AMP guide, Managed collectors)."""
    path = {"replacement": "/api/v1/nodes/$1/proxy/metrics", "target_label": "__metrics_path__"}
    return {
        "job_name": KUBELET,
        "scheme": "https",
        "authorization": {"type": "Bearer", "credentials_file": TOKEN},
        "kubernetes_sd_configs": [{"role": "node"}],
        "relabel_configs": [
            {"replacement": API_SERVER, "target_label": "__address__"},
            {"source_labels": ["__meta_kubernetes_node_name"], "regex": "(.+)", **path},
            {"source_labels": ["__meta_kubernetes_node_name"], "target_label": "node"},
        ],
        "metric_relabel_configs": [{"source_labels": ["__name__"], "regex": VOLUMES, "action": "keep"}],
    }
