"""The Cluster Autoscaler: adds nodes when pods are pending, within the sizes of the node groups.

It is preferred to Karpenter, whose instances are not in Pulumi's state: a preview would not show them, and a destroy
would leave them behind or hang.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.rbac.v1 import PolicyRuleArgs

from components import versions
from components.aws.eks.pod_identity import PodIdentityArgs
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

ENABLED_TAG = "k8s.io/cluster-autoscaler/enabled"
PORT = 8085
POD_IDENTITY_AGENT = "169.254.170.23/32"
"""Link-local address of the EKS Pod Identity Agent on each node (EKS guide, EKS Pod Identity considerations)."""
REPLICAS = 2
"""A leader and a standby, so that the failure of one node does not stop the autoscaler."""
PRIORITY = "system-cluster-critical"
"""The autoscaler must be scheduled even when all nodes are full, because only it can add one."""
RESOURCES = Resources.model_validate({"cpu": "100m", "memory": "300Mi", "cpuLimit": "500m", "memoryLimit": "600Mi"})
PART_LABELS = (
    "eks.amazonaws.com/sourceLaunchTemplateId",
    "eks.amazonaws.com/sourceLaunchTemplateVersion",
    "topology.k8s.aws/zone-id",
    "node.kubernetes.io/instance-type",
    "beta.kubernetes.io/instance-type",
)
"""Labels that differ between the parts of a node group with one part a zone, and that the autoscaler compares.

It balances groups that are alike in all labels but these and some that it knows, such as the zone's name (its
compare_nodegroups.go and aws_nodegroups.go; amazon-eks-user-guide, issue 411). The type differs with Spot, where EC2
chooses one of several; `journal/node-group` keeps other groups apart.
"""
READ_VERBS = ["get", "list", "watch"]


def cluster_tag(cluster: str) -> str:
    """The tag that assigns an autoscaling group to a cluster. EKS sets it and ENABLED_TAG for managed node groups."""
    return f"k8s.io/cluster-autoscaler/{cluster}"


def status_config_map(name: str) -> str:
    """The name of the ConfigMap to which the autoscaler writes its status."""
    return f"{name}-status"


def iam_statements(scope: Scope) -> tuple[Statement, ...]:
    """Reads node groups and sets the size of this cluster's (Cluster Autoscaler on AWS README, Permissions)."""
    groups = scope.arn("autoscaling", f"autoScalingGroup:*:autoScalingGroupName/eks-{scope.name}-*")
    tags = {f"aws:ResourceTag/{ENABLED_TAG}": "true", f"aws:ResourceTag/{cluster_tag(scope.name)}": "owned"}
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
            reason="these actions support no resource-level permissions (Service Authorization Reference)",
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
    """The command line arguments of the autoscaler.

    `skip-nodes-with-local-storage=false`: otherwise a pod with an emptyDir volume would keep its node from being
    removed, and every pod of the journal has one. Labels and taints of a group without nodes come from
    eks:DescribeNodegroup.
    """
    return [
        "--cloud-provider=aws",
        f"--namespace={namespace}",
        f"--leader-elect-resource-name={namespace}",
        f"--status-config-map-name={status_config_map(namespace)}",
        f"--node-group-auto-discovery=asg:tag={ENABLED_TAG},{cluster_tag(cluster)}",
        "--balance-similar-node-groups=true",
        *(f"--balancing-ignore-label={label}" for label in PART_LABELS),
        "--expander=least-waste",
        "--skip-nodes-with-local-storage=false",
        f"--address=:{PORT}",
        "--stderrthreshold=info",
        "--v=1",
    ]


def cluster_role_rules() -> list[PolicyRuleArgs]:
    """Lets it read what the scheduler considers, and drain nodes (ClusterRole of the chart cluster-autoscaler)."""
    readable = {
        "": ["namespaces", "persistentvolumeclaims", "persistentvolumes", "pods", "replicationcontrollers", "services"],
        "apps": ["daemonsets", "replicasets", "statefulsets"],
        "batch": ["cronjobs", "jobs"],
        "policy": ["poddisruptionbudgets"],
        "resource.k8s.io": ["deviceclasses", "resourceclaims", "resourceslices"],
        "storage.k8s.io": ["csidrivers", "csinodes", "csistoragecapacities", "storageclasses", "volumeattachments"],
    }
    return [
        *(PolicyRuleArgs(api_groups=[group], resources=kinds, verbs=READ_VERBS) for group, kinds in readable.items()),
        PolicyRuleArgs(api_groups=[""], resources=["nodes"], verbs=[*READ_VERBS, "update"]),
        PolicyRuleArgs(api_groups=[""], resources=["pods/eviction"], verbs=["create"]),
        PolicyRuleArgs(api_groups=[""], resources=["pods/status"], verbs=["update"]),
        PolicyRuleArgs(api_groups=[""], resources=["events"], verbs=["create", "patch"]),
    ]


def role_rules(name: str) -> list[PolicyRuleArgs]:
    """Lets it use, in its own namespace, the lease for leader election and the ConfigMap with its status."""
    leases, status = ["leases"], ["configmaps"]
    return [
        PolicyRuleArgs(api_groups=["coordination.k8s.io"], resources=leases, verbs=["create"]),
        PolicyRuleArgs(
            api_groups=["coordination.k8s.io"], resources=leases, resource_names=[name], verbs=["get", "update"]
        ),
        PolicyRuleArgs(api_groups=[""], resources=status, verbs=["create"]),
        PolicyRuleArgs(
            api_groups=[""],
            resources=status,
            resource_names=[status_config_map(name)],
            verbs=["get", "update", "delete"],
        ),
    ]


def autoscaler_identity(name: str, scope: Scope, cluster_name: pulumi.Input[str]) -> PodIdentityArgs:
    """The role of the pods of the ClusterAutoscaler called `name`, for PodIdentity."""
    return PodIdentityArgs(
        scope=scope,
        cluster_name=cluster_name,
        namespace=name,
        service_account=name,
        statements=iam_statements(scope),
    )


@dataclass(kw_only=True)
class ClusterAutoscalerArgs:
    """Arguments of ClusterAutoscaler.

    scope: account, region and name prefix.
    version: Kubernetes version, "1.36"; selects the autoscaler's image.
    """

    scope: Scope
    version: str


class ClusterAutoscaler(KubernetesComponent):
    """The Cluster Autoscaler in a namespace called `name`, on the system nodes.

    Its IAM role, by EKS Pod Identity, may change the desired size of the cluster's node groups and nothing else. The
    role is made before the nodes; see `autoscaler_identity`.
    workload: its Deployment and what belongs to it.
    """

    workload: Workload

    def __init__(self, name: str, args: ClusterAutoscalerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:aws/eks:ClusterAutoscaler", name, name, opts)
        self._args = args
        namespace = Namespace(name, opts=self._options())
        rbac = [
            *self._grant_cluster_wide(cluster_role_rules()),
            *self._grant_in(name, role_rules(name), depends_on=[namespace]),
        ]
        self.workload = self._create_workload([namespace, *rbac])
        self.register_outputs({})

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
                # The API server's rule allows port 443, which the AWS APIs use as well.
                egress=[allow_api_server(), allow_to([network(POD_IDENTITY_AGENT)], 80)],
            ),
            opts=self._options(depends_on=list(depends_on)),
        )
