"""IAM: typed policy statements, conditions on the tag `Environment`, and roles."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import pulumi
import pulumi_aws as aws

from components.aws.scope import Scope

Principal = Literal["Service", "AWS", "Federated"]
Conditions = Mapping[str, Mapping[str, pulumi.Input[str] | Sequence[pulumi.Input[str]]]]
POD_IDENTITY = "pods.eks.amazonaws.com"
SENDS_SOURCE_ACCOUNT = ("eks.amazonaws.com", "vpc-flow-logs.amazonaws.com")
"""Services that are documented to set aws:SourceAccount when they assume a role."""
ENVIRONMENT_TAG = "Environment"
NO_ARN_YET = "a resource that is created has no ARN yet; a condition requires the environment's tag instead"
"""Reason for `"*"` in statements that allow to create resources."""


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One statement of a policy document (IAM guide, JSON policy element reference).

    sid: letters and digits, unique within the document.
    actions: full names, "s3:GetObject"; wildcards raise ValueError.
    resources: ARNs, which may contain wildcards; empty in trust policies. "*" without a `reason` raises ValueError.
    effect: "Allow" or "Deny".
    principals: names by kind of principal; only in resource-based and trust policies.
    conditions: values by operator and condition key: {"StringEquals": {"aws:SourceAccount": "111122223333"}}.
    reason: why the statement applies to every resource; not part of the document.
    """

    sid: str
    actions: Sequence[str]
    resources: Sequence[pulumi.Input[str]] = ()
    effect: Literal["Allow", "Deny"] = "Allow"
    principals: Mapping[Principal, Sequence[pulumi.Input[str]]] = field(default_factory=dict)
    conditions: Conditions = field(default_factory=dict)
    reason: str = ""

    def __post_init__(self) -> None:
        if wildcards := [action for action in self.actions if "*" in action]:
            raise ValueError(f"{self.sid}: {wildcards[0]} is a wildcard; name each action")
        if "*" in [arn for arn in self.resources if isinstance(arn, str)] and not self.reason:
            raise ValueError(f"{self.sid}: applies to every resource; name the resources or give a reason")

    def as_dict(self) -> dict[str, Any]:
        """The statement as an element of a JSON policy document."""
        parts = {
            "Principal": {kind: list(names) for kind, names in self.principals.items()},
            "Resource": list(self.resources),
            "Condition": {
                operator: {key: _as_list(value) for key, value in keys.items()}
                for operator, keys in self.conditions.items()
            },
        }
        filled = {name: part for name, part in parts.items() if part}
        return {"Sid": self.sid, "Effect": self.effect, "Action": list(self.actions), **filled}


def _as_list(value: pulumi.Input[str] | Sequence[pulumi.Input[str]]) -> Any:
    """A sequence as a list, which Pulumi can serialize; a string or an Output as it is."""
    return value if isinstance(value, str | pulumi.Output) or not isinstance(value, Sequence) else list(value)


def policy_document(*statements: Statement) -> pulumi.Output[str]:
    """A policy document as JSON."""
    return pulumi.Output.json_dumps({"Version": "2012-10-17", "Statement": [s.as_dict() for s in statements]})


def has_environment_tag(scope: Scope) -> dict[str, dict[str, str]]:
    """The condition that a resource carries the tag `Environment` of the scope."""
    return {"StringEquals": {f"aws:ResourceTag/{ENVIRONMENT_TAG}": scope.environment}}


def requests_environment_tag(scope: Scope) -> dict[str, dict[str, str]]:
    """The condition that a request gives a resource the tag `Environment` of the scope."""
    return {"StringEquals": {f"aws:RequestTag/{ENVIRONMENT_TAG}": scope.environment}}


def trust_service(service: str, scope: Scope) -> Statement:
    """The statement of a trust policy that lets an AWS service assume a role.

    A service that sets aws:SourceAccount may do so only for the scope's account (IAM guide, The confused deputy
    problem).
    """
    if service == POD_IDENTITY:
        return Statement(
            sid="PodIdentity", actions=["sts:AssumeRole", "sts:TagSession"], principals={"Service": [service]}
        )
    source_account = {"StringEquals": {"aws:SourceAccount": scope.account}} if service in SENDS_SOURCE_ACCOUNT else {}
    return Statement(
        sid="Service", actions=["sts:AssumeRole"], principals={"Service": [service]}, conditions=source_account
    )


def managed_policy_arn(name: str) -> str:
    """The ARN of an AWS managed policy. `name` may have a path: "service-role/AWSBackupServiceRolePolicyForBackup"."""
    return f"arn:aws:iam::aws:policy/{name}"


@dataclass(kw_only=True)
class RoleArgs:
    """Arguments of Role.

    scope: account, name prefix and permissions boundary.
    trust: statements of the trust policy: who may assume the role.
    managed_policies: names of AWS managed policies to attach, with their paths.
    statements: statements of the role's inline policy; without any, it has none.
    session_minutes: how long who assumes the role may keep its credentials, 60 to 720.
    """

    scope: Scope
    trust: Sequence[Statement]
    managed_policies: Sequence[str] = ()
    statements: Sequence[Statement] = ()
    session_minutes: int = 60


class Role(pulumi.ComponentResource):
    """The IAM role `<scope>-<name>` with its policies.

    arn: known once all policies are attached, so whatever uses the role has its permissions from the start.
    """

    arn: pulumi.Output[str]
    role_name: pulumi.Output[str]
    attached: Sequence[pulumi.Resource]

    def __init__(self, name: str, args: RoleArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:aws/identity:Role", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        role = aws.iam.Role(
            name,
            name=f"{args.scope.name}-{name}",
            assume_role_policy=policy_document(*args.trust),
            permissions_boundary=args.scope.boundary,
            max_session_duration=args.session_minutes * 60,
            opts=child,
        )
        attached: list[pulumi.CustomResource] = [
            aws.iam.RolePolicyAttachment(
                f"{name}-{policy.rpartition('/')[2]}", role=role.name, policy_arn=managed_policy_arn(policy), opts=child
            )
            for policy in args.managed_policies
        ]
        if args.statements:
            attached.append(
                aws.iam.RolePolicy(
                    name, name=name, role=role.name, policy=policy_document(*args.statements), opts=child
                )
            )
        self.attached, self.role_name = attached, role.name
        self.arn = pulumi.Output.all(role.arn, *(policy.id for policy in attached)).apply(lambda known: known[0])
        self.register_outputs({"arn": self.arn})
