"""A namespace with restricted pods, default-deny network policies, a quota and default limits."""

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

from components.kubernetes.component import KubernetesComponent, labels
from components.kubernetes.network_policies import allow_dns
from components.kubernetes.pods import EPHEMERAL_STORAGE, EPHEMERAL_STORAGE_LIMIT

DEFAULT_REQUEST = {"cpu": "10m", "memory": "32Mi", "ephemeral-storage": EPHEMERAL_STORAGE}
DEFAULT_LIMIT = {"cpu": "500m", "memory": "128Mi", "ephemeral-storage": EPHEMERAL_STORAGE_LIMIT}


def quotas(load_balancers: int) -> dict[str, str]:
    """How many objects the namespace may hold. Node ports are for its load balancers alone, ten for each."""
    return {
        "pods": "100",
        "persistentvolumeclaims": "20",
        "services.loadbalancers": str(load_balancers),
        "services.nodeports": str(10 * load_balancers),
    }


class Namespace(KubernetesComponent):
    """A namespace whose pods are restricted and may talk to nothing but DNS until a network policy allows it.

    load_balancers: how many Services of type LoadBalancer the namespace may hold.
    Sources: kubernetes.io Pod Security Standards (restricted) and Network Policies (default deny).
    """

    namespace: core.v1.Namespace

    def __init__(self, name: str, *, load_balancers: int = 0, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:kubernetes:Namespace", name, name, opts)
        self.namespace = self._create_namespace()
        self._create_policy(
            "default-deny", NetworkPolicySpecArgs(pod_selector=LabelSelectorArgs(), policy_types=["Ingress", "Egress"])
        )
        self._create_policy(
            "allow-dns",
            NetworkPolicySpecArgs(pod_selector=LabelSelectorArgs(), policy_types=["Egress"], egress=[allow_dns()]),
        )
        self._create_limits(load_balancers)
        self.register_outputs({})

    def _create_namespace(self) -> core.v1.Namespace:
        security = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "audit", "warn")}
        metadata = ObjectMetaArgs(name=self._name, labels={**labels(self._name), **security})
        return core.v1.Namespace(self._name, metadata=metadata, opts=self._options())

    def _create_policy(self, name: str, spec: NetworkPolicySpecArgs) -> None:
        NetworkPolicy(f"{self._name}-{name}", metadata=self._metadata(name), spec=spec, opts=self._in_namespace())

    def _create_limits(self, load_balancers: int) -> None:
        ResourceQuota(
            f"{self._name}-objects",
            metadata=self._metadata("objects"),
            spec=ResourceQuotaSpecArgs(hard=quotas(load_balancers)),
            opts=self._in_namespace(),
        )
        defaults = LimitRangeItemArgs(type="Container", default=DEFAULT_LIMIT, default_request=DEFAULT_REQUEST)
        LimitRange(
            f"{self._name}-defaults",
            metadata=self._metadata("defaults"),
            spec=LimitRangeSpecArgs(limits=[defaults]),
            opts=self._in_namespace(),
        )

    def _in_namespace(self) -> pulumi.ResourceOptions:
        return self._options(depends_on=[self.namespace])
