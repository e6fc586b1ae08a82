"""The Cluster Autoscaler: as many nodes as pods need, within the sizes of the node groups.

Not Karpenter: its machines are nobody's in Pulumi's state, so a destroy leaves them or hangs, and a preview shows none.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.rbac.v1 import PolicyRuleArgs

from components import versions
from components.aws.eks.pod_identity import PodIdentity, PodIdentityArgs
from components.aws.identity.iam import Statement
from components.aws.scope import Scope
from components.kubernetes import (
    KubernetesComponent,
    Namespace,
    Workload,
    WorkloadArgs,
    allow_api_server,
    allow_to,
    http_probe,
    network,
)
from components.settings import Resources
from components.settings.node_groups import ADD_ONS

ENABLED = "k8s.io/cluster-autoscaler/enabled"
PORT = 8085
POD_IDENTITY_AGENT = "169.254.170.23/32"
REPLICAS = 2
"""One works, the other waits: a node that fails with the only pod on it could be the one to be replaced."""
PRIORITY = "system-cluster-critical"
"""Where nodes are full, it must still run, or there would never be another one."""
RESOURCES = Resources.model_validate({"cpu": "100m", "memory": "300Mi", "cpuLimit": "500m", "memoryLimit": "600Mi"})
LOOK = ["get", "list", "watch"]


def owned(cluster: str) -> str:
    """The tag by which autoscaling groups are a cluster's; EKS sets it, as it does ENABLED."""
    return f"k8s.io/cluster-autoscaler/{cluster}"


def status_name(name: str) -> str:
    """The ConfigMap in which it says how it is."""
    return f"{name}-status"


def permissions(scope: Scope) -> tuple[Statement, ...]:
    """What the autoscaler needs in AWS (its AWS provider's README, Permissions), on this cluster's groups alone."""
    groups = scope.arn("autoscaling", f"autoScalingGroup:*:autoScalingGroupName/eks-{scope.name}-*")
    tags = {f"aws:ResourceTag/{ENABLED}": "true", f"aws:ResourceTag/{owned(scope.name)}": "owned"}
    return (
        Statement(
            sid="Look",
            actions=[
                "autoscaling:DescribeAutoScalingGroups",
                "autoscaling:DescribeAutoScalingInstances",
                "autoscaling:DescribeScalingActivities",
                "autoscaling:DescribeTags",
                "ec2:DescribeImages",
                "ec2:DescribeInstanceTypes",
                "ec2:DescribeLaunchTemplateVersions",
            ],
            resources=["*"],
            reason="these actions know no resources (Service Authorization Reference)",
        ),
        Statement(
            sid="NodeGroups",
            actions=["eks:DescribeNodegroup"],
            resources=[scope.arn("eks", f"nodegroup/{scope.name}/*")],
        ),
        Statement(
            sid="Scale",
            actions=["autoscaling:SetDesiredCapacity", "autoscaling:TerminateInstanceInAutoScalingGroup"],
            resources=[groups],
            conditions={"StringEquals": tags},
        ),
    )


def arguments(cluster: str, namespace: str) -> list[str]:
    """The command line.

    Every pod of ours has scratch space, which keeps no node. A group without nodes is known by what EKS says of it.
    """
    return [
        "--cloud-provider=aws",
        f"--namespace={namespace}",
        f"--leader-elect-resource-name={namespace}",
        f"--status-config-map-name={status_name(namespace)}",
        f"--node-group-auto-discovery=asg:tag={ENABLED},{owned(cluster)}",
        "--balance-similar-node-groups=true",
        "--expander=least-waste",
        "--skip-nodes-with-local-storage=false",
        f"--address=:{PORT}",
        "--stderrthreshold=info",
        "--v=1",
    ]


def cluster_rules() -> list[PolicyRuleArgs]:
    """What the scheduler's simulation looks at, and what emptying a node takes (the project's chart, ClusterRole)."""
    looked_at = {
        "": ["namespaces", "persistentvolumeclaims", "persistentvolumes", "pods", "replicationcontrollers", "services"],
        "apps": ["daemonsets", "replicasets", "statefulsets"],
        "batch": ["cronjobs", "jobs"],
        "policy": ["poddisruptionbudgets"],
        "resource.k8s.io": ["deviceclasses", "resourceclaims", "resourceslices"],
        "storage.k8s.io": ["csidrivers", "csinodes", "csistoragecapacities", "storageclasses", "volumeattachments"],
    }
    return [
        *(PolicyRuleArgs(api_groups=[group], resources=kinds, verbs=LOOK) for group, kinds in looked_at.items()),
        PolicyRuleArgs(api_groups=[""], resources=["nodes"], verbs=[*LOOK, "update"]),
        PolicyRuleArgs(api_groups=[""], resources=["pods/eviction"], verbs=["create"]),
        PolicyRuleArgs(api_groups=[""], resources=["pods/status"], verbs=["update"]),
        PolicyRuleArgs(api_groups=[""], resources=["events"], verbs=["create", "patch"]),
    ]


def own_rules(name: str) -> list[PolicyRuleArgs]:
    """In its own namespace: the lease by which one leads, and its status."""
    leases, status = ["leases"], ["configmaps"]
    return [
        PolicyRuleArgs(api_groups=["coordination.k8s.io"], resources=leases, verbs=["create"]),
        PolicyRuleArgs(
            api_groups=["coordination.k8s.io"], resources=leases, resource_names=[name], verbs=["get", "update"]
        ),
        PolicyRuleArgs(api_groups=[""], resources=status, verbs=["create"]),
        PolicyRuleArgs(
            api_groups=[""], resources=status, resource_names=[status_name(name)], verbs=["get", "update", "delete"]
        ),
    ]


@dataclass(kw_only=True)
class ClusterAutoscalerArgs:
    """What the autoscaler needs to be told. version: of Kubernetes, "1.36"."""

    scope: Scope
    cluster_name: pulumi.Input[str]
    version: str


class ClusterAutoscaler(KubernetesComponent):
    """The autoscaler in the namespace `name`, on the system nodes, with a role by Pod Identity.

    It changes the desired size of autoscaling groups that Pulumi's node groups own, and makes nothing else in AWS.
    """

    workload: Workload

    def __init__(self, name: str, args: ClusterAutoscalerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:aws:ClusterAutoscaler", name, name, opts)
        self._args = args
        home = Namespace(name, opts=self._options())
        rights = [*self._grant_cluster_wide(cluster_rules()), *self._grant_in(name, own_rules(name), depends_on=[home])]
        self.workload = self._create_workload([home, *rights, self._create_identity()])
        self.register_outputs({})

    def _create_identity(self) -> pulumi.Resource:
        return PodIdentity(
            self._name,
            PodIdentityArgs(
                scope=self._args.scope,
                cluster_name=self._args.cluster_name,
                namespace=self._namespace,
                service_account=self._name,
                statements=permissions(self._args.scope),
            ),
            opts=self._options(),
        )

    def _create_workload(self, depends_on: Sequence[pulumi.Resource]) -> Workload:
        args, probe = self._args, http_probe("/health-check", "http", period=10)
        return Workload(
            self._name,
            WorkloadArgs(
                namespace=self._namespace,
                image=versions.CLUSTER_AUTOSCALER_IMAGES[args.version],
                replicas=REPLICAS,
                resources=RESOURCES,
                ports={"http": PORT},
                liveness=probe,
                readiness=probe,
                command=["/cluster-autoscaler"],
                arguments=arguments(args.scope.name, self._namespace),
                environment={"AWS_REGION": args.scope.region},
                token=True,
                placement=ADD_ONS,
                priority_class=PRIORITY,
                # AWS answers on the API server's port, 443.
                egress=[allow_api_server(), allow_to([network(POD_IDENTITY_AGENT)], 80)],
            ),
            opts=self._options(depends_on=list(depends_on)),
        )
