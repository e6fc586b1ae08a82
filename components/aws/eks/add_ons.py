"""EKS add-ons: which come before nodes and which after, how each is configured, and what each may do in AWS."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components import versions
from components.aws.eks.add_on_configuration import (
    AutoScaling,
    Budget,
    Configuration,
    CoreDns,
    EbsController,
    EbsCsiDriver,
    EbsNode,
    EbsSidecars,
    Forced,
    MatchLabels,
    NodeMonitoring,
    Spread,
    Switch,
    Toleration,
    Tolerations,
    VpcCni,
)
from components.aws.eks.pod_identity import role_for_pods
from components.aws.identity.iam import Role
from components.aws.scope import Scope
from components.settings.node_groups import CRITICAL_ADDONS

COREDNS_MAX = 10


@dataclass(frozen=True, kw_only=True)
class Identity:
    """What an add-on's pods may do in AWS: a policy that AWS keeps, for the pods of a service account."""

    service_account: str
    policy: str


@dataclass(frozen=True, kw_only=True)
class AddOn:
    """An add-on. configuration: valid by the schema that `aws eks describe-addon-configuration` prints."""

    name: str
    configuration: Configuration | None = None
    identity: Identity | None = None


CRITICAL: list[Toleration] = [{"key": CRITICAL_ADDONS, "operator": "Exists"}]
EVERYWHERE: list[Toleration] = [{"operator": "Exists"}]


def before_nodes() -> tuple[AddOn, ...]:
    """What a node needs from its first second: without it, nodes never become ready (EKS guide, Amazon VPC CNI).

    All three run on every node and tolerate every taint. A prefix of 16 addresses is kept ahead of need.
    """
    prefixes = {"ENABLE_PREFIX_DELEGATION": "true", "WARM_PREFIX_TARGET": "1"}
    return (
        AddOn(
            name="vpc-cni",
            configuration=VpcCni(enableNetworkPolicy="true", env=prefixes),
            identity=Identity(service_account="aws-node", policy="AmazonEKS_CNI_Policy"),
        ),
        AddOn(name="eks-pod-identity-agent"),
        AddOn(name="kube-proxy"),
    )


def after_nodes(zones: int, volume_tags: Mapping[str, str]) -> tuple[AddOn, ...]:
    """What needs nodes to become ready; it runs on the system nodes, or on every node.

    zones: how many the nodes are in. volume_tags: of each volume that a claim makes.
    The storage driver may touch volumes and machines of this cluster alone, by the tags that EKS and it set. It is
    told to take snapshots: by itself it would only where the snapshot controller was there before it.
    """
    dns = MatchLabels(matchLabels={"k8s-app": "kube-dns"})
    return (
        AddOn(
            name="coredns",
            configuration=CoreDns(
                autoScaling=AutoScaling(enabled=True, minReplicas=zones, maxReplicas=COREDNS_MAX),
                podDisruptionBudget=Budget(enabled=True, maxUnavailable=1),
                topologySpreadConstraints=[
                    Spread(maxSkew=1, topologyKey=key, whenUnsatisfiable="ScheduleAnyway", labelSelector=dns)
                    for key in ("topology.kubernetes.io/zone", "kubernetes.io/hostname")
                ],
                tolerations=CRITICAL,
            ),
        ),
        AddOn(name="snapshot-controller", configuration=Tolerations(tolerations=CRITICAL)),
        AddOn(
            name="aws-ebs-csi-driver",
            configuration=EbsCsiDriver(
                sidecars=EbsSidecars(snapshotter=Forced(forceEnable=True)),
                controller=EbsController(extraVolumeTags=dict(volume_tags)),
                node=EbsNode(tolerateAllTaints=True),
                defaultStorageClass=Switch(enabled=False),
            ),
            identity=Identity(
                service_account="ebs-csi-controller-sa", policy="AmazonEBSCSIDriverEKSClusterScopedPolicy"
            ),
        ),
        AddOn(name="metrics-server", configuration=Tolerations(tolerations=CRITICAL)),
        AddOn(
            name="eks-node-monitoring-agent",
            configuration=NodeMonitoring(nodeAgent=Tolerations(tolerations=EVERYWHERE)),
        ),
    )


def version_of(add_on: AddOn, kubernetes: str) -> str:
    """The version pinned for a Kubernetes version. Raises ValueError where none is."""
    pinned = versions.ADD_ONS.get(kubernetes, {})
    if add_on.name not in pinned:
        raise ValueError(
            f"add-on {add_on.name} has no version pinned for Kubernetes {kubernetes}; add it to ADD_ONS in "
            "components/versions.py"
        )
    return pinned[add_on.name]


@dataclass(kw_only=True)
class AddOnsArgs:
    """What a stage of add-ons needs to be told.

    version: of Kubernetes, "1.36". add_ons: those of the stage.
    """

    scope: Scope
    cluster_name: pulumi.Input[str]
    version: str
    add_ons: Sequence[AddOn]


class AddOns(pulumi.ComponentResource):
    """A stage of add-ons, each with the role of its pods. They go with what they installed when they are removed."""

    by_name: Mapping[str, pulumi.Resource]

    def __init__(self, name: str, args: AddOnsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:aws:AddOns", name, {}, opts)
        self._args = args
        self.by_name = {add_on.name: self._create_add_on(add_on) for add_on in args.add_ons}
        self.register_outputs({})

    def _create_add_on(self, add_on: AddOn) -> aws.eks.Addon:
        configuration = add_on.configuration
        return aws.eks.Addon(
            add_on.name,
            addon_name=add_on.name,
            addon_version=version_of(add_on, self._args.version),
            cluster_name=self._args.cluster_name,
            configuration_values=None if configuration is None else json.dumps(configuration, sort_keys=True),
            pod_identity_associations=self._associations(add_on),
            resolve_conflicts_on_create="OVERWRITE",
            resolve_conflicts_on_update="OVERWRITE",
            preserve=False,
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _associations(self, add_on: AddOn) -> list[aws.eks.AddonPodIdentityAssociationArgs] | None:
        identity = add_on.identity
        if identity is None:
            return None
        role = Role(
            add_on.name,
            role_for_pods(self._args.scope, managed=[identity.policy]),
            opts=pulumi.ResourceOptions(parent=self),
        )
        return [aws.eks.AddonPodIdentityAssociationArgs(role_arn=role.arn, service_account=identity.service_account)]
