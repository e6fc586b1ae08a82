"""Who may use a cluster: EKS access entries, and the access policies that they carry."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import pulumi
import pulumi_aws as aws

from components.aws.provider import PROJECT as APPLICATION
from components.settings.aws import AccessSettings

Level = Literal["admin", "operator", "viewer", "auditor"]
"""What a principal may do; the settings have a list of each but auditors, who are ours."""


@dataclass(frozen=True)
class Grant:
    """An access policy that EKS keeps, by name, in these namespaces or, without any, in the whole cluster."""

    policy: str
    namespaces: tuple[str, ...] = ()

    @property
    def arn(self) -> str:
        return f"arn:aws:eks::aws:cluster-access-policy/{self.policy}"

    @property
    def scope(self) -> aws.eks.AccessPolicyAssociationAccessScopeArgs:
        return aws.eks.AccessPolicyAssociationAccessScopeArgs(
            type="namespace" if self.namespaces else "cluster",
            namespaces=list(self.namespaces) if self.namespaces else None,
        )


GRANTS: Mapping[Level, tuple[Grant, ...]] = {
    "admin": (Grant("AmazonEKSClusterAdminPolicy"),),
    "operator": (Grant("AmazonEKSEditPolicy", (APPLICATION,)), Grant("AmazonEKSViewPolicy")),
    "viewer": (Grant("AmazonEKSViewPolicy"),),
    "auditor": (Grant("AmazonEKSAdminViewPolicy"),),
}
"""Edit changes workloads, reads Secrets and opens shells; View reads all but Secrets, AdminView reads everything (EKS
guide, Review access policy permissions)."""


def label(principal_arn: str) -> str:
    """What a principal's resources are called: account, kind, path and name."""
    return principal_arn.partition("::")[2].replace(":", "-").replace("/", "-")


def entries(
    settings: AccessSettings,
    admins: Mapping[str, pulumi.Input[str]],
    viewers: Mapping[str, pulumi.Input[str]],
    auditors: Mapping[str, pulumi.Input[str]],
) -> dict[str, tuple[Level, pulumi.Input[str]]]:
    """Level and principal of each access entry, by the name of its resources."""
    named: dict[Level, Sequence[str]] = {
        "admin": settings.admins,
        "operator": settings.operators,
        "viewer": settings.viewers,
    }
    found: dict[str, tuple[Level, pulumi.Input[str]]] = {
        label(arn): (level, arn) for level, arns in named.items() for arn in arns
    }
    found.update({name: ("admin", arn) for name, arn in admins.items()})
    found.update({name: ("viewer", arn) for name, arn in viewers.items()})
    found.update({name: ("auditor", arn) for name, arn in auditors.items()})
    return found


@dataclass(kw_only=True)
class AccessArgs:
    """Who may use the cluster.

    settings: people and roles by ARN. admins, viewers, auditors: further principals, by a name of ours.
    """

    settings: AccessSettings
    cluster_name: pulumi.Input[str]
    admins: Mapping[str, pulumi.Input[str]]
    viewers: Mapping[str, pulumi.Input[str]]
    auditors: Mapping[str, pulumi.Input[str]]


class Access(pulumi.ComponentResource):
    """An access entry for each principal, with its policies. `resources` must outlive what is in the cluster."""

    resources: Sequence[pulumi.Resource]

    def __init__(self, name: str, args: AccessArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:aws:Access", name, {}, opts)
        self._cluster_name = args.cluster_name
        found = entries(args.settings, args.admins, args.viewers, args.auditors)
        self.resources = [
            resource for who, (level, arn) in found.items() for resource in self._create_entry(who, level, arn)
        ]
        self.register_outputs({})

    def _create_entry(self, name: str, level: Level, principal_arn: pulumi.Input[str]) -> list[pulumi.Resource]:
        entry = aws.eks.AccessEntry(
            name,
            cluster_name=self._cluster_name,
            principal_arn=principal_arn,
            type="STANDARD",
            opts=pulumi.ResourceOptions(parent=self),
        )
        associations = [
            aws.eks.AccessPolicyAssociation(
                f"{name}-{grant.policy}",
                cluster_name=self._cluster_name,
                principal_arn=entry.principal_arn,
                policy_arn=grant.arn,
                access_scope=grant.scope,
                opts=pulumi.ResourceOptions(parent=self, depends_on=[entry]),
            )
            for grant in GRANTS[level]
        ]
        return [entry, *associations]
