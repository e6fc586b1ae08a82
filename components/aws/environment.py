"""An environment in AWS: a cluster of its own, from the network to the address that clients connect to."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as kubernetes

from components.aws.add_ons import AddOns, AddOnsArgs
from components.aws.backup import Backup, BackupArgs
from components.aws.cluster_autoscaler import ClusterAutoscaler, ClusterAutoscalerArgs
from components.aws.control_plane import ControlPlane, ControlPlaneArgs
from components.aws.dns import Dns, DnsArgs
from components.aws.encryption import EncryptionKey, EncryptionKeyArgs
from components.aws.load_balancer import LoadBalancer, LoadBalancerArgs
from components.aws.network import Network, NetworkArgs
from components.aws.node_group import NodeGroup, NodeGroupArgs
from components.aws.scope import Scope
from components.aws.shared_stack import SharedStack
from components.aws.storage import DefaultStorageClass
from components.aws.targets import Targets, TargetsArgs
from components.cluster import Cluster
from components.settings import AwsSettings
from components.settings.placement import INGRESS


@dataclass(kw_only=True)
class EnvironmentArgs:
    """What an environment needs to be told.

    host: the DNS name that leads to it. allowed_cidrs: client networks that are let in.
    """

    scope: Scope
    settings: AwsSettings
    host: str
    allowed_cidrs: Sequence[str]


class Environment(pulumi.ComponentResource):
    """All of an environment that is no application; `cluster` is what applications are told of it."""

    cluster: Cluster
