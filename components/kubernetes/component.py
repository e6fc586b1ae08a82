"""The base of every component that places objects in a namespace: names, labels, policies, budgets and rights."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
from pulumi_kubernetes.core.v1 import ConfigMap, Service, ServicePortArgs, ServiceSpecArgs
from pulumi_kubernetes.meta.v1 import LabelSelectorArgs, ObjectMetaArgs
from pulumi_kubernetes.networking.v1 import (
    NetworkPolicy,
    NetworkPolicyEgressRuleArgs,
    NetworkPolicyIngressRuleArgs,
    NetworkPolicySpecArgs,
)
from pulumi_kubernetes.policy.v1 import PodDisruptionBudget, PodDisruptionBudgetSpecArgs
from pulumi_kubernetes.rbac.v1 import (
    ClusterRole,
    ClusterRoleBinding,
    PolicyRuleArgs,
    Role,
    RoleBinding,
    RoleRefArgs,
    SubjectArgs,
)

from components.settings import is_secret

SKIP_AWAIT = {"pulumi.com/skipAwait": "true"}
"""Lets Pulumi go on once a Service or an Ingress is created. Its Kubernetes provider otherwise waits for ready pods
and then for ten seconds; the Deployments and StatefulSets behind them are waited for anyway. Claims too: the first pod
that mounts one comes later, and of a class that waits for it a claim that is bound already is never ready."""


def selector_labels(name: str) -> dict[str, str]:
    """Labels that select a tier's pods: `kubectl get pods -l app.kubernetes.io/name=NAME`."""
    return {"app.kubernetes.io/name": name}


def component_labels(name: str) -> dict[str, str]:
    """Labels that select a tier's pods of every version: `kubectl get pods -l app.kubernetes.io/component=NAME`."""
    return {"app.kubernetes.io/component": name}


def labels(name: str) -> dict[str, str]:
    """The recommended labels of a tier's objects; `part-of` is the name of the Pulumi project.

    Source: kubernetes.io, Recommended Labels.
    """
    return {
        **selector_labels(name),
        "app.kubernetes.io/part-of": pulumi.get_project(),
        "app.kubernetes.io/managed-by": "pulumi",
    }


def content_hash(data: Mapping[str, str]) -> str:
    """Eight hex digits that stand for the content of a ConfigMap, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:8]


class KubernetesComponent(pulumi.ComponentResource):
    """A component whose objects live in one namespace and carry one tier's labels.

    token: the component's type, `package:module:Class`. name: the tier's name; its objects are named after it.
    namespace: the namespace of its objects; "" where all of them are cluster-wide.
    """

    def __init__(self, token: str, name: str, namespace: str, opts: pulumi.ResourceOptions | None) -> None:
        super().__init__(token, name, {}, opts)
        self._name, self._namespace = name, namespace

    def _metadata(
        self,
        name: str | None = None,
        *,
        cluster_wide: bool = False,
        annotations: Mapping[str, pulumi.Input[str]] | None = None,
    ) -> ObjectMetaArgs:
        """Name, namespace and labels of an object; objects of cluster-wide kinds have no namespace."""
        return ObjectMetaArgs(
            name=self._name if name is None else name,
            namespace=None if cluster_wide else self._namespace,
            labels=labels(self._name),
            annotations=annotations,
        )

    def _create_config_map(
        self,
        prefix: str,
        data: Mapping[str, str],
        *,
        name: str | None = None,
        depends_on: Sequence[pulumi.Resource] = (),
    ) -> ConfigMap:
        """An immutable ConfigMap named `<prefix>-<hash of its content>`.

        Other content is another resource with another name, so it never changes under the pods that use it: they roll
        by the name. Pulumi creates it before the rollout, and deletes what is no longer declared at the end of an
        update that succeeded. data: what the configuration keeps encrypted stays secret in Pulumi's state. name: the
        resource's own name before the hash; by default the prefix.
        Source: kubernetes.io, Immutable ConfigMaps.
        """
        hashed = content_hash(data)
        return ConfigMap(
            f"{prefix if name is None else name}-{hashed}",
            metadata=self._metadata(f"{prefix}-{hashed}"),
            immutable=True,
            data={key: pulumi.Output.secret(str(text)) if is_secret(text) else text for key, text in data.items()},
            opts=self._options(depends_on=list(depends_on)),
        )

    def _create_network_policy(
        self, ingress: Sequence[NetworkPolicyIngressRuleArgs], egress: Sequence[NetworkPolicyEgressRuleArgs]
    ) -> NetworkPolicy:
        """Allows these connections from and to the tier's pods, and no others but DNS."""
        return NetworkPolicy(
            self._name,
            metadata=self._metadata(),
            spec=NetworkPolicySpecArgs(
                pod_selector=LabelSelectorArgs(match_labels=selector_labels(self._name)),
                policy_types=["Ingress", "Egress"],
                ingress=list(ingress),
                egress=list(egress),
            ),
            opts=self._options(),
        )

    def _create_service(
        self,
        ports: Mapping[str, int],
        depends_on: Sequence[pulumi.Resource] = (),
        *,
        name: str | None = None,
        selector: Mapping[str, str] | None = None,
        annotations: Mapping[str, str] | None = None,
        session_affinity: str | None = None,
        headless: bool = False,
    ) -> Service:
        """A ClusterIP Service in front of the tier's pods; each port leads to the container port of the same name.

        name: by default the tier's. selector: labels of the pods, by default the tier's own. annotations: further ones.
        headless: its name leads to each pod's address, also while a pod starts or stops.
        """
        return Service(
            self._name if name is None else name,
            metadata=self._metadata(name, annotations={**SKIP_AWAIT, **(annotations or {})}),
            spec=ServiceSpecArgs(
                cluster_ip="None" if headless else None,
                publish_not_ready_addresses=True if headless else None,
                selector=selector_labels(self._name) if selector is None else selector,
                session_affinity=session_affinity,
                ports=[ServicePortArgs(name=name, port=port, target_port=name) for name, port in ports.items()],
            ),
            opts=self._options(depends_on=list(depends_on)),
        )

    def _create_disruption_budget(self) -> None:
        """Allows evictions of one pod of the tier at a time; a pod that is not ready may always be evicted."""
        PodDisruptionBudget(
            self._name,
            metadata=self._metadata(),
            spec=PodDisruptionBudgetSpecArgs(
                max_unavailable=1,
                unhealthy_pod_eviction_policy="AlwaysAllow",
                selector=LabelSelectorArgs(match_labels=selector_labels(self._name)),
            ),
            opts=self._options(),
        )

    def _grant_cluster_wide(self, rules: Sequence[PolicyRuleArgs]) -> list[pulumi.Resource]:
        """Grants the tier's service account these rights in the whole cluster."""
        metadata, name = self._metadata(cluster_wide=True), self._name
        role = RoleRefArgs(api_group="rbac.authorization.k8s.io", kind="ClusterRole", name=name)
        return [
            ClusterRole(name, metadata=metadata, rules=list(rules), opts=self._options()),
            ClusterRoleBinding(
                name, metadata=metadata, role_ref=role, subjects=[self._subject()], opts=self._options()
            ),
        ]

    def _grant_in(
        self, namespace: str, rules: Sequence[PolicyRuleArgs], depends_on: Sequence[pulumi.Resource] = ()
    ) -> list[pulumi.Resource]:
        """Grants the tier's service account these rights in one namespace."""
        metadata, name = self._metadata(), f"{self._name}-in-{namespace}"
        metadata.namespace = namespace
        role = RoleRefArgs(api_group="rbac.authorization.k8s.io", kind="Role", name=self._name)
        opts = self._options(depends_on=list(depends_on))
        return [
            Role(name, metadata=metadata, rules=list(rules), opts=opts),
            RoleBinding(name, metadata=metadata, role_ref=role, subjects=[self._subject()], opts=opts),
        ]

    def _subject(self) -> SubjectArgs:
        return SubjectArgs(kind="ServiceAccount", name=self._name, namespace=self._namespace)

    def _options(self, **options: Any) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, **options)
