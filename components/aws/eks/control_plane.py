"""The EKS control plane: reached by access entries alone, its Secrets and logs encrypted with a key of ours."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi
import pulumi_aws as aws

from components.aws.eks.access import Access, AccessArgs
from components.aws.identity.iam import Role, RoleArgs, Statement, trust
from components.aws.scope import Scope
from components.settings.aws import ControlPlaneSettings

SERVICE = "eks.amazonaws.com"
EXEC_API = "client.authentication.k8s.io/v1beta1"


def log_group_name(scope: Scope) -> str:
    """The log group's name, which EKS chooses."""
    return f"/aws/eks/{scope.name}/cluster"


def no_log_group(scope: Scope) -> Statement:
    """EKS goes on logging while it is deleted, and would write the log group again after Pulumi took it away."""
    return Statement(
        sid="NoLogGroup",
        effect="Deny",
        actions=["logs:CreateLogGroup"],
        resources=[scope.arn("logs", f"log-group:{log_group_name(scope)}*")],
    )


def endpoints(
    public_access_cidrs: Sequence[str], subnet_ids: Sequence[pulumi.Input[str]]
) -> aws.eks.ClusterVpcConfigArgs:
    """The API server inside the VPC, and outside it for the networks that are named."""
    public = len(public_access_cidrs) > 0
    return aws.eks.ClusterVpcConfigArgs(
        subnet_ids=subnet_ids,
        endpoint_private_access=True,
        endpoint_public_access=public,
        public_access_cidrs=list(public_access_cidrs) if public else None,
    )


def kubeconfig(scope: Scope, endpoint: str, authority: str) -> str:
    """A kubeconfig, JSON, whose user asks the AWS CLI for a token at each use: nothing in it is secret.

    authority: the cluster's certificate authority, base64.
    """
    command = {
        "apiVersion": EXEC_API,
        "command": "aws",
        "args": ["--region", scope.region, "eks", "get-token", "--cluster-name", scope.name, "--output", "json"],
        "interactiveMode": "Never",
        "provideClusterInfo": False,
    }
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": scope.name, "cluster": {"server": endpoint, "certificate-authority-data": authority}},
        ],
        "users": [{"name": scope.name, "user": {"exec": command}}],
        "contexts": [{"name": scope.name, "context": {"cluster": scope.name, "user": scope.name}}],
        "current-context": scope.name,
    }
    return json.dumps(config)


@dataclass(kw_only=True)
class ControlPlaneArgs:
    """What the control plane needs to be told.

    subnet_ids: where EKS puts its network interfaces, in two zones or more.
    key_arn: the KMS key that encrypts Secrets and logs.
    admins, viewers, auditors: further principals that may use the cluster, by a name of ours (CI's roles).
    """

    scope: Scope
    settings: ControlPlaneSettings
    subnet_ids: Sequence[pulumi.Input[str]]
    key_arn: pulumi.Input[str]
    admins: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    viewers: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    auditors: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)


class ControlPlane(pulumi.ComponentResource):
    """The cluster `<scope>`, its log group, its role and who may use it.

    security_group_id: the group that EKS makes for control plane and nodes.
    access: what must outlive everything in the cluster, or nobody could delete it.
    """

    cluster: aws.eks.Cluster
    cluster_name: pulumi.Output[str]
    cluster_arn: pulumi.Output[str]
    security_group_id: pulumi.Output[str]
    kubeconfig: pulumi.Output[str]
    access: Sequence[pulumi.Resource]

    def __init__(self, name: str, args: ControlPlaneArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:aws:ControlPlane", name, {}, opts)
        self._name, self._args, self._scope = name, args, args.scope
        self.cluster = self._create_cluster(self._create_role(), self._create_log_group())
        self.cluster_name, self.cluster_arn = self.cluster.name, self.cluster.arn
        self.security_group_id = self.cluster.vpc_config.cluster_security_group_id
        self.kubeconfig = pulumi.Output.all(self.cluster.endpoint, self.cluster.certificate_authority.data).apply(
            lambda known: kubeconfig(args.scope, *known)
        )
        self.access = self._create_access()
        self.register_outputs({"cluster_name": self.cluster_name, "kubeconfig": self.kubeconfig})

    def _create_role(self) -> Role:
        return Role(
            self._name,
            RoleArgs(
                scope=self._scope,
                trust=[trust(SERVICE, self._scope)],
                managed=["AmazonEKSClusterPolicy"],
                statements=[no_log_group(self._scope)],
            ),
            opts=self._options(),
        )

    def _create_log_group(self) -> aws.cloudwatch.LogGroup:
        return aws.cloudwatch.LogGroup(
            self._name,
            name=log_group_name(self._scope),
            retention_in_days=self._args.settings.log_days,
            kms_key_id=self._args.key_arn,
            opts=self._options(protect=self._scope.protect),
        )

    def _create_cluster(self, role: Role, log_group: aws.cloudwatch.LogGroup) -> aws.eks.Cluster:
        settings = self._args.settings
        return aws.eks.Cluster(
            self._name,
            name=self._scope.name,
            version=settings.version,
            role_arn=role.arn,
            vpc_config=endpoints(settings.public_access_cidrs, self._args.subnet_ids),
            access_config=aws.eks.ClusterAccessConfigArgs(
                authentication_mode="API", bootstrap_cluster_creator_admin_permissions=False
            ),
            bootstrap_self_managed_addons=False,
            enabled_cluster_log_types=list(settings.log_types),
            encryption_config=aws.eks.ClusterEncryptionConfigArgs(
                resources=["secrets"],
                provider=aws.eks.ClusterEncryptionConfigProviderArgs(key_arn=self._args.key_arn),
            ),
            kubernetes_network_config=aws.eks.ClusterKubernetesNetworkConfigArgs(
                ip_family="ipv4", service_ipv4_cidr=settings.service_cidr
            ),
            upgrade_policy=aws.eks.ClusterUpgradePolicyArgs(support_type=settings.support),
            zonal_shift_config=aws.eks.ClusterZonalShiftConfigArgs(enabled=settings.zonal_shift),
            deletion_protection=settings.deletion_protection,
            opts=self._options(protect=self._scope.protect, depends_on=[log_group]),
        )

    def _create_access(self) -> Sequence[pulumi.Resource]:
        args = self._args
        return Access(
            self._name,
            AccessArgs(
                settings=args.settings.access,
                cluster_name=self.cluster_name,
                admins=args.admins,
                viewers=args.viewers,
                auditors=args.auditors,
            ),
            opts=self._options(),
        ).resources

    def _options(
        self, *, protect: bool | None = None, depends_on: Sequence[pulumi.Resource] = ()
    ) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, protect=protect, depends_on=list(depends_on))
