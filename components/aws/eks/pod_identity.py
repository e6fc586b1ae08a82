"""EKS Pod Identity: an IAM role for the pods of one service account."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.aws.identity.iam import POD_IDENTITY, Role, RoleArgs, Statement, trust
from components.aws.scope import Scope


def role_for_pods(scope: Scope, *, managed: Sequence[str] = (), statements: Sequence[Statement] = ()) -> RoleArgs:
    """A role that pods take. managed: policies that AWS keeps, by name. statements: what else it may."""
    return RoleArgs(scope=scope, trust=[trust(POD_IDENTITY, scope)], managed=managed, statements=statements)


@dataclass(kw_only=True)
class PodIdentityArgs:
    """Whose pods may what.

    service_account: of the pods, in `namespace`; it need not be there yet.
    """

    scope: Scope
    cluster_name: pulumi.Input[str]
    namespace: str
    service_account: str
    statements: Sequence[Statement]


class PodIdentity(pulumi.ComponentResource):
    """A role `<scope>-<name>` and its association: pods that start afterwards have the role's credentials."""

    association: aws.eks.PodIdentityAssociation

    def __init__(self, name: str, args: PodIdentityArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:aws:PodIdentity", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        role = Role(name, role_for_pods(args.scope, statements=args.statements), opts=child)
        self.association = aws.eks.PodIdentityAssociation(
            name,
            cluster_name=args.cluster_name,
            namespace=args.namespace,
            service_account=args.service_account,
            role_arn=role.arn,
            opts=child,
        )
        self.register_outputs({})
