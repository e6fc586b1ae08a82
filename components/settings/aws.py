"""Settings of a stack in AWS: account, network, control plane, load balancer, backups."""

import ipaddress
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from components import versions
from components.settings import schedules, subnets, tags
from components.settings.alarms import AlarmSettings
from components.settings.node_groups import ADD_ONS, NodeGroupSettings, refuse_zones, unschedulable_workloads
from components.settings.regions import Region, zones_of
from components.settings.schedules import Schedule
from components.settings.values import AccountId, Cidr, Model, PrincipalArn, StackName

MIN_PREFIX_LENGTH = {4: 8, 6: 16}
"""By IP version: a network with a shorter prefix counts as the whole internet."""
NOT_ROUTED = (
    *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"),
    *("172.16.0.0/12", "192.168.0.0/16", "198.18.0.0/15", "224.0.0.0/3"),
)
"""Networks that no request through the internet comes from (RFC 6890)."""
LogDays = Literal[
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653
]
"""Retention periods that CloudWatch Logs offers (API reference, PutRetentionPolicy)."""
LogType = Literal["api", "audit", "authenticator", "controllerManager", "scheduler"]
LOG_TYPES: list[LogType] = ["api", "audit", "authenticator", "controllerManager", "scheduler"]
Endpoint = Literal["ecr.api", "ecr.dkr", "sts", "logs", "ec2", "eks", "eks-auth", "kms", "autoscaling"]
NEEDED_WITHOUT_NAT: set[Endpoint] = {"ecr.api", "ecr.dkr", "sts", "ec2", "eks", "eks-auth", "autoscaling"}
"""Services that nodes without internet access and the Cluster Autoscaler call (EKS guide, Private clusters)."""


class AccountSettings(Model):
    """The AWS account and region of a stack."""

    account: AccountId
    """The ID of the AWS account that holds the stack's resources, as 12 digits in quotes.

    Pulumi refuses to run with credentials of any other account.
    https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-identifiers.html
    """
    region: Region
    """The AWS region that holds all of the stack's resources, such as eu-central-1.

    https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-regions.html
    """
    tags: dict[str, str] = {}
    """Tags that every resource carries in addition to Project, Environment and ManagedBy.

    They can't replace those three, and no key may begin with `aws:`. By default there are none.
    https://docs.aws.amazon.com/tag-editor/latest/userguide/tagging.html
    """

    @field_validator("tags")
    @classmethod
    def _as_aws_takes_them(cls, given: dict[str, str]) -> dict[str, str]:
        tags.refuse(given)
        return given


class NetworkSettings(Model):
    """The VPC, its subnets, and how they reach the internet and AWS services."""

    cidr: Cidr
    """The primary IPv4 CIDR block of the VPC: a private block of the size /16 to /24.

    It must not overlap with `podCidr`, with `controlPlane.serviceCidr`, or with networks that are connected to the VPC.
    https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html
    """
    zones: list[str] = Field(min_length=2, max_length=subnets.MAX_ZONES)
    """The availability zones that the cluster spans: two or three zones of the region, such as eu-central-1a.

    Each zone gets one public and one private subnet. Adding a third zone later moves no existing subnet.
    https://docs.aws.amazon.com/eks/latest/userguide/network-reqs.html
    """
    nat: Literal["none", "single", "perZone"]
    """The NAT gateways through which private subnets reach the internet.

    `perZone` creates one in each zone. `single` creates one for all zones: it costs less, but if its zone fails,
    no node reaches the internet. `none` creates none; then `interfaceEndpoints` must name the services that nodes need.
    It is for clusters without the journal, whose images and certificates come from the internet.
    https://docs.aws.amazon.com/vpc/latest/userguide/vpc-nat-gateway.html
    """
    pod_cidr: Cidr | None = None
    """A secondary IPv4 CIDR block for subnets that only pods use, such as 100.64.0.0/16.

    By default pods use addresses of the nodes' subnets. The block must not overlap with `cidr`. It may be in
    198.19.0.0/16 too, which EKS recommends as well, but the VPC guide excludes: try it in an account first.
    https://docs.aws.amazon.com/eks/latest/userguide/cni-custom-network.html
    """
    interface_endpoints: list[Endpoint] = []
    """AWS services that the VPC reaches through an interface endpoint instead of the internet.

    By default there are none. S3 always has a gateway endpoint, which is free. An interface endpoint costs money for
    every hour and zone. https://docs.aws.amazon.com/eks/latest/userguide/private-clusters.html
    """
    flow_log_days: LogDays = 90
    """How many days CloudWatch Logs keeps the VPC's flow logs.

    https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs.html
    """

    @property
    def plan(self) -> subnets.NetworkPlan:
        """The CIDR blocks of the subnets. Raises ValueError for blocks that AWS refuses."""
        return subnets.plan(self.cidr, len(self.zones), self.pod_cidr)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        missing = sorted(NEEDED_WITHOUT_NAT - set(self.interface_endpoints))
        if self.nat == "none" and missing:
            raise ValueError(f"nat none leaves nodes without {', '.join(missing)}; add them to interfaceEndpoints")
        _ = self.plan
        return self


class AccessSettings(Model):
    """The IAM roles and users that may use the cluster. A principal may be in one of the lists only."""

    admins: list[PrincipalArn] = Field(min_length=1)
    """The ARNs of IAM roles and users with full access to the cluster; at least one.

    They get an access entry with the policy AmazonEKSClusterAdminPolicy.
    https://docs.aws.amazon.com/eks/latest/userguide/access-policy-permissions.html
    """
    operators: list[PrincipalArn] = []
    """The ARNs of IAM roles and users that also restart and scale tiers, delete pods and forward ports in `journal`.

    By default there are none. They get an access entry with the group `stack-operators`; docs/security.md has the
    whole table. https://docs.aws.amazon.com/eks/latest/userguide/creating-access-entries.html
    """
    viewers: list[PrincipalArn] = []
    """The ARNs of IAM roles and users that read the stack's namespaces, but no Secrets.

    By default there are none. They get an access entry with the group `stack-viewers`; docs/security.md has the
    whole table. https://docs.aws.amazon.com/eks/latest/userguide/creating-access-entries.html
    """

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
    """The Kubernetes minor version of the control plane and the nodes, in quotes, such as "1.36".

    EKS upgrades one minor version at a time and can't go back. Only versions whose add-ons are pinned in
    components/versions.py are allowed. https://docs.aws.amazon.com/eks/latest/userguide/kubernetes-versions.html
    """
    access: AccessSettings
    """The IAM roles and users that may use the cluster.

    Only access entries count; there is no aws-auth ConfigMap.
    https://docs.aws.amazon.com/eks/latest/userguide/access-entries.html
    """
    public_access_cidrs: list[Cidr] = Field(default=[], max_length=40)
    """The IPv4 networks that may connect to the public endpoint of the API server.

    By default there is no public endpoint, and the API server is reached from inside the VPC alone. Blocks as large as
    the internet are refused, and private ones: the public endpoint sees public addresses alone. https://docs.aws.amazon.com/eks/latest/userguide/cluster-endpoint.html
    """
    service_cidr: Cidr = "172.20.0.0/16"
    """The IPv4 CIDR block that Services get their cluster IPs from: a private block of the size /12 to /24.

    It must not overlap with the VPC's blocks. Changing it replaces the cluster.
    https://docs.aws.amazon.com/eks/latest/APIReference/API_KubernetesNetworkConfigRequest.html
    """
    log_types: list[LogType] = LOG_TYPES
    """The control plane logs that EKS sends to CloudWatch Logs. By default it sends all of them.

    https://docs.aws.amazon.com/eks/latest/userguide/control-plane-logs.html
    """
    log_days: LogDays = 90
    """How many days CloudWatch Logs keeps the control plane logs.

    https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
    """
    support: Literal["STANDARD", "EXTENDED"] = "STANDARD"
    """What happens when standard support for the Kubernetes version ends.

    With `STANDARD`, AWS upgrades the cluster. With `EXTENDED`, the version stays for up to a year at a higher price.
    https://docs.aws.amazon.com/eks/latest/userguide/kubernetes-versions.html
    """
    zonal_shift: bool = True
    """Whether traffic inside the cluster can be shifted away from an impaired availability zone.

    https://docs.aws.amazon.com/eks/latest/userguide/zone-shift.html
    """
    deletion_protection: bool
    """Whether EKS refuses to delete the cluster until this is set to false.

    https://docs.aws.amazon.com/eks/latest/userguide/deletion-protection.html
    """

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
        return subnets.service_block(block)

    @field_validator("public_access_cidrs")
    @classmethod
    def _not_the_internet(cls, blocks: list[str]) -> list[str]:
        networks = [ipaddress.ip_network(block) for block in blocks]
        if any(network.prefixlen < MIN_PREFIX_LENGTH[network.version] for network in networks):
            raise ValueError(
                "opens the API server to the world; name the networks that need it, or none for a private endpoint"
            )
        if six := [str(network) for network in networks if network.version == 6]:
            raise ValueError(
                f"{six[0]} is IPv6, which the public endpoint of an IPv4 cluster does not have; name IPv4 networks"
            )
        if private := [str(n) for n in networks if any(n.overlaps(ipaddress.ip_network(p)) for p in NOT_ROUTED)]:
            raise ValueError(
                f"{private[0]} is private, and the public endpoint sees public addresses alone; name the address of "
                "the NAT or proxy, or none for a private endpoint"
            )
        return blocks


class LoadBalancerSettings(Model):
    """The Network Load Balancer in front of the ingress controller."""

    deletion_protection: bool
    """Whether AWS refuses to delete the load balancer until this is set to false.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/network/network-load-balancers.html
    """
    access_log_days: int = Field(default=90, ge=1, le=3653)
    """How many days the S3 bucket keeps the load balancer's access logs.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/network/load-balancer-access-logs.html
    """


class BackupSettings(Model):
    """Backups of the cluster's Kubernetes objects and volumes by AWS Backup."""

    retention_days: int = Field(ge=1, le=36500)
    """How many days a backup is kept before AWS Backup deletes it.

    https://docs.aws.amazon.com/aws-backup/latest/devguide/creating-a-backup-plan.html
    """
    schedule: Schedule = "cron(0 3 * * ? *)"
    """When backups of the cluster start, as an EventBridge cron expression in UTC. By default it is 03:00 every day.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-cron-expressions.html
    """
    volume_schedule: Schedule = "cron(0 6 * * ? *)"
    """When backups of the volumes by themselves start, as an EventBridge cron expression in UTC; by default at 06:00.

    It must be another time than `schedule`, whose backup has the volumes in it: a volume has one backup job at a time.
    https://docs.aws.amazon.com/aws-backup/latest/devguide/aws-backup-limits.html
    """
    restore_testing: bool = False
    """Whether AWS Backup restores the newest backup of a volume once a week and reports whether that worked.

    https://docs.aws.amazon.com/aws-backup/latest/devguide/restore-testing.html
    """
    copy_to_region: Region | None = None
    """Another AWS region, such as eu-west-1, into which each backup is copied, encrypted with a key of that region.

    By default there are no copies. Stack `shared` must name the region in its `copyRegions`; else AWS refuses.
    https://docs.aws.amazon.com/aws-backup/latest/devguide/cross-region-backup.html
    """
    copy_retention_days: int | None = Field(default=None, ge=1, le=36500)
    """How many days a copy is kept. By default it is kept as long as the backup itself. It needs `copyToRegion`.

    https://docs.aws.amazon.com/aws-backup/latest/devguide/cross-region-backup.html
    """

    @model_validator(mode="after")
    def _one_job_at_a_time(self) -> Self:
        if schedules.fields(self.schedule) == schedules.fields(self.volume_schedule):
            raise ValueError(
                f"schedule and volumeSchedule are both {self.volume_schedule}: a volume has one backup job at a time; "
                "let them be some hours apart"
            )
        return self

    @model_validator(mode="after")
    def _copies_go_somewhere(self) -> Self:
        if self.copy_retention_days is not None and self.copy_to_region is None:
            raise ValueError(
                f"copyRetentionDays {self.copy_retention_days} without copyToRegion: name the region, or take it out"
            )
        return self


class AwsSettings(AccountSettings):
    """A cluster in AWS that the stack creates, with its network, load balancer and backups."""

    shared_stack: StackName = "organization/journal/shared"
    """The stack that holds the image registry, the DNS zone and the roles of workflows, as ORGANIZATION/PROJECT/STACK.

    With an S3 backend, the organization is always the word `organization`.
    https://www.pulumi.com/docs/iac/concepts/stacks/#stackreferences
    """
    protect: bool
    """Whether Pulumi refuses to delete what holds data: the cluster, the journal's namespace, keys, logs and backups.

    To delete them, set it to false and run `pulumi up` first.
    https://www.pulumi.com/docs/iac/concepts/options/protect/
    """
    network: NetworkSettings
    """The VPC, its subnets, and how they reach the internet and AWS services.

    https://docs.aws.amazon.com/eks/latest/userguide/network-reqs.html
    """
    control_plane: ControlPlaneSettings
    """The EKS control plane.

    https://docs.aws.amazon.com/eks/latest/userguide/eks-architecture.html
    """
    node_groups: list[NodeGroupSettings] = Field(min_length=1)
    """The managed node groups that pods run on.

    Among them must be a group `ingress` for the ingress controller, a group whose taints the cluster's add-ons
    tolerate, and a group without taints for everything else.
    https://docs.aws.amazon.com/eks/latest/userguide/managed-node-groups.html
    """
    load_balancer: LoadBalancerSettings
    """The Network Load Balancer in front of the ingress controller.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/network/introduction.html
    """
    backup: BackupSettings
    """Backups of the cluster's Kubernetes objects and volumes by AWS Backup.

    https://docs.aws.amazon.com/aws-backup/latest/devguide/whatisbackup.html
    """
    alarms: AlarmSettings | None = None
    """Who is told when the journal is unwell. By default nobody. https://docs.aws.amazon.com/prometheus/latest/userguide/"""

    @field_validator("node_groups")
    @classmethod
    def _all_workloads_run(cls, groups: list[NodeGroupSettings]) -> list[NodeGroupSettings]:
        names = [group.name for group in groups]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"node group {twice[0]} is named twice; each needs a name of its own")
        if unschedulable := unschedulable_workloads(groups):
            raise ValueError(
                f"no node group takes {' or '.join(unschedulable)}: they don't tolerate the taints that all have; "
                "take a taint away or add a group"
            )
        for_add_ons = [group for group in groups if ADD_ONS.fits(group)]
        if not any(group.min_size for group in for_add_ons):
            raise ValueError(
                "no node group that takes the cluster's add-ons keeps a node, and the Cluster Autoscaler, which would "
                f"add one, runs on it; set minSize of {for_add_ons[0].name} to 1 or more"
            )
        return groups

    @model_validator(mode="after")
    def _together(self) -> Self:
        known = zones_of(self.region)
        if unknown := [zone for zone in self.network.zones if zone not in known]:
            raise ValueError(f"network.zones: {', '.join(unknown)} is not in {self.region}; one of {', '.join(known)}")
        if self.backup.copy_to_region == self.region:
            raise ValueError(
                f"backup.copyToRegion {self.region} is the stack's own region; name another one, or take it out"
            )
        blocks = {"network.cidr": self.network.cidr, "controlPlane.serviceCidr": self.control_plane.service_cidr}
        if self.network.pod_cidr is not None:
            blocks["network.podCidr"] = self.network.pod_cidr
        subnets.refuse_overlaps(blocks)
        refuse_zones(self.node_groups, self.network.zones)
        nodes, room = sum(group.max_size for group in self.node_groups), self.network.plan.pod_capacity
        if nodes > room:
            raise ValueError(
                f"network: pods of {room} full nodes fit into the subnets, the node groups may have {nodes}; name a "
                "larger cidr, a podCidr, or fewer nodes"
            )
        room = self.network.plan.node_capacity(len(self.network.interface_endpoints))
        if nodes > room:
            raise ValueError(
                f"network.cidr {self.network.cidr}: its private subnets have addresses for {room} nodes, the node "
                f"groups may have {nodes}; name a larger cidr or fewer nodes"
            )
        return self
