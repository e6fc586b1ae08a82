"""What an account has in use of each quota, and the quotas that it has."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from components.aws.scope import PROJECT
from tools.doctor import quotas
from tools.doctor.account import GLOBAL_REGION, Asks, NotThere
from tools.doctor.demand import is_standard
from tools.doctor.quotas import Quota, Slot, Usage

Item = Mapping[str, Any]


def limit(account: Asks, quota: Quota) -> float:
    """The quota as the account has it. Raises CouldNotAsk."""
    try:
        answer = _of_quota(account, quota, "GetServiceQuota")
    except NotThere:  # there is no applied value: the default holds
        answer = _of_quota(account, quota, "GetAWSDefaultServiceQuota")
    return float(answer["Quota"]["Value"])


def requested(account: Asks, quota: Quota) -> float:
    """The value of the last increase that was asked for and is not decided; 0 where there is none."""
    requests = _of_quota(account, quota, "ListRequestedServiceQuotaChangeHistoryByQuota")["RequestedQuotas"]
    return max((float(r["DesiredValue"]) for r in requests if r["Status"] in ("PENDING", "CASE_OPENED")), default=0)


def _of_quota(account: Asks, quota: Quota, operation: str) -> Mapping[str, Any]:
    region = GLOBAL_REGION if quota.service == "iam" else ""
    return account.ask("service-quotas", operation, region=region, ServiceCode=quota.service, QuotaCode=quota.code)


def elastic_ips(account: Asks) -> dict[Slot, Usage]:
    return {Slot(quotas.ELASTIC_IPS): _tagged(account.ask("ec2", "DescribeAddresses")["Addresses"])}


def vpcs(account: Asks) -> dict[Slot, Usage]:
    return {Slot(quotas.VPCS): _tagged(account.ask("ec2", "DescribeVpcs")["Vpcs"])}


def internet_gateways(account: Asks) -> dict[Slot, Usage]:
    gateways = account.ask("ec2", "DescribeInternetGateways")["InternetGateways"]
    return {Slot(quotas.INTERNET_GATEWAYS): _tagged(gateways)}


def nat_gateways(account: Asks) -> dict[Slot, Usage]:
    """By zone. One that is being deleted still counts (VPC guide, Amazon VPC quotas)."""
    states = [{"Name": "state", "Values": ["pending", "available", "deleting"]}]
    gateways = account.ask("ec2", "DescribeNatGateways", Filter=states)["NatGateways"]
    subnets = account.ask("ec2", "DescribeSubnets")["Subnets"]
    zone_of = {s["SubnetId"]: s["AvailabilityZone"] for s in subnets}
    zones = {zone: [g for g in gateways if zone_of.get(g.get("SubnetId")) == zone] for zone in set(zone_of.values())}
    return {Slot(quotas.NAT_GATEWAYS, zone): _tagged(here) for zone, here in zones.items()}


def vcpus(account: Asks) -> dict[Slot, Usage]:
    """Of Standard instances that run or start."""
    states = [{"Name": "instance-state-name", "Values": ["pending", "running"]}]
    reservations = account.ask("ec2", "DescribeInstances", Filters=states)["Reservations"]
    instances = [i for r in reservations for i in r["Instances"] if is_standard(i["InstanceType"])]
    spot = [i for i in instances if i.get("InstanceLifecycle") == "spot"]
    on_demand = [i for i in instances if i.get("InstanceLifecycle") != "spot"]

    def size(instance: Item) -> float:
        options = instance.get("CpuOptions", {})
        return options.get("CoreCount", 1) * options.get("ThreadsPerCore", 1)

    return {Slot(quotas.ON_DEMAND): _tagged(on_demand, size), Slot(quotas.SPOT): _tagged(spot, size)}


def gp3(account: Asks) -> dict[Slot, Usage]:
    kind = [{"Name": "volume-type", "Values": ["gp3"]}]
    volumes = account.ask("ec2", "DescribeVolumes", Filters=kind)["Volumes"]
    return {Slot(quotas.GP3): _tagged(volumes, lambda volume: volume["Size"] / 1024)}


def load_balancers(account: Asks) -> dict[Slot, Usage]:
    found = account.ask("elbv2", "DescribeLoadBalancers")["LoadBalancers"]
    return {Slot(quotas.LOAD_BALANCERS): _named(b["LoadBalancerName"] for b in found if b["Type"] == "network")}


def clusters(account: Asks) -> dict[Slot, Usage]:
    return {Slot(quotas.CLUSTERS): _named(account.ask("eks", "ListClusters")["clusters"])}


def identities(account: Asks) -> dict[Slot, Usage]:
    """Roles and policies. Ours among them are counted twice, which matters only near a thousand."""
    summary = account.ask("iam", "GetAccountSummary", region=GLOBAL_REGION)["SummaryMap"]
    return {Slot(quotas.ROLES): Usage(summary["Roles"]), Slot(quotas.POLICIES): Usage(summary["Policies"])}


@dataclass(frozen=True)
class Question:
    """One way to learn the usage of these quotas."""

    about: tuple[Quota, ...]
    ask: Callable[[Asks], Mapping[Slot, Usage]]

    @property
    def name(self) -> str:
        return f"{' and '.join(quota.name for quota in self.about)} in use"


QUESTIONS = (
    Question((quotas.ELASTIC_IPS,), elastic_ips),
    Question((quotas.VPCS,), vpcs),
    Question((quotas.INTERNET_GATEWAYS,), internet_gateways),
    Question((quotas.NAT_GATEWAYS,), nat_gateways),
    Question((quotas.ON_DEMAND, quotas.SPOT), vcpus),
    Question((quotas.GP3,), gp3),
    Question((quotas.LOAD_BALANCERS,), load_balancers),
    Question((quotas.CLUSTERS,), clusters),
    Question((quotas.ROLES, quotas.POLICIES), identities),
)


def _tagged(items: Iterable[Item], size: Callable[[Item], float] = lambda _: 1) -> Usage:
    """Ours are those with the project's tag; each names its environment."""
    total, own = 0.0, defaultdict[str, float](float)
    for item in items:
        total += size(item)
        tags = {tag["Key"]: tag["Value"] for tag in item.get("Tags", [])}
        if tags.get("Project") == PROJECT:
            own[tags.get("Environment", "")] += size(item)
    return Usage(total, own)


def _named(names: Iterable[str]) -> Usage:
    """Ours are those named `journal-<environment>`."""
    found = list(names)
    own = Counter(name.removeprefix(f"{PROJECT}-") for name in found if name.startswith(f"{PROJECT}-"))
    return Usage(len(found), own)
