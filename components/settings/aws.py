"""What a stack in AWS may say: account, network, control plane, node groups, load balancer, backup."""

import ipaddress
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from components import versions
from components.settings import cidrs
from components.settings.model import Model
from components.settings.nodes import NodeGroupSettings
from components.settings.placement import homeless
from components.settings.regions import ZONES, zones_of
from components.settings.values import AccountId, Cidr, PrincipalArn

WIDEST = {4: 8, 6: 16}
"""Prefix lengths below which a network counts as the world, by IP version."""
LogDays = Literal[
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653
]
"""Days that CloudWatch Logs can keep a log (API reference, PutRetentionPolicy)."""
LogType = Literal["api", "audit", "authenticator", "controllerManager", "scheduler"]
LOG_TYPES: list[LogType] = ["api", "audit", "authenticator", "controllerManager", "scheduler"]
Endpoint = Literal["ecr.api", "ecr.dkr", "sts", "logs", "ec2", "eks", "eks-auth", "kms", "autoscaling"]
NEEDED_WITHOUT_NAT: set[Endpoint] = {"ecr.api", "ecr.dkr", "sts", "ec2", "eks", "eks-auth", "autoscaling"}
"""What nodes without a way out, and the Cluster Autoscaler on them, need (EKS guide, Private clusters)."""


def _region(name: str) -> str:
    if name not in ZONES:
        raise ValueError(f"is no region known here; one of {', '.join(ZONES)} (components/settings/regions.py)")
    return name


class AccountSettings(Model):
    """Where in AWS a stack is."""

    account: AccountId
    """The account, 12 digits in quotes; with credentials of another one nothing happens."""
    region: Annotated[str, AfterValidator(_region)]
    """The region of everything."""
    tags: dict[str, str] = {}
    """Tags of every resource, beside Project, Environment and ManagedBy."""


class NetworkSettings(Model):
    """The VPC."""

    cidr: Cidr
    """The VPC's addresses, /16 to /24, private, unlike any other stack's."""
    zones: list[str] = Field(min_length=2, max_length=cidrs.MAX_ZONES)
    """The availability zones, 2 or 3 of the region's."""
    nat: Literal["none", "single", "perZone"]
    """NAT gateways: none, one for all zones, or one in each."""
    pod_cidr: Cidr | None = None
    """Addresses for pods alone, like 100.64.0.0/16; without it, pods share the nodes' subnets."""
    interface_endpoints: list[Endpoint] = []
    """AWS services that are reached without leaving the VPC; S3 always is."""
    flow_log_days: LogDays = 90
    """How long the network's flow logs are kept."""

    @property
    def plan(self) -> cidrs.NetworkPlan:
        """The subnets. Raises ValueError."""
        return cidrs.plan(self.cidr, len(self.zones), self.pod_cidr)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if len(set(self.zones)) != len(self.zones):
            raise ValueError(f"zones {', '.join(self.zones)}: name each zone once")
        missing = sorted(NEEDED_WITHOUT_NAT - set(self.interface_endpoints))
        if self.nat == "none" and missing:
            raise ValueError(f"nat none leaves nodes without {', '.join(missing)}; add them to interfaceEndpoints")
        _ = self.plan
        return self


class AccessSettings(Model):
    """People and roles that may use the cluster, by the ARN of an IAM role or user."""

    admins: list[PrincipalArn] = Field(min_length=1)
    """May do everything; at least one, or nobody could mend the cluster."""
    operators: list[PrincipalArn] = []
    """May change what runs in the journal's namespaces."""
    viewers: list[PrincipalArn] = []
    """May look, at no Secret."""

    @model_validator(mode="after")
    def _one_role_each(self) -> Self:
        everyone = [*self.admins, *self.operators, *self.viewers]
        twice = sorted({arn for arn in everyone if everyone.count(arn) > 1})
        if twice:
            raise ValueError(f"{twice[0]} is named twice; a principal has one access entry, name it once")
        return self


class ControlPlaneSettings(Model):
    """The EKS control plane."""

    version: str
    """Kubernetes' minor version, in quotes: "1.36"."""
    access: AccessSettings
    """Who may use the cluster."""
    public_access_cidrs: list[Cidr] = []
    """Networks that reach the API server from outside; without any, it is reached from the VPC alone."""
    service_cidr: Cidr = "172.20.0.0/16"
    """Addresses of Services, outside the VPC's."""
    log_types: list[LogType] = LOG_TYPES
    """Control plane logs that are kept."""
    log_days: LogDays = 90
    """How long they are kept."""
    support: Literal["STANDARD", "EXTENDED"] = "STANDARD"
    """At the version's end of standard support: STANDARD upgrades it, EXTENDED pays for more time."""
    zonal_shift: bool = True
    """Whether AWS may move traffic away from a zone in trouble."""
    deletion_protection: bool
    """Whether EKS refuses to delete the cluster."""

    @field_validator("version")
    @classmethod
    def _supported(cls, version: str) -> str:
        if version not in versions.ADD_ONS:
            known = ", ".join(versions.ADD_ONS)
            raise ValueError(
                f"is not supported here; one of {known}, for which add-on versions are pinned (components/versions.py)"
            )
        return version

    @field_validator("service_cidr")
    @classmethod
    def _for_services(cls, block: str) -> str:
        return cidrs.service_block(block)

    @field_validator("public_access_cidrs")
    @classmethod
    def _not_the_world(cls, blocks: list[str]) -> list[str]:
        networks = [ipaddress.ip_network(block) for block in blocks]
        if any(network.prefixlen < WIDEST[network.version] for network in networks):
            raise ValueError(
                "opens the API server to the world; name the networks that need it, or none for a private endpoint"
            )
        if six := [str(network) for network in networks if network.version == 6]:
            raise ValueError(
                f"{six[0]} is IPv6, which the public endpoint of an IPv4 cluster does not have; name IPv4 networks"
            )
        return blocks


class LoadBalancerSettings(Model):
    """The network load balancer before the ingress controller."""

    deletion_protection: bool
    """Whether AWS refuses to delete it."""
    access_log_days: int = Field(default=90, ge=1, le=3653)
    """How long its access logs are kept."""


class BackupSettings(Model):
    """AWS Backup of the cluster's resources and volumes."""

    retention_days: int = Field(ge=1, le=36500)
    """How long a backup is kept."""
    schedule: str = Field(default="cron(0 3 * * ? *)", pattern=r"^cron\([^()]+\)$")
    """When backups start, UTC (EventBridge cron)."""
    restore_testing: bool = False
    """Whether AWS restores a backup each week, to prove that it can."""


class AwsSettings(AccountSettings):
    """A cluster of the stack's own, and all it needs in AWS."""

    shared_stack: str = Field(default="organization/journal/shared", pattern=r"^[^/]+/[^/]+/[^/]+$")
    """The stack that holds image registries, DNS zone and CI's roles; `organization` is literal in an S3 backend."""
    protect: bool
    """Whether Pulumi refuses to delete what holds data: keys, volumes' backups."""
    network: NetworkSettings
    """The VPC."""
    control_plane: ControlPlaneSettings
    """The EKS control plane."""
    node_groups: list[NodeGroupSettings] = Field(min_length=1)
    """The nodes; the groups `system` and `ingress` must be among them."""
    load_balancer: LoadBalancerSettings
    """The way in."""
    backup: BackupSettings
    """Backups."""

    @field_validator("node_groups")
    @classmethod
    def _all_workloads_run(cls, groups: list[NodeGroupSettings]) -> list[NodeGroupSettings]:
        names = [group.name for group in groups]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"node group {twice[0]} is named twice; each needs a name of its own")
        if left := homeless(groups):
            raise ValueError(
                f"no node group takes {' or '.join(left)}: they don't tolerate the taints that all have; "
                "take a taint away or add a group"
            )
        return groups

    @model_validator(mode="after")
    def _together(self) -> Self:
        known = zones_of(self.region)
        if unknown := [zone for zone in self.network.zones if zone not in known]:
            raise ValueError(f"network.zones: {', '.join(unknown)} is not in {self.region}; one of {', '.join(known)}")
        blocks = {"network.cidr": self.network.cidr, "controlPlane.serviceCidr": self.control_plane.service_cidr}
        if self.network.pod_cidr is not None:
            blocks["network.podCidr"] = self.network.pod_cidr
        cidrs.refuse_overlaps(blocks)
        nodes, room = sum(group.max_size for group in self.node_groups), self.network.plan.pod_capacity
        if nodes > room:
            raise ValueError(
                f"network: pods of {room} full nodes fit into the subnets, the node groups may have {nodes}; name a "
                "larger cidr, a podCidr, or fewer nodes"
            )
        return self
