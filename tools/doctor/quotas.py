"""AWS's quotas that the stacks can run into, and the comparison of a need with what an account has left."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from tools.doctor.account import GLOBAL_REGION
from tools.doctor.findings import QuotaFinding, Verdict


@dataclass(frozen=True)
class Quota:
    """One quota.

    service, code: by which Service Quotas knows it. default: what AWS gives an account that asked for nothing.
    of: `region` and `account` are shared by all stacks there, `each` holds for one resource by itself.
    taken: how many a new account has in use, such as the default VPC of each region.
    """

    name: str
    service: str
    code: str
    default: float
    of: Literal["region", "account", "each"] = "region"
    taken: float = 0


ELASTIC_IPS = Quota("Elastic IPs", "ec2", "L-0263D0A3", 5)
VPCS = Quota("VPCs", "vpc", "L-F678F1CE", 5, taken=1)
INTERNET_GATEWAYS = Quota("internet gateways", "vpc", "L-A4707A72", 5, taken=1)
NAT_GATEWAYS = Quota("NAT gateways", "vpc", "L-FE5A380F", 5)
ON_DEMAND = Quota("vCPUs on demand", "ec2", "L-1216C47A", 5)
SPOT = Quota("vCPUs on Spot", "ec2", "L-34B43A08", 5)
GP3 = Quota("gp3 volumes, TiB", "ebs", "L-7A658B76", 50)
LOAD_BALANCERS = Quota("network load balancers", "elasticloadbalancing", "L-69A177A2", 50)
CLUSTERS = Quota("EKS clusters", "eks", "L-1194D53C", 100)
NODE_GROUPS = Quota("node groups of a cluster", "eks", "L-6D54EA21", 30, "each")
NODES = Quota("nodes of a group", "eks", "L-BD136A63", 450, "each")
RULES = Quota("rules of a security group, one direction", "vpc", "L-0EA8095F", 60, "each")
ROLES = Quota("IAM roles", "iam", "L-FE177D64", 1000, "account")
POLICIES = Quota("customer managed policies", "iam", "L-E95E4862", 1500, "account")
ROLE_POLICIES = Quota("managed policies of a role", "iam", "L-0DA4ABF3", 10, "each")
QUOTAS = (
    ELASTIC_IPS, VPCS, INTERNET_GATEWAYS, NAT_GATEWAYS, ON_DEMAND, SPOT, GP3, LOAD_BALANCERS, CLUSTERS, NODE_GROUPS,
    NODES, RULES, ROLES, POLICIES, ROLE_POLICIES,
)  # fmt: skip
"""Defaults as in AWS General Reference (endpoints and quotas of Amazon EC2, VPC, EBS, Elastic Load Balancing, EKS) and
IAM's guide (IAM and STS quotas), codes as public lists of Service Quotas have them; read 2026-11, no account asked.

The two of vCPUs are those of Standard instances (A, C, D, H, I, M, R, T, Z). Left out is what no stack comes near, such
as 10,000 buckets, 100,000 keys and repositories, 3,000 target groups, 2,500 security groups, 50 endpoints of a VPC.
"""


@dataclass(frozen=True)
class Slot:
    """A quota where it holds: a zone for NAT gateways, one resource for what is limited for each; else nothing."""

    quota: Quota
    where: str = ""

    @property
    def name(self) -> str:
        return f"{self.quota.name} ({self.where})" if self.where else self.quota.name


@dataclass(frozen=True)
class Amount:
    """first: what the first deployment takes. most: what it may grow to, as node groups do."""

    first: float = 0
    most: float = 0

    def __add__(self, other: "Amount") -> "Amount":
        return Amount(self.first + other.first, self.most + other.most)

    def __str__(self) -> str:
        return number(self.first) if self.first == self.most else f"{number(self.first)} to {number(self.most)}"


@dataclass(frozen=True)
class Usage:
    """total: what is in use. own: how much of that belongs to our stacks, by environment."""

    total: float
    own: Mapping[str, float] = field(default_factory=dict)


Demand = Mapping[Slot, Amount]
NOTHING = Amount()


def compare(
    slot: Slot,
    asked: Mapping[str, Amount],
    every: Mapping[str, Amount],
    usage: Usage | None,
    limit: float | None,
    region: str,
) -> QuotaFinding:
    """Whether what these stacks need fits into a quota, beside what others have.

    asked: what the stacks in question need, by environment. every: the same of all stacks that share the quota.
    usage, limit: what the account says; None where it was not asked. Then a new account is assumed, and what does not
    fit is a warning: the quota may have been raised.
    """
    quota = slot.quota
    used = Usage(0 if quota.of == "each" else quota.taken) if usage is None else usage
    room = quota.default if limit is None else limit
    first = used.total + sum(max(0, a.first - used.own.get(name, 0)) for name, a in asked.items())
    most = used.total + sum(max(0, a.most - used.own.get(name, 0)) for name, a in every.items())
    verdict = Verdict.OK
    if first > room:
        verdict = Verdict.WARNING if limit is None else Verdict.PROBLEM
    elif most > room:
        verdict = Verdict.WARNING
    figures = {
        "needs": str(sum(asked.values(), NOTHING)),
        "all_need": "" if quota.of == "each" else str(sum(every.values(), NOTHING)),
        "used": "" if usage is None else number(used.total),
        "limit": number(room) if limit is not None else f"{number(room)} by default",
    }
    if verdict is Verdict.OK:
        return QuotaFinding(slot.name, verdict, "", **figures)
    says = _says(quota, first, most, None if usage is None else usage.total, room)
    known = "the default quota is" if limit is None else "the quota is"
    return QuotaFinding(slot.name, verdict, f"{says}; {known} {number(room)}", _request(quota, most, region), **figures)


def _says(quota: Quota, first: float, most: float, used: float | None, room: float) -> str:
    now = "" if used is None or quota.of == "each" else f", {number(used)} now"
    if first > room:
        return f"{number(first)} after this deployment{now}" if now else f"{number(first)} are needed"
    if quota.of == "each":
        return f"{number(most)} may be needed"
    return f"{number(most)} with all stacks at their largest{now}"


def awaiting(finding: QuotaFinding, value: float) -> QuotaFinding:
    """The finding where an increase to this value was asked for and is not decided yet: AWS takes no second request."""
    wait = f"An increase to {number(value)} was asked for: wait for it, then run this again"
    return replace(finding, remedy=f"{wait}. If that is not enough: {finding.remedy}")


def _request(quota: Quota, value: float, region: str) -> str:
    where = GLOBAL_REGION if quota.service == "iam" else region
    return (
        f"aws service-quotas request-service-quota-increase --service-code {quota.service} --quota-code {quota.code}"
        f" --desired-value {math.ceil(value)} --region {where}"
    )


def number(value: float) -> str:
    """At most two digits behind the point; a large one in full."""
    return f"{value:.2f}".rstrip("0").rstrip(".")
