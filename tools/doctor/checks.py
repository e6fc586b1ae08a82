"""What a deployment finds in the account besides quotas: each check asks, and a pure function judges the answer."""

import datetime
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from components.aws.scope import PROJECT
from components.settings.shared import WORKFLOW_ROLES, PulumiStateSettings
from tools.doctor.account import GLOBAL_REGION, Asks, NotThere
from tools.doctor.findings import Finding, Verdict
from tools.doctor.stacks import IMAGE, Stack

SOON = datetime.timedelta(days=90)
"""How long before the end of standard support a version is warned of."""
STATE_FOLDER = f".pulumi/stacks/{PROJECT}"
"""Where Pulumi's S3 backend keeps a project's stacks, `<stack>.json` each (Pulumi docs, State and backends)."""
ZONES_WITHOUT_EKS = {"cac1-az3", "use1-az3", "usw1-az2"}
"""Ids of zones whose subnets EKS refuses for a control plane; their names differ between accounts (EKS guide, VPC and
subnet requirements)."""
Answer = Mapping[str, Any]


def kubernetes_version(account: Asks, stack: Stack, today: datetime.date) -> list[Finding]:
    version = stack.cluster.control_plane.version
    try:
        answer = account.ask("eks", "DescribeClusterVersions", clusterVersions=[version])
    except NotThere:
        answer = {}
    return [judged_version(version, stack.cluster.control_plane.support, answer.get("clusterVersions", []), today)]


def judged_version(version: str, support: str, offered: Sequence[Answer], today: datetime.date) -> Finding:
    """support: the setting, STANDARD or EXTENDED."""
    subject = f"Kubernetes {version}"
    found = next((each for each in offered if each["clusterVersion"] == version), None)
    if found is None or found.get("versionStatus") == "UNSUPPORTED":
        return Finding(
            subject,
            Verdict.PROBLEM,
            "EKS does not offer it",
            "Set controlPlane.version to one that `aws eks describe-cluster-versions` lists (docs/runbooks.md).",
        )
    end = _date(found.get("endOfStandardSupportDate"))
    upgrade = "Upgrade to the next minor version (docs/runbooks.md, Upgrade Kubernetes)."
    if found.get("versionStatus") == "EXTENDED_SUPPORT":
        says = f"standard support ended{f' on {end}' if end else ''}"
        if support == "EXTENDED":
            return Finding(subject, Verdict.WARNING, f"{says}; extended support costs six times as much", upgrade)
        return Finding(subject, Verdict.PROBLEM, f"{says}, and controlPlane.support is STANDARD", upgrade)
    if end and end - today <= SOON:
        return Finding(subject, Verdict.WARNING, f"standard support ends on {end}", upgrade)
    return Finding(subject, Verdict.OK, f"in standard support{f' until {end}' if end else ''}")


def add_on(account: Asks, stack: Stack, name: str, version: str) -> list[Finding]:
    kubernetes = stack.cluster.control_plane.version
    try:
        answer = account.ask("eks", "DescribeAddonVersions", addonName=name, kubernetesVersion=kubernetes)
    except NotThere:
        answer = {}
    return [judged_add_on(name, version, kubernetes, answer.get("addons", []))]


def judged_add_on(name: str, version: str, kubernetes: str, offered: Sequence[Answer]) -> Finding:
    subject = f"add-on {name} {version}"
    versions = [each for add_on in offered if add_on["addonName"] == name for each in add_on["addonVersions"]]
    if any(each["addonVersion"] == version for each in versions):
        return Finding(subject, Verdict.OK, f"offered for Kubernetes {kubernetes}")
    default = next((e["addonVersion"] for e in versions if _is_default(e, kubernetes)), "")
    best = default or next((each["addonVersion"] for each in versions), "")
    says = f"EKS does not offer it for Kubernetes {kubernetes}"
    remedy = f"In components/versions.py, put {name} of {kubernetes} to {best}." if best else "Remove the add-on."
    return Finding(subject, Verdict.PROBLEM, says, remedy)


def _is_default(version: Answer, kubernetes: str) -> bool:
    fits = version.get("compatibilities", [])
    return any(c.get("clusterVersion") == kubernetes and c.get("defaultVersion") for c in fits)


def zones(account: Asks, stack: Stack) -> list[Finding]:
    answer = account.ask("ec2", "DescribeAvailabilityZones", AllAvailabilityZones=True)
    return judged_zones(stack.cluster.network.zones, answer["AvailabilityZones"])


def judged_zones(wanted: Sequence[str], known: Sequence[Answer]) -> list[Finding]:
    usable = {z["ZoneName"] for z in known if z.get("ZoneType", "availability-zone") == "availability-zone"}
    states = {z["ZoneName"]: z.get("State", "") for z in known}
    without = {z["ZoneName"]: z["ZoneId"] for z in known if z.get("ZoneId") in ZONES_WITHOUT_EKS}
    instead = ", ".join(sorted(z for z in usable - without.keys() if states[z] == "available"))
    findings: list[Finding] = []
    for zone in wanted:
        if zone not in usable or zone in without:
            remedy = f"Name other zones in network.zones: {instead}."
            says = "the account does not have it"
            if zone in without:
                says = f"it is {without[zone]}, in which EKS makes no control plane"
            findings.append(Finding(f"zone {zone}", Verdict.PROBLEM, says, remedy))
        elif states[zone] != "available":
            remedy = "See AWS's Health Dashboard, or wait."
            findings.append(Finding(f"zone {zone}", Verdict.PROBLEM, f"its state is {states[zone]}", remedy))
    return findings or [Finding("zones", Verdict.OK, f"{', '.join(wanted)}: available")]


def instance_types(account: Asks, stack: Stack) -> list[Finding]:
    groups = {f"{name} of {stack.name}": group for name, group in stack.node_groups.items()}
    names = sorted({t for types, _ in groups.values() for t in types})
    answer = account.ask(
        "ec2",
        "DescribeInstanceTypeOfferings",
        LocationType="availability-zone",
        Filters=[{"Name": "instance-type", "Values": names}],
    )
    offered = {(o["InstanceType"], o["Location"]) for o in answer["InstanceTypeOfferings"]}
    return judged_types(groups, offered)


def judged_types(
    groups: Mapping[str, tuple[Sequence[str], Sequence[str]]], offered: Collection[tuple[str, str]]
) -> list[Finding]:
    """groups: instance types and zones by node group. offered: type and zone."""
    findings: list[Finding] = []
    for group, (types, group_zones) in groups.items():
        for zone in group_zones:
            missing = [t for t in types if (t, zone) not in offered]
            if not missing:
                continue
            verdict = Verdict.PROBLEM if len(missing) == len(types) else Verdict.WARNING
            says = f"{zone} has no {' and no '.join(missing)}"
            remedy = f"Name other instanceTypes for node group {group}, or other zones."
            findings.append(Finding(f"node group {group}", verdict, says, remedy))
    return findings or [Finding("instance types", Verdict.OK, "offered in every zone")]


def image(account: Asks, name: str, stack: Stack) -> list[Finding]:
    """name: a reference into ECR. The workflow Deploy puts images of its own in its place."""
    found = IMAGE.fullmatch(name)
    if found is None:
        raise ValueError(f"{name} is no image in ECR")
    subject = f"image {name.partition('/')[2]}"
    wanted = {"imageDigest": found["digest"]} if found["digest"] else {"imageTag": found["tag"] or "latest"}
    try:
        account.ask(
            "ecr", "DescribeImages", region=found["region"], repositoryName=found["repository"], imageIds=[wanted]
        )
    except NotThere:
        remedy = (
            "Run the workflow Deploy, which builds images and sets them; or push this one before `pulumi up -s "
            f"{stack.name}`, and name it in the stack's file."
        )
        return [Finding(subject, Verdict.WARNING, "is not in ECR", remedy)]
    return [Finding(subject, Verdict.OK, "is in ECR")]


def repositories(account: Asks, names: Sequence[str], region: str) -> list[Finding]:
    """Whether stack `shared` is deployed, by its image repositories."""
    missing: list[str] = []
    for name in names:
        try:
            account.ask("ecr", "DescribeRepositories", region=region, repositoryNames=[name])
        except NotThere:
            missing.append(name)
    if missing:
        says = f"ECR has no repository {' and no '.join(missing)}"
        return [Finding("stack shared", Verdict.PROBLEM, says, "Deploy it first: pulumi up -s shared.")]
    return [Finding("stack shared", Verdict.OK, "has its image repositories")]


def principal(account: Asks, arn: str, own_account: str) -> list[Finding]:
    """Whether a role or user exists that gets access to the cluster."""
    subject = f"principal {arn.rpartition(':')[2]}"
    if arn.split(":")[4] != own_account:
        return [Finding(subject, Verdict.UNKNOWN, "is of another account", "Look there whether it exists.")]
    kind, _, path = arn.rpartition(":")[2].partition("/")
    operation = "GetUser" if kind == "user" else "GetRole"
    question = {f"{kind.capitalize()}Name": path.rpartition("/")[2]}
    ours = path.startswith(WORKFLOW_ROLES)
    remedy = "Deploy it first: pulumi up -s shared." if ours else "Create it (docs/aws.md, Create the roles of people)."
    try:
        found = account.ask("iam", operation, region=GLOBAL_REGION, **question)[kind.capitalize()]["Arn"]
    except NotThere:
        return [Finding(subject, Verdict.PROBLEM, "does not exist: EKS refuses its access entry", remedy)]
    if found != arn:
        remedy = f"Write {found} in controlPlane.access."
        return [Finding(subject, Verdict.PROBLEM, f"has another path: it is {found}", remedy)]
    return [Finding(subject, Verdict.OK, "exists")]


def state_bucket(account: Asks, state: PulumiStateSettings, region: str, stacks: Iterable[str]) -> list[Finding]:
    subject = f"bucket {state.bucket}"
    try:
        account.ask("s3", "HeadBucket", region=region, Bucket=state.bucket)
        listed = account.ask("s3", "ListObjectsV2", region=region, Bucket=state.bucket, Prefix=f"{STATE_FOLDER}/")
    except NotThere:
        remedy = "Create it (docs/aws.md, step 2)."
        return [Finding(subject, Verdict.PROBLEM, "does not exist: Pulumi has nowhere to keep its state", remedy)]
    return judged_state(subject, [str(o["Key"]) for o in listed.get("Contents", [])], stacks)


def judged_state(subject: str, keys: Sequence[str], stacks: Iterable[str]) -> list[Finding]:
    """keys: of the objects in the folder of the project's stacks; one may be compressed."""
    kept = {key.rpartition("/")[2].removesuffix(".gz").removesuffix(".json") for key in keys}
    missing = [name for name in stacks if name not in kept]
    if missing:
        says = f"has no stack {' and no stack '.join(missing)}"
        remedy = f"Create it: pulumi stack init {missing[0]} (docs/aws.md, Create the stacks)."
        return [Finding(subject, Verdict.PROBLEM, says, remedy)]
    return [Finding(subject, Verdict.OK, "holds the state of the stacks")]


def state_key(account: Asks, state: PulumiStateSettings, region: str) -> list[Finding]:
    subject = f"key {state.key_alias}"
    try:
        found = account.ask("kms", "DescribeKey", region=region, KeyId=state.key_alias)["KeyMetadata"]
    except NotThere:
        remedy = "Create it (docs/aws.md, step 2)."
        return [Finding(subject, Verdict.PROBLEM, "does not exist: Pulumi cannot read the stack's secrets", remedy)]
    if found.get("KeyState") != "Enabled":
        which = f"--key-id {found['KeyId']} --region {region}"
        kept = f"aws kms cancel-key-deletion {which} && " if found.get("KeyState") == "PendingDeletion" else ""
        remedy = f"{kept}aws kms enable-key {which}"
        return [Finding(subject, Verdict.PROBLEM, f"its state is {found.get('KeyState')}", remedy)]
    return [Finding(subject, Verdict.OK, "is enabled")]


def region_enabled(account: Asks, region: str) -> Finding:
    """Asked in a region that every account has."""
    answer = account.ask("ec2", "DescribeRegions", region=GLOBAL_REGION, AllRegions=True)
    status = {r["RegionName"]: r.get("OptInStatus", "") for r in answer["Regions"]}.get(region, "")
    subject = f"region {region}"
    if status in ("opt-in-not-required", "opted-in"):
        return Finding(subject, Verdict.OK, "is enabled")
    says = "is disabled in this account" if status else "does not exist"
    return Finding(
        subject, Verdict.PROBLEM, says, f"aws account enable-region --region-name {region}, and wait an hour."
    )


def _date(value: Any) -> datetime.date | None:
    return value.date() if isinstance(value, datetime.datetime) else None
