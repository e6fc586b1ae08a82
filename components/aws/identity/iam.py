"""IAM: policy documents of typed statements, and roles that carry them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import pulumi
import pulumi_aws as aws

from components.aws.scope import Scope

Principal = Literal["Service", "AWS", "Federated"]
Condition = Mapping[str, Mapping[str, pulumi.Input[str] | Sequence[pulumi.Input[str]]]]
POD_IDENTITY = "pods.eks.amazonaws.com"
NAMES_ITS_ACCOUNT = ("eks.amazonaws.com", "vpc-flow-logs.amazonaws.com")
"""Services documented to say on whose behalf they take a role."""


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One statement of a policy (IAM guide, Policy elements).

    principals: in resource and trust policies alone. conditions: operator, key, value.
    reason: why a resource is "*"; needed then, and nowhere written into the document.
    Raises ValueError for a wildcard in an action, and for "*" without a reason.
    """

    sid: str
    actions: Sequence[str]
    resources: Sequence[pulumi.Input[str]] = ()
    effect: Literal["Allow", "Deny"] = "Allow"
    principals: Mapping[Principal, Sequence[pulumi.Input[str]]] = field(default_factory=dict)
    conditions: Condition = field(default_factory=dict)
    reason: str = ""

    def __post_init__(self) -> None:
        if wild := [action for action in self.actions if "*" in action]:
            raise ValueError(f"{self.sid}: {wild[0]} is a wildcard; name each action")
        if "*" in [r for r in self.resources if isinstance(r, str)] and not self.reason:
            raise ValueError(
                f"{self.sid}: every resource, and no reason why; name resources or say why it can't be done"
            )

    def element(self) -> dict[str, Any]:
        """The statement as IAM reads it."""
        parts = {
            "Principal": {kind: list(names) for kind, names in self.principals.items()},
            "Resource": list(self.resources),
            "Condition": {o: {k: _listed(v) for k, v in c.items()} for o, c in self.conditions.items()},
        }
        filled = {name: part for name, part in parts.items() if part}
        return {"Sid": self.sid, "Effect": self.effect, "Action": list(self.actions), **filled}


def _listed(value: pulumi.Input[str] | Sequence[pulumi.Input[str]]) -> Any:
    return value if isinstance(value, str | pulumi.Output) or not isinstance(value, Sequence) else list(value)


def document(*statements: Statement) -> pulumi.Output[str]:
    """A policy document, JSON."""
    return pulumi.Output.json_dumps({"Version": "2012-10-17", "Statement": [s.element() for s in statements]})


def trust(service: str, scope: Scope) -> Statement:
    """Lets a service of AWS take a role, for this account alone where it says so (IAM guide, Confused deputy)."""
    if service == POD_IDENTITY:
        return Statement(
            sid="PodIdentity", actions=["sts:AssumeRole", "sts:TagSession"], principals={"Service": [service]}
        )
    own = {"StringEquals": {"aws:SourceAccount": scope.account}} if service in NAMES_ITS_ACCOUNT else {}
    return Statement(sid="Service", actions=["sts:AssumeRole"], principals={"Service": [service]}, conditions=own)


def managed(name: str) -> str:
    """The ARN of a policy that AWS keeps."""
    return f"arn:aws:iam::aws:policy/{name}"


@dataclass(kw_only=True)
class RoleArgs:
    """What a role needs to be told.

    trust: who may take it. managed: policies that AWS keeps, by name. statements: what else it may.
    """

    scope: Scope
    trust: Sequence[Statement]
    managed: Sequence[str] = ()
    statements: Sequence[Statement] = ()


class Role(pulumi.ComponentResource):
    """An IAM role `<scope>-<name>`. `arn` is known once all its policies are attached."""

    arn: pulumi.Output[str]
    role_name: pulumi.Output[str]
    attached: Sequence[pulumi.Resource]

    def __init__(self, name: str, args: RoleArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:aws:Role", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        role = aws.iam.Role(
            name,
            name=f"{args.scope.name}-{name}",
            assume_role_policy=document(*args.trust),
            permissions_boundary=args.scope.boundary,
            opts=child,
        )
        attached: list[pulumi.CustomResource] = [
            aws.iam.RolePolicyAttachment(
                f"{name}-{policy.rpartition('/')[2]}", role=role.name, policy_arn=managed(policy), opts=child
            )
            for policy in args.managed
        ]
        if args.statements:
            attached.append(
                aws.iam.RolePolicy(name, name=name, role=role.name, policy=document(*args.statements), opts=child)
            )
        self.attached, self.role_name = attached, role.name
        self.arn = pulumi.Output.all(role.arn, *(policy.id for policy in attached)).apply(lambda known: known[0])
        self.register_outputs({"arn": self.arn})
