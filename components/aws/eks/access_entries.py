"""EKS access entries: which IAM principals may use the cluster, in which group or with which access policy."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import pulumi
import pulumi_aws as aws

from components.kubernetes import OPERATORS, VIEWERS
from components.settings.aws import AccessSettings

AccessLevel = Literal["admin", "operator", "viewer", "previewer", "auditor"]
"""What a principal may do. The settings list admins, operators and viewers; previewers and auditors come from the
program only."""


@dataclass(frozen=True, kw_only=True)
class Access:
    """What an access entry gives: an access policy of EKS for the whole cluster, or a group that People binds.

    Never both: EKS adds them up, and its policies for operators open Secrets and shells.
    """

    policy: str | None = None
    group: str | None = None

    @property
    def policy_arn(self) -> str:
        return f"arn:aws:eks::aws:cluster-access-policy/{self.policy}"


ACCESS: Mapping[AccessLevel, Access] = {
    "admin": Access(policy="AmazonEKSClusterAdminPolicy"),
    "operator": Access(group=OPERATORS),
    "viewer": Access(group=VIEWERS),
    "previewer": Access(policy="AmazonEKSViewPolicy"),
    "auditor": Access(policy="AmazonEKSAdminViewPolicy"),
}
"""View may read everything except Secrets, AdminView everything (EKS guide, Review access policy permissions). A policy
is there before the cluster has any object, and needs none: who deploys, previews or mends a cluster can't wait."""


def resource_name(principal_arn: str) -> str:
    """The Pulumi name of a principal's resources.

    "111122223333-role-admin" for "arn:aws:iam::111122223333:role/admin"; it stays when the settings' order changes.
    """
    return principal_arn.partition("::")[2].replace(":", "-").replace("/", "-")


def principals(
    settings: AccessSettings,
    admins: Mapping[str, pulumi.Input[str]],
    previewers: Mapping[str, pulumi.Input[str]],
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
    found.update({name: ("previewer", arn) for name, arn in previewers.items()})
    found.update({name: ("auditor", arn) for name, arn in auditors.items()})
    return found


@dataclass(kw_only=True)
class AccessEntriesArgs:
    """Arguments of AccessEntries.

    settings: ARNs of the admins, operators and viewers that the stack's settings name.
    cluster_name: the EKS cluster.
    admins, previewers, auditors: ARNs of further principals, by the Pulumi name of their resources.
    """

    settings: AccessSettings
    cluster_name: pulumi.Input[str]
    admins: Mapping[str, pulumi.Input[str]]
    previewers: Mapping[str, pulumi.Input[str]]
    auditors: Mapping[str, pulumi.Input[str]]


class AccessEntries(pulumi.ComponentResource):
    """An access entry for each principal, with its access policy or its group.

    resources: entries and policy associations. Kubernetes objects depend on them, since without its access entry
    Pulumi could not delete what it created.
    """

    resources: Sequence[pulumi.Resource]

    def __init__(self, name: str, args: AccessEntriesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:aws/eks:AccessEntries", name, {}, opts)
        self._cluster_name = args.cluster_name
        found = principals(args.settings, args.admins, args.previewers, args.auditors)
        self.resources = [
            resource
            for entry_name, (level, arn) in found.items()
            for resource in self._create_entry(entry_name, ACCESS[level], arn)
        ]
        self.register_outputs({})

    def _create_entry(self, name: str, access: Access, principal_arn: pulumi.Input[str]) -> list[pulumi.Resource]:
        entry = aws.eks.AccessEntry(
            name,
            cluster_name=self._cluster_name,
            principal_arn=principal_arn,
            type="STANDARD",
            kubernetes_groups=None if access.group is None else [access.group],
            opts=pulumi.ResourceOptions(parent=self),
        )
        if access.policy is None:
            return [entry]
        association = aws.eks.AccessPolicyAssociation(
            f"{name}-{access.policy}",
            cluster_name=self._cluster_name,
            principal_arn=entry.principal_arn,
            policy_arn=access.policy_arn,
            access_scope=aws.eks.AccessPolicyAssociationAccessScopeArgs(type="cluster"),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[entry]),
        )
        return [entry, association]
