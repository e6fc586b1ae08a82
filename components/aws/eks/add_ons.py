"""EKS add-ons: which ones a cluster has, their versions, configuration and IAM roles.

The TypedDicts are the parts in use of the add-ons' JSON schemas (`aws eks describe-addon-configuration`).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NotRequired, TypedDict

import pulumi
import pulumi_aws as aws

from components import versions
from components.aws.eks.pod_identity import PodIdentityArgs
from components.aws.scope import Scope
from components.settings.node_groups import CRITICAL_ADDONS

ADD_ONS_NAMESPACE = "kube-system"
"""The namespace of all EKS add-ons that are used here."""
TIMEOUTS = pulumi.CustomTimeouts(create="20m", update="20m", delete="20m")
"""How long Pulumi waits for EKS. The AWS provider's limits, but for the deletion, for which it waits twice as long."""
COREDNS_MAX_REPLICAS = 10


class Toleration(TypedDict):
    """A toleration of a Kubernetes pod. Without `key`, it tolerates every taint."""

    key: NotRequired[str]
    operator: str


class Tolerations(TypedDict):
    """Configuration of add-ons of which only the tolerations are set."""

    tolerations: list[Toleration]


class MatchLabels(TypedDict):
    """A Kubernetes label selector."""

    matchLabels: dict[str, str]


class TopologySpreadConstraint(TypedDict):
    """A Kubernetes topology spread constraint."""

    maxSkew: int
    topologyKey: str
    whenUnsatisfiable: str
    labelSelector: MatchLabels


class CoreDnsAutoScaling(TypedDict):
    """Replicas of CoreDNS, which EKS scales with the nodes and CPU cores of the cluster (EKS guide, Scale CoreDNS)."""

    enabled: bool
    minReplicas: int
    maxReplicas: int


class CoreDnsDisruptionBudget(TypedDict):
    """The PodDisruptionBudget of CoreDNS."""

    enabled: bool
    maxUnavailable: int


class CoreDns(Tolerations):
    """Configuration of coredns."""

    autoScaling: CoreDnsAutoScaling
    podDisruptionBudget: CoreDnsDisruptionBudget
    topologySpreadConstraints: list[TopologySpreadConstraint]


class VpcCni(TypedDict):
    """Configuration of vpc-cni. The schema wants strings: "true", "1".

    enableNetworkPolicy: whether the CNI enforces NetworkPolicy objects.
    env: environment variables of the DaemonSet `aws-node`.
    """

    enableNetworkPolicy: str
    env: dict[str, str]


class Enabled(TypedDict):
    """An optional part of an add-on."""

    enabled: bool


class ForceEnabled(TypedDict):
    """A part that an add-on leaves out unless it detects that the cluster supports it, or `forceEnable` is set."""

    forceEnable: bool


class EbsController(TypedDict):
    """The Deployment of aws-ebs-csi-driver, which calls the AWS API.

    extraVolumeTags: tags of each EBS volume that the driver creates.
    """

    extraVolumeTags: dict[str, str]


class EbsNode(TypedDict):
    """The DaemonSet of aws-ebs-csi-driver, which mounts volumes."""

    tolerateAllTaints: bool


class EbsSidecars(TypedDict):
    """Sidecar containers of the controller of aws-ebs-csi-driver. snapshotter: csi-snapshotter, for VolumeSnapshots."""

    snapshotter: ForceEnabled


class EbsCsiDriver(TypedDict):
    """Configuration of aws-ebs-csi-driver."""

    sidecars: EbsSidecars
    controller: EbsController
    node: EbsNode
    defaultStorageClass: Enabled


class NodeMonitoring(TypedDict):
    """Configuration of eks-node-monitoring-agent."""

    nodeAgent: Tolerations


Configuration = CoreDns | VpcCni | EbsCsiDriver | NodeMonitoring | Tolerations


@dataclass(frozen=True, kw_only=True)
class AddOnRole:
    """The IAM role of an add-on's pods, by EKS Pod Identity.

    service_account: the service account of the pods; the add-on creates it.
    managed_policy: name of the AWS managed policy that the role has, "AmazonEKS_CNI_Policy".
    """

    service_account: str
    managed_policy: str


@dataclass(frozen=True, kw_only=True)
class AddOn:
    """An EKS add-on.

    name: the add-on's name in the EKS API, "vpc-cni".
    configuration: without one, the add-on has EKS's defaults.
    role: the IAM role of its pods; None if they do not call the AWS API.
    """

    name: str
    configuration: Configuration | None = None
    role: AddOnRole | None = None


TOLERATE_CRITICAL_ADD_ONS: list[Toleration] = [{"key": CRITICAL_ADDONS, "operator": "Exists"}]
TOLERATE_ALL_TAINTS: list[Toleration] = [{"operator": "Exists"}]


def node_add_ons() -> tuple[AddOn, ...]:
    """The add-ons that must be installed before the first node, which is not ready without a CNI (EKS guide, VPC CNI).

    They are DaemonSets that tolerate all taints. The CNI assigns prefixes of 16 addresses to nodes and keeps one prefix
    in reserve (EKS guide, Increase the available IP addresses).
    """
    prefixes = {"ENABLE_PREFIX_DELEGATION": "true", "WARM_PREFIX_TARGET": "1"}
    return (
        AddOn(
            name="vpc-cni",
            configuration=VpcCni(enableNetworkPolicy="true", env=prefixes),
            role=AddOnRole(service_account="aws-node", managed_policy="AmazonEKS_CNI_Policy"),
        ),
        AddOn(name="eks-pod-identity-agent"),
        AddOn(name="kube-proxy"),
    )


def cluster_add_ons(zones: int, volume_tags: Mapping[str, str]) -> tuple[AddOn, ...]:
    """The add-ons that need nodes to become active.

    zones: number of availability zones; CoreDNS has at least as many replicas.
    volume_tags: tags of each EBS volume that is created for a PersistentVolumeClaim.

    The policy of the EBS CSI driver limits it to volumes and instances with this cluster's tags. Its snapshotter is
    force-enabled, because the driver leaves it out if it is installed before snapshot-controller.
    """
    dns_pods = MatchLabels(matchLabels={"k8s-app": "kube-dns"})
    return (
        AddOn(
            name="coredns",
            configuration=CoreDns(
                autoScaling=CoreDnsAutoScaling(enabled=True, minReplicas=zones, maxReplicas=COREDNS_MAX_REPLICAS),
                podDisruptionBudget=CoreDnsDisruptionBudget(enabled=True, maxUnavailable=1),
                topologySpreadConstraints=[
                    TopologySpreadConstraint(
                        maxSkew=1, topologyKey=key, whenUnsatisfiable="ScheduleAnyway", labelSelector=dns_pods
                    )
                    for key in ("topology.kubernetes.io/zone", "kubernetes.io/hostname")
                ],
                tolerations=TOLERATE_CRITICAL_ADD_ONS,
            ),
        ),
        AddOn(name="snapshot-controller", configuration=Tolerations(tolerations=TOLERATE_CRITICAL_ADD_ONS)),
        AddOn(
            name="aws-ebs-csi-driver",
            configuration=EbsCsiDriver(
                sidecars=EbsSidecars(snapshotter=ForceEnabled(forceEnable=True)),
                controller=EbsController(extraVolumeTags=dict(volume_tags)),
                node=EbsNode(tolerateAllTaints=True),
                defaultStorageClass=Enabled(enabled=False),
            ),
            role=AddOnRole(
                service_account="ebs-csi-controller-sa", managed_policy="AmazonEBSCSIDriverEKSClusterScopedPolicy"
            ),
        ),
        AddOn(name="metrics-server", configuration=Tolerations(tolerations=TOLERATE_CRITICAL_ADD_ONS)),
        AddOn(
            name="eks-node-monitoring-agent",
            configuration=NodeMonitoring(nodeAgent=Tolerations(tolerations=TOLERATE_ALL_TAINTS)),
        ),
    )


def add_on_identities(
    add_ons: Sequence[AddOn], scope: Scope, cluster_name: pulumi.Input[str]
) -> dict[str, PodIdentityArgs]:
    """The roles of those add-ons that call the AWS API, by the add-on's name, for PodIdentity.

    An add-on could name its association itself, but then EKS makes it only when it starts the add-on's pods.
    """
    return {
        add_on.name: PodIdentityArgs(
            scope=scope,
            cluster_name=cluster_name,
            namespace=ADD_ONS_NAMESPACE,
            service_account=add_on.role.service_account,
            managed_policies=[add_on.role.managed_policy],
        )
        for add_on in add_ons
        if add_on.role is not None
    }


def pinned_version(add_on: AddOn, kubernetes: str) -> str:
    """The add-on's version for a Kubernetes version such as "1.36". Raises ValueError if none is pinned."""
    pinned = versions.ADD_ONS.get(kubernetes, {})
    if add_on.name not in pinned:
        raise ValueError(
            f"add-on {add_on.name} has no version pinned for Kubernetes {kubernetes}; add it to ADD_ONS in "
            "components/versions.py"
        )
    return pinned[add_on.name]


@dataclass(kw_only=True)
class AddOnsArgs:
    """Arguments of AddOns.

    scope: account, region and name prefix.
    cluster_name: the EKS cluster.
    version: Kubernetes version, "1.36"; selects the versions of the add-ons.
    add_ons: the add-ons to install.
    """

    scope: Scope
    cluster_name: pulumi.Input[str]
    version: str
    add_ons: Sequence[AddOn]


class AddOns(pulumi.ComponentResource):
    """EKS add-ons. The associations of their pods with IAM roles are made before them; see `add_on_identities`.

    Conflicting fields of existing objects are overwritten, and an add-on that is removed takes its objects with it.
    by_name: the add-ons by name.
    """

    by_name: Mapping[str, pulumi.Resource]

    def __init__(self, name: str, args: AddOnsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:aws/eks:AddOns", name, {}, opts)
        self._args = args
        self.by_name = {add_on.name: self._create_add_on(add_on) for add_on in args.add_ons}
        self.register_outputs({})

    def _create_add_on(self, add_on: AddOn) -> aws.eks.Addon:
        configuration = add_on.configuration
        return aws.eks.Addon(
            add_on.name,
            addon_name=add_on.name,
            addon_version=pinned_version(add_on, self._args.version),
            cluster_name=self._args.cluster_name,
            configuration_values=None if configuration is None else json.dumps(configuration, sort_keys=True),
            resolve_conflicts_on_create="OVERWRITE",
            resolve_conflicts_on_update="OVERWRITE",
            preserve=False,
            opts=pulumi.ResourceOptions(parent=self, custom_timeouts=TIMEOUTS),
        )
