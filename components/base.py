"""The one place for what every object and pod of ours has in common: labels, pod security, probes, resources."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
from pulumi_kubernetes.core.v1 import (
    CapabilitiesArgs,
    EmptyDirVolumeSourceArgs,
    ExecActionArgs,
    HTTPGetActionArgs,
    PodSecurityContextArgs,
    ProbeArgs,
    ResourceRequirementsArgs,
    SeccompProfileArgs,
    SecurityContextArgs,
    TolerationArgs,
    TopologySpreadConstraintArgs,
    VolumeArgs,
    VolumeMountArgs,
)
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

from components.settings import Resources
from components.settings.placement import NODE_GROUP_LABEL, Placement

APPLICATION = "journal"
EPHEMERAL_STORAGE, EPHEMERAL_STORAGE_LIMIT = "64Mi", "256Mi"
"""What a container writes on its node: logs, of which kubelet keeps 50 MiB, and scratch volumes."""
NON_ROOT = 65532
"""User and group of our containers; `nonroot` of distroless images."""


def selector_labels(name: str) -> dict[str, str]:
    """What finds a tier's pods: `kubectl get pods -l app.kubernetes.io/name=NAME`."""
    return {"app.kubernetes.io/name": name}


def labels(name: str) -> dict[str, str]:
    """The recommended labels (kubernetes.io, Recommended Labels) of everything that belongs to a tier."""
    return {**selector_labels(name), "app.kubernetes.io/part-of": APPLICATION, "app.kubernetes.io/managed-by": "pulumi"}


class KubernetesComponent(pulumi.ComponentResource):
    """A component whose objects live in one namespace and carry one tier's labels."""

    def __init__(self, kind: str, name: str, namespace: str, opts: pulumi.ResourceOptions | None) -> None:
        super().__init__(f"journal:{kind}", name, {}, opts)
        self._name, self._namespace = name, namespace

    def _metadata(
        self,
        name: str | None = None,
        *,
        cluster_wide: bool = False,
        annotations: Mapping[str, pulumi.Input[str]] | None = None,
    ) -> ObjectMetaArgs:
        """Name, namespace and labels; an object of a cluster-wide kind is in no namespace."""
        return ObjectMetaArgs(
            name=self._name if name is None else name,
            namespace=None if cluster_wide else self._namespace,
            labels=labels(self._name),
            annotations=annotations,
        )

    def _create_network_policy(
        self, ingress: Sequence[NetworkPolicyIngressRuleArgs], egress: Sequence[NetworkPolicyEgressRuleArgs]
    ) -> NetworkPolicy:
        """What the tier's pods may talk to, beside DNS."""
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

    def _create_disruption_budget(self) -> None:
        """One pod of the tier may be away at a time, and a pod that is broken anyhow may always go."""
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

    def _grant_everywhere(self, rules: Sequence[PolicyRuleArgs]) -> list[pulumi.Resource]:
        """Lets the tier's service account do this in the whole cluster."""
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
        """Lets the tier's service account do this in one namespace."""
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


def pod_security(user: int = NON_ROOT) -> PodSecurityContextArgs:
    """A pod's security under the `restricted` Pod Security Standard."""
    return PodSecurityContextArgs(
        run_as_non_root=True,
        run_as_user=user,
        run_as_group=user,
        fs_group=user,
        fs_group_change_policy="OnRootMismatch",
        seccomp_profile=SeccompProfileArgs(type="RuntimeDefault"),
    )


def container_security() -> SecurityContextArgs:
    """A container's security: no way up, no capability, nothing to write to but its volumes."""
    return SecurityContextArgs(
        allow_privilege_escalation=False,
        read_only_root_filesystem=True,
        capabilities=CapabilitiesArgs(drop=["ALL"]),
    )


def requirements(resources: Resources) -> ResourceRequirementsArgs:
    return ResourceRequirementsArgs(
        requests={"cpu": resources.cpu, "memory": resources.memory, "ephemeral-storage": EPHEMERAL_STORAGE},
        limits={
            "cpu": resources.cpu_limit,
            "memory": resources.memory_limit,
            "ephemeral-storage": EPHEMERAL_STORAGE_LIMIT,
        },
    )


def http_probe(path: str, port: str, *, period: int = 5, failures: int = 3) -> ProbeArgs:
    """GET `path` every `period` seconds."""
    return ProbeArgs(
        http_get=HTTPGetActionArgs(path=path, port=port),
        period_seconds=period,
        timeout_seconds=2,
        failure_threshold=failures,
    )


def exec_probe(*command: str, period: int = 5, failures: int = 3) -> ProbeArgs:
    """Run `command` in the container every `period` seconds."""
    return ProbeArgs(
        exec_=ExecActionArgs(command=list(command)),
        period_seconds=period,
        timeout_seconds=3,
        failure_threshold=failures,
    )


def spread(name: str) -> list[TopologySpreadConstraintArgs]:
    """Pods of a tier over zones and nodes, as evenly as the cluster allows."""
    return [
        TopologySpreadConstraintArgs(
            max_skew=1,
            topology_key=key,
            when_unsatisfiable="ScheduleAnyway",
            label_selector=LabelSelectorArgs(match_labels=selector_labels(name)),
            match_label_keys=["pod-template-hash"],
        )
        for key in ("topology.kubernetes.io/zone", "kubernetes.io/hostname")
    ]


def node_selector(placement: Placement) -> dict[str, str] | None:
    """The nodes of the group that a placement names."""
    return None if placement.node_group is None else {NODE_GROUP_LABEL: placement.node_group}


def tolerations(placement: Placement) -> list[TolerationArgs] | None:
    """The taints that a placement tolerates, whatever their effect."""
    return [
        TolerationArgs(key=key, operator="Exists")
        if value == ""
        else TolerationArgs(key=key, operator="Equal", value=value)
        for key, value in placement.tolerates
    ] or None


def scratch(name: str, path: str, *, size: str, in_memory: bool = False) -> tuple[VolumeArgs, VolumeMountArgs]:
    """A place to write that goes with the pod."""
    source = EmptyDirVolumeSourceArgs(size_limit=size, medium="Memory" if in_memory else None)
    return VolumeArgs(name=name, empty_dir=source), VolumeMountArgs(name=name, mount_path=path)
