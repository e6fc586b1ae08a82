"""Kubernetes building blocks that any application can use: namespaces, people, workloads, network policies."""

from components.kubernetes.admission import Admission, AdmissionArgs
from components.kubernetes.cluster import (
    HEALTH_PORT,
    NODE_PORTS,
    Bucket,
    Cluster,
    ExistingCluster,
    Exposure,
    create_provider,
)
from components.kubernetes.component import (
    SKIP_AWAIT,
    KubernetesComponent,
    component_labels,
    content_hash,
    labels,
    selector_labels,
)
from components.kubernetes.namespace import Namespace
from components.kubernetes.network_policies import (
    allow_api_server,
    allow_collectors,
    allow_dns,
    allow_from,
    allow_to,
    network,
    pods_in,
    pods_of,
    public_addresses,
)
from components.kubernetes.people import OPERATORS, VIEWERS, People, PeopleArgs
from components.kubernetes.pods import (
    container_security,
    exec_probe,
    http_probe,
    node_selector,
    pod_security,
    requirements,
    scratch_volume,
    spread_constraints,
    tolerations,
)
from components.kubernetes.priorities import DATA, EDGE, SERVING, Priorities
from components.kubernetes.release import Backend, ReleasedTier, workloads
from components.kubernetes.workload import STOP_DELAY_SECONDS, Workload, WorkloadArgs

__all__ = [
    "DATA",
    "EDGE",
    "HEALTH_PORT",
    "NODE_PORTS",
    "OPERATORS",
    "SERVING",
    "SKIP_AWAIT",
    "STOP_DELAY_SECONDS",
    "VIEWERS",
    "Admission",
    "AdmissionArgs",
    "Backend",
    "Bucket",
    "Cluster",
    "ExistingCluster",
    "Exposure",
    "KubernetesComponent",
    "Namespace",
    "People",
    "PeopleArgs",
    "Priorities",
    "ReleasedTier",
    "Workload",
    "WorkloadArgs",
    "allow_api_server",
    "allow_collectors",
    "allow_dns",
    "allow_from",
    "allow_to",
    "component_labels",
    "container_security",
    "content_hash",
    "create_provider",
    "exec_probe",
    "http_probe",
    "labels",
    "network",
    "node_selector",
    "pod_security",
    "pods_in",
    "pods_of",
    "public_addresses",
    "requirements",
    "scratch_volume",
    "selector_labels",
    "spread_constraints",
    "tolerations",
    "workloads",
]
