"""What a resource needs by name alone, where the program's dependencies might not say so."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tools.resource import Resource
from tools.volumes import claims_of

Objects = Mapping[tuple[str, str, str], Resource]
CERT_MANAGER = "cert-manager.io"
CLUSTER_WIDE = (
    "ClusterIssuer",
    "ClusterRole",
    "ClusterRoleBinding",
    "GatewayClass",
    "IngressClass",
    "Namespace",
    "StorageClass",
)
ENVIRONMENT = {
    "configMapRef": "ConfigMap",
    "configMapKeyRef": "ConfigMap",
    "secretRef": "Secret",
    "secretKeyRef": "Secret",
}
WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob", "Pod")


@dataclass(frozen=True)
class ImplicitDependency:
    """`dependent` does not work, or can't be deleted, without `dependency`."""

    dependent: Resource
    dependency: Resource
    reason: str


def implicit_dependencies(resources: Iterable[Resource]) -> list[ImplicitDependency]:
    """All of them among these resources."""
    everything = list(resources)
    return [*_in_the_cluster(everything), *_in_aws(everything)]


def pod_of(r: Resource) -> dict[str, Any]:
    """The pod's specification of a workload; empty for anything else."""
    if r.package != "kubernetes" or r.kind not in WORKLOADS or r.is_read:
        return {}
    spec = r.inputs.get("spec", {})
    if r.kind == "CronJob":
        spec = spec.get("jobTemplate", {}).get("spec", {})
    return spec if r.kind == "Pod" else spec.get("template", {}).get("spec", {})


def _in_the_cluster(everything: list[Resource]) -> Iterator[ImplicitDependency]:
    declared = [r for r in everything if r.package == "kubernetes" and r.custom and not r.is_read]
    objects = {key: r for r in declared for key in _keys(r)}
    releases = [r for r in declared if r.kind == "Release"]
    for r in declared:
        for key, reason in _named(r):
            if key in objects:
                yield ImplicitDependency(r, objects[key], reason)
        if str(r.inputs.get("apiVersion", "")).startswith(f"{CERT_MANAGER}/"):
            for release in releases:
                if "cert-manager" in str(release.inputs.get("chart", "")):
                    yield ImplicitDependency(r, release, "its kind is the chart's")


def _keys(r: Resource) -> Iterator[tuple[str, str, str]]:
    metadata = r.inputs.get("metadata", {})
    namespace = metadata.get("namespace", "")
    yield (r.kind, namespace, metadata.get("name", ""))
    if r.kind == "Certificate":
        yield ("Secret", namespace, r.inputs.get("spec", {}).get("secretName", ""))


def _named(r: Resource) -> Iterator[tuple[tuple[str, str, str], str]]:
    """What an object names: kind, namespace and name, and why."""
    metadata, spec = r.inputs.get("metadata", {}), r.inputs.get("spec", {})
    namespace = "" if r.kind in CLUSTER_WIDE else metadata.get("namespace", r.inputs.get("namespace", ""))
    yield ("Namespace", "", namespace), "it is in the namespace"
    if r.kind == "Ingress":
        yield ("IngressClass", "", spec.get("ingressClassName", "")), "ingress class"
    for key, reason in _of_gateways(r.kind, spec):
        yield (key[0], "" if key[0] == "GatewayClass" else namespace, key[1]), reason
    issuer = spec.get("issuerRef", {}) if isinstance(spec, dict) else {}
    place = "" if issuer.get("kind") == "ClusterIssuer" else namespace
    yield (issuer.get("kind", "Issuer"), place, issuer.get("name", "")), "issuer"
    for claim in spec.get("volumeClaimTemplates", []) if r.kind == "StatefulSet" else []:
        yield ("StorageClass", "", claim.get("spec", {}).get("storageClassName", "")), "storage class"
    if r.kind == "PersistentVolumeClaim":
        yield ("StorageClass", "", spec.get("storageClassName", "")), "storage class"
    for name in claims_of(r):
        yield ("PersistentVolumeClaim", namespace, name), "volume"
    for (kind, name), reason in _in_pod(pod_of(r)):
        yield (kind, "" if kind == "PriorityClass" else namespace, name), reason


def _of_gateways(kind: str, spec: Mapping[str, Any]) -> Iterator[tuple[tuple[str, str], str]]:
    """Kind and name of what a Gateway or an HTTPRoute names, and why."""
    if kind == "Gateway":
        yield ("GatewayClass", spec.get("gatewayClassName", "")), "gateway class"
        for listener in spec.get("listeners", []):
            for ref in listener.get("tls", {}).get("certificateRefs", []):
                yield ("Secret", ref.get("name", "")), "certificate"
    if kind == "HTTPRoute":
        for ref in spec.get("parentRefs", []):
            yield ("Gateway", ref.get("name", "")), "gateway"
        for rule in spec.get("rules", []):
            for ref in rule.get("backendRefs", []):
                yield ("Service", ref.get("name", "")), "backend"


def _in_pod(pod: Mapping[str, Any]) -> Iterator[tuple[tuple[str, str], str]]:
    yield ("ServiceAccount", pod.get("serviceAccountName", "")), "service account"
    yield ("PriorityClass", pod.get("priorityClassName", "")), "priority class"
    for volume in pod.get("volumes", []):
        for source in (volume, *volume.get("projected", {}).get("sources", [])):
            config, secret = source.get("configMap", {}), source.get("secret", {})
            if not config.get("optional"):
                yield ("ConfigMap", config.get("name", "")), "volume"
            if not secret.get("optional"):
                yield ("Secret", secret.get("secretName", secret.get("name", ""))), "volume"
        claim = volume.get("persistentVolumeClaim", {})
        yield ("PersistentVolumeClaim", claim.get("claimName", "")), "volume"
    for container in (*pod.get("containers", []), *pod.get("initContainers", [])):
        sources = [*container.get("envFrom", []), *(e.get("valueFrom", {}) for e in container.get("env", []))]
        for source in sources:
            for key, kind in ENVIRONMENT.items():
                yield (kind, source.get(key, {}).get("name", "")), "environment"


def _in_aws(everything: list[Resource]) -> Iterator[ImplicitDependency]:
    aws = [r for r in everything if r.package == "aws" and r.custom]
    clusters = {r.inputs.get("name"): r for r in aws if r.kind == "Cluster"}
    for r in aws:
        cluster = clusters.get(r.inputs.get("clusterName"))
        if cluster is not None:
            yield ImplicitDependency(r, cluster, "cluster")
        if r.kind == "LogGroup" and (cluster := clusters.get(_cluster_of_log(r))) is not None:
            yield ImplicitDependency(cluster, r, "EKS makes the log group itself where it is not there")
    yield from _gateways(aws)
    yield from _policies(aws)
    yield from _identities(everything)


def _cluster_of_log(r: Resource) -> str:
    name = str(r.inputs.get("name", ""))
    return name.removeprefix("/aws/eks/").removesuffix("/cluster") if name.startswith("/aws/eks/") else ""


def _gateways(aws: list[Resource]) -> Iterator[ImplicitDependency]:
    """What has public addresses needs the way to the Internet (VPC guide, Internet gateways)."""
    for gateway in (r for r in aws if r.kind == "InternetGateway"):
        for r in aws:
            if r.kind == "NatGateway" or (r.kind == "LoadBalancer" and not r.inputs.get("internal")):
                yield ImplicitDependency(r, gateway, "public addresses")


def _policies(aws: list[Resource]) -> Iterator[ImplicitDependency]:
    """Who takes a role needs its policies from the first to the last moment (EKS guide, Cluster IAM role)."""
    policies = [r for r in aws if r.kind in ("RolePolicy", "RolePolicyAttachment")]
    for r in aws:
        taken = {str(r.inputs[key]).partition(":role/")[2] for key in ("roleArn", "nodeRoleArn") if key in r.inputs}
        for policy in policies:
            if policy.inputs.get("role") in taken:
                yield ImplicitDependency(r, policy, "its role's policy")


def _identities(everything: list[Resource]) -> Iterator[ImplicitDependency]:
    """A pod gets its credentials when it starts: the association comes first (EKS guide, Pod Identity)."""
    associations = [r for r in everything if r.kind == "PodIdentityAssociation"]
    for r in everything:
        account = (r.inputs.get("metadata", {}).get("namespace"), pod_of(r).get("serviceAccountName"))
        for association in associations if None not in account else []:
            if account == (association.inputs.get("namespace"), association.inputs.get("serviceAccount")):
                yield ImplicitDependency(r, association, "its pods' role")
