"""EKS Pod Identity: IAM roles for the pods of a service account."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.aws.identity.iam import POD_IDENTITY, Role, RoleArgs, Statement, trust_service
from components.aws.scope import Scope


def pod_role(scope: Scope, *, managed_policies: Sequence[str] = (), statements: Sequence[Statement] = ()) -> RoleArgs:
    """A role that EKS Pod Identity may assume for pods. See RoleArgs for `managed_policies` and `statements`."""
    return RoleArgs(
        scope=scope,
        trust=[trust_service(POD_IDENTITY, scope)],
        managed_policies=managed_policies,
        statements=statements,
    )


@dataclass(kw_only=True)
class PodIdentityArgs:
    """Arguments of PodIdentity.

    scope: account, region and name prefix.
    cluster_name: the EKS cluster.
    namespace, service_account: the service account of the pods. It may be created later than the association.
    managed_policies, statements: what the pods may do in AWS; see RoleArgs.
    """

    scope: Scope
    cluster_name: pulumi.Input[str]
    namespace: str
    service_account: str
    managed_policies: Sequence[str] = ()
    statements: Sequence[Statement] = ()


class PodIdentity(pulumi.ComponentResource):
    """The IAM role `<scope>-<name>` and its association with a service account.

    A pod receives credentials when it is admitted or never, and an association takes effect some seconds after it is
    made (EKS guide, EKS Pod Identity; amazon-eks-pod-identity-webhook, issue 264). So all associations of a cluster are
    made before its nodes, and pods come minutes later.
    """

    association: aws.eks.PodIdentityAssociation

    def __init__(self, name: str, args: PodIdentityArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:aws/eks:PodIdentity", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        role = Role(
            name,
            pod_role(args.scope, managed_policies=args.managed_policies, statements=args.statements),
            opts=child,
        )
        self.association = aws.eks.PodIdentityAssociation(
            name,
            cluster_name=args.cluster_name,
            namespace=args.namespace,
            service_account=args.service_account,
            role_arn=role.arn,
            opts=child,
        )
        self.register_outputs({})
