"""How EKS add-ons are configured: what we use of the schemas that `aws eks describe-addon-configuration` prints."""

from typing import NotRequired, TypedDict


class Toleration(TypedDict):
    """A Kubernetes toleration."""

    key: NotRequired[str]
    operator: str
    effect: NotRequired[str]


class Tolerations(TypedDict):
    """Configuration of add-ons that are told no more than this."""

    tolerations: list[Toleration]


class MatchLabels(TypedDict):
    """A label selector."""

    matchLabels: dict[str, str]


class Spread(TypedDict):
    """A topology spread constraint."""

    maxSkew: int
    topologyKey: str
    whenUnsatisfiable: str
    labelSelector: MatchLabels


class AutoScaling(TypedDict):
    """EKS's own autoscaling of CoreDNS, by the cluster's nodes and cores."""

    enabled: bool
    minReplicas: int
    maxReplicas: int


class Budget(TypedDict):
    """The PodDisruptionBudget of CoreDNS."""

    enabled: bool
    maxUnavailable: int


class CoreDns(Tolerations):
    """Configuration of coredns."""

    autoScaling: AutoScaling
    podDisruptionBudget: Budget
    topologySpreadConstraints: list[Spread]


class VpcCni(TypedDict):
    """Configuration of vpc-cni; its values are strings."""

    enableNetworkPolicy: str
    env: dict[str, str]


class EbsController(TypedDict):
    """Of aws-ebs-csi-driver, the pods that call AWS. extraVolumeTags: of each volume."""

    extraVolumeTags: dict[str, str]


class EbsNode(TypedDict):
    """Of aws-ebs-csi-driver, the pods that mount volumes."""

    tolerateAllTaints: bool


class Switch(TypedDict):
    """Whether there is a thing."""

    enabled: bool


class Forced(TypedDict):
    """Whether a part is there whatever the driver finds."""

    forceEnable: bool


class EbsSidecars(TypedDict):
    """Of aws-ebs-csi-driver, the containers beside the driver. snapshotter: what takes snapshots."""

    snapshotter: Forced


class EbsCsiDriver(TypedDict):
    """Configuration of aws-ebs-csi-driver."""

    sidecars: EbsSidecars
    controller: EbsController
    node: EbsNode
    defaultStorageClass: Switch


class NodeMonitoring(TypedDict):
    """Configuration of eks-node-monitoring-agent."""

    nodeAgent: Tolerations


Configuration = CoreDns | VpcCni | EbsCsiDriver | NodeMonitoring | Tolerations
