"""People: what viewers and operators may do in the cluster, by the groups that they are in.

An access entry names the group in EKS, a client certificate on one machine. Administrators are in no group: their
rights must outlive every object here (EKS' access policy for administrators, kubeadm's certificate).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.admissionregistration.v1 import (
    MatchConditionArgs,
    MatchResourcesArgs,
    NamedRuleWithOperationsArgs,
    ValidatingAdmissionPolicy,
    ValidatingAdmissionPolicyBinding,
    ValidatingAdmissionPolicyBindingSpecArgs,
    ValidatingAdmissionPolicySpecArgs,
    ValidationArgs,
)
from pulumi_kubernetes.rbac.v1 import (
    ClusterRole,
    ClusterRoleBinding,
    PolicyRuleArgs,
    RoleBinding,
    RoleRefArgs,
    SubjectArgs,
)

from components.kubernetes.component import KubernetesComponent

VIEWERS, OPERATORS = "stack-viewers", "stack-operators"
"""The groups. An operator has a viewer's rights too."""
VIEWER, VIEWER_OF_CLUSTER, OPERATOR = "stack-viewer", "stack-viewer-of-cluster", "stack-operator"
"""The ClusterRoles: the first is bound in each namespace, the second everywhere, the third in the application's."""
RBAC = "rbac.authorization.k8s.io"

IN_NAMESPACES = {
    "": (
        "configmaps",
        "endpoints",
        "events",
        "limitranges",
        "persistentvolumeclaims",
        "pods",
        "pods/log",
        "resourcequotas",
        "serviceaccounts",
        "services",
    ),
    "acme.cert-manager.io": ("challenges", "orders"),
    "apps": ("controllerrevisions", "daemonsets", "deployments", "replicasets", "statefulsets"),
    "argoproj.io": ("cronworkflows", "workflows", "workflowtemplates"),
    "autoscaling": ("horizontalpodautoscalers",),
    "batch": ("cronjobs", "jobs"),
    "cert-manager.io": ("certificaterequests", "certificates", "issuers"),
    "coordination.k8s.io": ("leases",),
    "discovery.k8s.io": ("endpointslices",),
    "events.k8s.io": ("events",),
    "metrics.k8s.io": ("pods",),
    "networking.k8s.io": ("ingresses", "networkpolicies"),
    "policy": ("poddisruptionbudgets",),
    RBAC: ("rolebindings", "roles"),
}
"""What viewers read in the program's namespaces, by API group. Kubernetes' own role `view` grows with each chart that
labels a role for it (kubernetes.io, Aggregated ClusterRoles), so this is a list."""
CLUSTER_WIDE = {
    "": ("namespaces", "nodes", "persistentvolumes"),
    "admissionregistration.k8s.io": (
        "validatingadmissionpolicies",
        "validatingadmissionpolicybindings",
        "validatingwebhookconfigurations",
    ),
    "apiextensions.k8s.io": ("customresourcedefinitions",),
    "cert-manager.io": ("clusterissuers",),
    "metrics.k8s.io": ("nodes",),
    "networking.k8s.io": ("ingressclasses",),
    RBAC: ("clusterrolebindings", "clusterroles"),
    "scheduling.k8s.io": ("priorityclasses",),
    "storage.k8s.io": ("csinodes", "storageclasses", "volumeattachments"),
}
"""What viewers read that is in no namespace. `nodes/proxy` is not in it: it runs commands in every pod."""
CHANGES = [
    PolicyRuleArgs(api_groups=[""], resources=["pods"], verbs=["delete"]),
    PolicyRuleArgs(api_groups=[""], resources=["pods/eviction"], verbs=["create"]),
    PolicyRuleArgs(api_groups=[""], resources=["pods/portforward"], verbs=["create", "get"]),
    PolicyRuleArgs(api_groups=["apps"], resources=["deployments"], verbs=["patch"]),
    PolicyRuleArgs(api_groups=["apps"], resources=["deployments/scale"], verbs=["get", "patch", "update"]),
]
"""What operators do beyond reading. No `pods/exec`: in a pod its Secrets are files. No new pods, Jobs or templates: a
pod mounts any Secret of its namespace (kubernetes.io, RBAC Good Practices)."""
RESTARTS = "operators-change-no-template"
SAME_TEMPLATE = (
    "object.spec.template.spec == oldObject.spec.template.spec"
    " && object.spec.template.metadata.labels == oldObject.spec.template.metadata.labels"
)


def reads(resources: dict[str, tuple[str, ...]]) -> list[PolicyRuleArgs]:
    """The rules that read these resources, given by API group."""
    verbs = ["get", "list", "watch"]
    return [
        PolicyRuleArgs(api_groups=[group], resources=list(kinds), verbs=verbs) for group, kinds in resources.items()
    ]


def groups(*names: str) -> Sequence[SubjectArgs]:
    return [SubjectArgs(api_group=RBAC, kind="Group", name=name) for name in names]


def cluster_role(name: str) -> RoleRefArgs:
    return RoleRefArgs(api_group=RBAC, kind="ClusterRole", name=name)


@dataclass(kw_only=True)
class PeopleArgs:
    """application: the namespace in which operators restart, scale and delete."""

    application: str


class People(KubernetesComponent):
    """The roles of viewers and operators, and what binds them; each Namespace binds the viewers' in itself.

    `kubectl rollout restart` is a patch of a Deployment, and a patched template could print any Secret: an admission
    policy leaves operators the restart, and refuses them another template.
    """

    def __init__(self, name: str, args: PeopleArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:kubernetes:People", name, "", opts)
        self._create_role(VIEWER, reads(IN_NAMESPACES))
        everywhere = self._create_role(VIEWER_OF_CLUSTER, reads(CLUSTER_WIDE))
        operator = self._create_role(OPERATOR, CHANGES)
        ClusterRoleBinding(
            VIEWERS,
            metadata=self._metadata(VIEWERS, cluster_wide=True),
            role_ref=cluster_role(VIEWER_OF_CLUSTER),
            subjects=groups(VIEWERS, OPERATORS),
            opts=self._options(depends_on=[everywhere]),
        )
        metadata = self._metadata("operators")
        metadata.namespace = args.application
        RoleBinding(
            OPERATORS,
            metadata=metadata,
            role_ref=cluster_role(OPERATOR),
            subjects=groups(OPERATORS),
            opts=self._options(depends_on=[operator, self._restrict_restarts()]),
        )
        self.register_outputs({})

    def _create_role(self, name: str, rules: Sequence[PolicyRuleArgs]) -> ClusterRole:
        metadata = self._metadata(name, cluster_wide=True)
        return ClusterRole(name, metadata=metadata, rules=list(rules), opts=self._options())

    def _restrict_restarts(self) -> ValidatingAdmissionPolicyBinding:
        """Operators change no pod's template but its annotations, one of which restarts the pods."""
        deployments = NamedRuleWithOperationsArgs(
            api_groups=["apps"], api_versions=["v1"], operations=["UPDATE"], resources=["deployments"]
        )
        policy = ValidatingAdmissionPolicy(
            RESTARTS,
            metadata=self._metadata(RESTARTS, cluster_wide=True),
            spec=ValidatingAdmissionPolicySpecArgs(
                failure_policy="Fail",
                match_constraints=MatchResourcesArgs(resource_rules=[deployments]),
                match_conditions=[
                    MatchConditionArgs(name="operators", expression=f"'{OPERATORS}' in request.userInfo.groups")
                ],
                validations=[
                    ValidationArgs(
                        expression=SAME_TEMPLATE,
                        message="Operators restart, pause and scale; another template is a release of the stack's file",
                        reason="Forbidden",
                    )
                ],
            ),
            opts=self._options(),
        )
        return ValidatingAdmissionPolicyBinding(
            RESTARTS,
            metadata=self._metadata(RESTARTS, cluster_wide=True),
            spec=ValidatingAdmissionPolicyBindingSpecArgs(policy_name=RESTARTS, validation_actions=["Deny"]),
            opts=self._options(depends_on=[policy]),
        )
