"""A namespace with restricted pods, default-deny network policies, a quota, default limits, and its viewers."""

import pulumi
from pulumi_kubernetes import core
from pulumi_kubernetes.core.v1 import (
    LimitRange,
    LimitRangeItemArgs,
    LimitRangeSpecArgs,
    ResourceQuota,
    ResourceQuotaSpecArgs,
)
from pulumi_kubernetes.meta.v1 import LabelSelectorArgs, ObjectMetaArgs
from pulumi_kubernetes.networking.v1 import NetworkPolicy, NetworkPolicySpecArgs
from pulumi_kubernetes.rbac.v1 import RoleBinding

from components.kubernetes.component import KubernetesComponent, labels
from components.kubernetes.network_policies import allow_dns
from components.kubernetes.people import OPERATORS, VIEWER, VIEWERS, cluster_role, groups
from components.kubernetes.pods import EPHEMERAL_STORAGE, EPHEMERAL_STORAGE_LIMIT

DEFAULT_REQUEST = {"cpu": "10m", "memory": "32Mi", "ephemeral-storage": EPHEMERAL_STORAGE}
DEFAULT_LIMIT = {"cpu": "500m", "memory": "128Mi", "ephemeral-storage": EPHEMERAL_STORAGE_LIMIT}


LEAST_PODS, LEAST_VOLUMES = 100, 20
"""What a namespace may hold however little is declared in it."""
SPARE_PODS = 10
"""For Jobs, for the pods that answer ACME challenges, and for a rollout's surge."""


def quotas(*, pods: int = 0, volumes: int = 0, load_balancers: int = 0, node_ports: int = 0) -> dict[str, str]:
    """How many objects the namespace may hold, by what is declared in it.

    During a rollout each pod may have its successor beside it: one that terminates counts until it is gone
    (Kubernetes, ResourceQuota). Of node ports there are `node_ports` and ten for each load balancer.
    """
    return {
        "pods": str(max(LEAST_PODS, 2 * pods + SPARE_PODS)),
        "persistentvolumeclaims": str(max(LEAST_VOLUMES, 2 * volumes)),
        "services.loadbalancers": str(load_balancers),
        "services.nodeports": str(node_ports + 10 * load_balancers),
    }


class Namespace(KubernetesComponent):
    """A namespace whose pods are restricted and may talk to nothing but DNS until a network policy allows it.

    Viewers and operators read what is in it; People makes their roles.
    pods, volumes: how many are declared in it. load_balancers: how many Services of that type it may hold.
    node_ports: how many ports its Services of type NodePort have. The quota follows from all of them.
    protect: whether Pulumi refuses to delete it, and with it the claims that are in it.
    Sources: kubernetes.io Pod Security Standards (restricted) and Network Policies (default deny).
    """

    namespace: core.v1.Namespace

    def __init__(
        self,
        name: str,
        *,
        pods: int = 0,
        volumes: int = 0,
        load_balancers: int = 0,
        node_ports: int = 0,
        protect: bool = False,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("journal:kubernetes:Namespace", name, name, opts)
        self.namespace = self._create_namespace(protect=protect)
        self._create_policy(
            "default-deny", NetworkPolicySpecArgs(pod_selector=LabelSelectorArgs(), policy_types=["Ingress", "Egress"])
        )
        self._create_policy(
            "allow-dns",
            NetworkPolicySpecArgs(pod_selector=LabelSelectorArgs(), policy_types=["Egress"], egress=[allow_dns()]),
        )
        self._create_limits(quotas(pods=pods, volumes=volumes, load_balancers=load_balancers, node_ports=node_ports))
        self._bind_viewers()
        self.register_outputs({})

    def _create_namespace(self, *, protect: bool) -> core.v1.Namespace:
        security = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "audit", "warn")}
        metadata = ObjectMetaArgs(name=self._name, labels={**labels(self._name), **security})
        return core.v1.Namespace(self._name, metadata=metadata, opts=self._options(protect=protect))

    def _create_policy(self, name: str, spec: NetworkPolicySpecArgs) -> None:
        NetworkPolicy(f"{self._name}-{name}", metadata=self._metadata(name), spec=spec, opts=self._in_namespace())

    def _create_limits(self, hard: dict[str, str]) -> None:
        ResourceQuota(
            f"{self._name}-objects",
            metadata=self._metadata("objects"),
            spec=ResourceQuotaSpecArgs(hard=hard),
            opts=self._in_namespace(),
        )
        defaults = LimitRangeItemArgs(type="Container", default=DEFAULT_LIMIT, default_request=DEFAULT_REQUEST)
        LimitRange(
            f"{self._name}-defaults",
            metadata=self._metadata("defaults"),
            spec=LimitRangeSpecArgs(limits=[defaults]),
            opts=self._in_namespace(),
        )

    def _bind_viewers(self) -> None:
        RoleBinding(
            f"{self._name}-viewers",
            metadata=self._metadata("viewers"),
            role_ref=cluster_role(VIEWER),
            subjects=groups(VIEWERS, OPERATORS),
            opts=self._in_namespace(),
        )

    def _in_namespace(self) -> pulumi.ResourceOptions:
        return self._options(depends_on=[self.namespace])
