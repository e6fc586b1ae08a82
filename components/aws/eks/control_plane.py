"""The EKS control plane: API endpoint, authentication, encryption of Secrets, and control plane logs."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi
import pulumi_aws as aws

from components.aws.eks.access_entries import AccessEntries, AccessEntriesArgs
from components.aws.identity.iam import Role, RoleArgs, trust_service
from components.aws.scope import Scope
from components.settings.aws import ControlPlaneSettings

SERVICE = "eks.amazonaws.com"
TIMEOUTS = pulumi.CustomTimeouts(create="25m", update="45m", delete="20m")
"""How long Pulumi waits for EKS. A cluster is made or deleted in about ten minutes, and each version takes as long."""
EXEC_API = "client.authentication.k8s.io/v1beta1"


def log_group_name(scope: Scope) -> str:
    """`/aws/eks/<scope>/cluster`, the name that EKS gives to the log group of a cluster."""
    return f"/aws/eks/{scope.name}/cluster"


def vpc_config(
    public_access_cidrs: Sequence[str], subnet_ids: Sequence[pulumi.Input[str]]
) -> aws.eks.ClusterVpcConfigArgs:
    """A private API endpoint, and a public one for `public_access_cidrs` unless these are empty."""
    public = len(public_access_cidrs) > 0
    return aws.eks.ClusterVpcConfigArgs(
        subnet_ids=subnet_ids,
        endpoint_private_access=True,
        endpoint_public_access=public,
        public_access_cidrs=list(public_access_cidrs) if public else None,
    )


def kubeconfig(scope: Scope, endpoint: str, certificate_authority: str) -> str:
    """A kubeconfig as JSON. It contains no secret: clients get a token from `aws eks get-token` (AWS CLI).

    endpoint: URL of the API server.
    certificate_authority: certificate of the cluster's certificate authority, PEM in base64.
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
            {"name": scope.name, "cluster": {"server": endpoint, "certificate-authority-data": certificate_authority}},
        ],
        "users": [{"name": scope.name, "user": {"exec": command}}],
        "contexts": [{"name": scope.name, "context": {"cluster": scope.name, "user": scope.name}}],
        "current-context": scope.name,
    }
    return json.dumps(config)


@dataclass(kw_only=True)
class ControlPlaneArgs:
    """Arguments of ControlPlane.

    scope: account, region and name prefix; the cluster is called `scope.name`.
    settings: Kubernetes version, access, API endpoint, logs, upgrade policy and deletion protection.
    subnet_ids: subnets for the network interfaces of the control plane, in at least two zones.
    key_arn: the KMS key that encrypts Secrets and logs.
    admins, previewers, auditors: ARNs of principals that may use the cluster in addition to those in the settings, by a
    name for their access entry.
    """

    scope: Scope
    settings: ControlPlaneSettings
    subnet_ids: Sequence[pulumi.Input[str]]
    key_arn: pulumi.Input[str]
    admins: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    previewers: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    auditors: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)


class ControlPlane(pulumi.ComponentResource):
    """An EKS cluster with its IAM role, log group and access entries.

    security_group_id: the cluster security group, which EKS creates for the control plane and the nodes.
    kubeconfig: JSON; see `kubeconfig()`.
    access_entries: access entries and policy associations. What is deployed into the cluster depends on them.
    """

    cluster: aws.eks.Cluster
    cluster_name: pulumi.Output[str]
    cluster_arn: pulumi.Output[str]
    security_group_id: pulumi.Output[str]
    kubeconfig: pulumi.Output[str]
    access_entries: Sequence[pulumi.Resource]

    def __init__(self, name: str, args: ControlPlaneArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:aws/eks:ControlPlane", name, {}, opts)
        self._name, self._args, self._scope = name, args, args.scope
        self.cluster = self._create_cluster(self._create_role(), self._create_log_group())
        self.cluster_name, self.cluster_arn = self.cluster.name, self.cluster.arn
        self.security_group_id = self.cluster.vpc_config.cluster_security_group_id
        self.kubeconfig = pulumi.Output.all(self.cluster.endpoint, self.cluster.certificate_authority.data).apply(
            lambda known: kubeconfig(args.scope, *known)
        )
        self.access_entries = self._create_access_entries()
        self.register_outputs({"cluster_name": self.cluster_name, "kubeconfig": self.kubeconfig})

    def _create_role(self) -> Role:
        return Role(
            self._name,
            RoleArgs(
                scope=self._scope,
                trust=[trust_service(SERVICE, self._scope)],
                managed_policies=["AmazonEKSClusterPolicy"],
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _create_log_group(self) -> aws.cloudwatch.LogGroup:
        """The log group; one of its name that no state knows is adopted.

        EKS writes its last events after the cluster is gone, and its service-linked role then creates the group again
        (terraform-aws-eks #2446, #2763). Pulumi imports such a group, then sets key, retention and tags in the same
        update; of a group that is in the state, it takes no notice of `import_`.
        """
        name = log_group_name(self._scope)
        found = aws.cloudwatch.get_log_groups(log_group_name_prefix=name, opts=pulumi.InvokeOptions(parent=self))
        return aws.cloudwatch.LogGroup(
            self._name,
            name=name,
            retention_in_days=self._args.settings.log_days,
            kms_key_id=self._args.key_arn,
            opts=pulumi.ResourceOptions(
                parent=self, protect=self._scope.protect, import_=name if name in found.log_group_names else None
            ),
        )

    def _create_cluster(self, role: Role, log_group: aws.cloudwatch.LogGroup) -> aws.eks.Cluster:
        settings = self._args.settings
        return aws.eks.Cluster(
            self._name,
            name=self._scope.name,
            version=settings.version,
            role_arn=role.arn,
            vpc_config=vpc_config(settings.public_access_cidrs, self._args.subnet_ids),
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
            opts=pulumi.ResourceOptions(
                parent=self, protect=self._scope.protect, depends_on=[log_group], custom_timeouts=TIMEOUTS
            ),
        )

    def _create_access_entries(self) -> Sequence[pulumi.Resource]:
        args = self._args
        return AccessEntries(
            self._name,
            AccessEntriesArgs(
                settings=args.settings.access,
                cluster_name=self.cluster_name,
                admins=args.admins,
                previewers=args.previewers,
                auditors=args.auditors,
            ),
            opts=pulumi.ResourceOptions(parent=self),
        ).resources
