"""EKS access entries: which IAM principals may use the cluster, and with which access policies."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import pulumi
import pulumi_aws as aws

from components.aws.scope import PROJECT
from components.settings.aws import AccessSettings

APPLICATION_NAMESPACE = PROJECT
"""The namespace in which operators may change objects."""
AccessLevel = Literal["admin", "operator", "viewer", "auditor"]
"""What a principal may do. The settings list admins, operators and viewers; auditors come from the program only."""


@dataclass(frozen=True)
class AccessPolicy:
    """An access policy of EKS and where it applies.

    name: the policy's name, "AmazonEKSViewPolicy".
    namespaces: the namespaces that it applies to; empty for the whole cluster.
    """

    name: str
    namespaces: tuple[str, ...] = ()

    @property
    def arn(self) -> str:
        return f"arn:aws:eks::aws:cluster-access-policy/{self.name}"

    @property
    def access_scope(self) -> aws.eks.AccessPolicyAssociationAccessScopeArgs:
        return aws.eks.AccessPolicyAssociationAccessScopeArgs(
            type="namespace" if self.namespaces else "cluster",
            namespaces=list(self.namespaces) if self.namespaces else None,
        )


ACCESS_POLICIES: Mapping[AccessLevel, tuple[AccessPolicy, ...]] = {
    "admin": (AccessPolicy("AmazonEKSClusterAdminPolicy"),),
    "operator": (AccessPolicy("AmazonEKSEditPolicy", (APPLICATION_NAMESPACE,)), AccessPolicy("AmazonEKSViewPolicy")),
    "viewer": (AccessPolicy("AmazonEKSViewPolicy"),),
    "auditor": (AccessPolicy("AmazonEKSAdminViewPolicy"),),
}
"""Edit may change workloads, read Secrets and open shells in containers. View may read everything except Secrets,
AdminView everything (EKS guide, Review access policy permissions)."""


def resource_name(principal_arn: str) -> str:
    """The Pulumi name of a principal's resources.

    "111122223333-role-admin" for "arn:aws:iam::111122223333:role/admin"; it stays when the settings' order changes.
    """
    return principal_arn.partition("::")[2].replace(":", "-").replace("/", "-")


def principals(
    settings: AccessSettings,
    admins: Mapping[str, pulumi.Input[str]],
    viewers: Mapping[str, pulumi.Input[str]],
    auditors: Mapping[str, pulumi.Input[str]],
) -> dict[str, tuple[AccessLevel, pulumi.Input[str]]]:
    """Access level and principal ARN of each access entry, by the Pulumi name of its resources."""
    listed: dict[AccessLevel, Sequence[str]] = {
        "admin": settings.admins,
        "operator": settings.operators,
        "viewer": settings.viewers,
    }
    found: dict[str, tuple[AccessLevel, pulumi.Input[str]]] = {
        resource_name(arn): (level, arn) for level, arns in listed.items() for arn in arns
    }
    found.update({name: ("admin", arn) for name, arn in admins.items()})
    found.update({name: ("viewer", arn) for name, arn in viewers.items()})
    found.update({name: ("auditor", arn) for name, arn in auditors.items()})
    return found


@dataclass(kw_only=True)
class AccessEntriesArgs:
    """Arguments of AccessEntries.

    settings: ARNs of the admins, operators and viewers that the stack's settings name.
    cluster_name: the EKS cluster.
    admins, viewers, auditors: ARNs of further principals, by the Pulumi name of their resources.
    """

    settings: AccessSettings
    cluster_name: pulumi.Input[str]
    admins: Mapping[str, pulumi.Input[str]]
    viewers: Mapping[str, pulumi.Input[str]]
    auditors: Mapping[str, pulumi.Input[str]]


class AccessEntries(pulumi.ComponentResource):
    """An access entry and its access policies for each principal.

    resources: entries and policy associations. Kubernetes objects depend on them, since without its access entry
    Pulumi could not delete what it created.
    """

    resources: Sequence[pulumi.Resource]

    def __init__(self, name: str, args: AccessEntriesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:aws/eks:AccessEntries", name, {}, opts)
        self._cluster_name = args.cluster_name
        found = principals(args.settings, args.admins, args.viewers, args.auditors)
        self.resources = [
            resource
            for entry_name, (level, arn) in found.items()
            for resource in self._create_entry(entry_name, level, arn)
        ]
        self.register_outputs({})

    def _create_entry(self, name: str, level: AccessLevel, principal_arn: pulumi.Input[str]) -> list[pulumi.Resource]:
        entry = aws.eks.AccessEntry(
            name,
            cluster_name=self._cluster_name,
            principal_arn=principal_arn,
            type="STANDARD",
            opts=pulumi.ResourceOptions(parent=self),
        )
        associations = [
            aws.eks.AccessPolicyAssociation(
                f"{name}-{policy.name}",
                cluster_name=self._cluster_name,
                principal_arn=entry.principal_arn,
                policy_arn=policy.arn,
                access_scope=policy.access_scope,
                opts=pulumi.ResourceOptions(parent=self, depends_on=[entry]),
            )
            for policy in ACCESS_POLICIES[level]
        ]
        return [entry, *associations]
