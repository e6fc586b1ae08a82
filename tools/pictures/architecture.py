"""Where in the picture of a stack a resource belongs: the boxes around it, and what the innermost says of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tools.implicit_dependencies import pod_of
from tools.recording import Registration
from tools.recording.graph import Graph


@dataclass(frozen=True)
class Frame:
    """A box by its key among its siblings."""

    key: str
    title: str
    style: str


@dataclass(frozen=True)
class Spot:
    """frames: the boxes around a resource, the outermost first. line: of text, in the innermost."""

    frames: tuple[Frame, ...]
    line: str = ""


class Atlas:
    """The frames that a stack has, found among its resources."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        everything = list(graph.nodes.values())
        self.account, self.network = self._account(everything), self._account(everything)
        for r in everything:
            if r.kind == "Vpc":
                self.network = (*self.account, Frame("vpc", f"VPC {r['cidrBlock']}", "network"))
        title = "Kubernetes cluster"
        for r in everything:
            if r.type == "aws:eks/cluster:Cluster":
                title = f"EKS cluster {r['name']}, Kubernetes {r['version']}"
        self.cluster = (*self.network, Frame("cluster", title, "cluster"))

    @staticmethod
    def _account(everything: list[Registration]) -> tuple[Frame, ...]:
        for r in everything:
            if r.type == "pulumi:providers:aws":
                ids = r.inputs.get("allowedAccountIds", "")
                number = "".join(c for c in str(ids) if c.isdigit())
                return (Frame("account", f"AWS account {number}, {r['region']}", "account"),)
        return ()

    def place(self, r: Registration) -> Spot | None:
        """None for what has no box."""
        if not r.custom or r.read_id:
            return None
        rule = RULES.get(r.type)
        return rule(self, r) if rule is not None else self.workload(r) if pod_of(r) else None

    def workload(self, r: Registration) -> Spot:
        replicas = r["spec"].get("replicas", 1)
        pods = "one a node" if r.kind == "DaemonSet" else "1 pod" if replicas == 1 else f"{replicas} pods"
        claims = [c["spec"]["resources"]["requests"]["storage"] for c in r["spec"].get("volumeClaimTemplates", [])]
        volumes = f", {' and '.join(claims)} each" if claims else ""
        style = "data" if claims else "workload"
        return self.in_namespace(r, r["metadata"]["name"], style, f"{r.kind}, {pods}{volumes}")

    def in_namespace(self, r: Registration, name: str, style: str, line: str = "") -> Spot:
        namespace = r.inputs.get("namespace", r.inputs.get("metadata", {}).get("namespace", "default"))
        inside = Frame(f"namespace {namespace}", f"namespace {namespace}", "group")
        return Spot((*self.cluster, inside, Frame(f"{style} {name}", name, style)), line)

    def subnet_frames(self, r: Registration) -> tuple[Frame, ...]:
        zone = r["availabilityZone"]
        tier = r.name.removesuffix(f"-{zone}")
        return (*self.network, Frame(f"zone {zone}", zone, "zone"), Frame(tier, f"{tier} {r['cidrBlock']}", "subnet"))

    def needed(self, r: Registration, kind: str) -> Registration | None:
        """What a resource directly waits for, of one kind."""
        found = (self._graph.nodes[urn] for urn in sorted(self._graph.before[r.urn]))
        return next((other for other in found if other.kind == kind), None)

    def is_before(self, r: Registration, kind: str) -> bool:
        """Whether something of a kind waits for a resource."""
        return any(r.urn in self._graph.ancestors[u] for u, n in self._graph.nodes.items() if n.kind == kind)


def _nat(atlas: Atlas, r: Registration) -> Spot | None:
    subnet = atlas.needed(r, "Subnet")
    return None if subnet is None else Spot(atlas.subnet_frames(subnet), "NAT gateway")


def _nodes(atlas: Atlas, r: Registration) -> Spot:
    size = r["scalingConfig"]
    types = r.inputs.get("instanceTypes", ["?"])
    spot = " Spot" if r.inputs.get("capacityType") == "SPOT" else ""
    line = f"{size['desiredSize']} of {types[0]}{spot}, {size['minSize']} to {size['maxSize']}"
    groups = Frame("nodes", "Node groups", "group")
    return Spot((*atlas.cluster, groups, Frame(r.name, r.name, "nodes")), line)


def _targets(atlas: Atlas, r: Registration) -> Spot | None:
    """Nodes that the load balancer sends to."""
    nodes = atlas.needed(r, "NodeGroup")
    return None if nodes is None else Spot(_nodes(atlas, nodes).frames, "targets of the load balancer")


def _add_on(atlas: Atlas, r: Registration) -> Spot:
    first = atlas.is_before(r, "NodeGroup")
    frame = (
        Frame("first add-ons", "Add-ons before nodes", "service") if first else Frame("add-ons", "Add-ons", "service")
    )
    return Spot((*atlas.cluster, frame), r["addonName"])


def _ingress(atlas: Atlas, r: Registration) -> Spot:
    hosts = [rule["host"] for rule in r["spec"].get("rules", []) if "host" in rule]
    return atlas.in_namespace(r, "Ingress", "edge", ", ".join(dict.fromkeys(hosts)))


def _certificate(atlas: Atlas, r: Registration) -> Spot:
    return atlas.in_namespace(r, "Certificate", "edge", f"by {r['spec']['issuerRef']['name']}")


def _release(atlas: Atlas, r: Registration) -> Spot:
    return atlas.in_namespace(r, r.name, "workload", f"Helm chart {r.inputs.get('version', '')}".strip())


def _endpoint(atlas: Atlas, r: Registration) -> Spot:
    service = str(r["serviceName"]).rpartition(f"{atlas.account[-1].title.rpartition(' ')[2]}.")[2]
    return Spot((*atlas.network, Frame("endpoints", "VPC endpoints", "service")), service)


def _record(atlas: Atlas, r: Registration) -> Spot:
    return Spot((*atlas.account, Frame("dns", "Route 53", "edge")), f"{r['name']} {r['type']}")


def _box(
    where: str, key: str, title: str, style: str = "service", line: Callable[[Registration], Any] = lambda _r: ""
) -> Callable[[Atlas, Registration], Spot]:
    """Everything of a type in one box."""
    return lambda atlas, r: Spot((*getattr(atlas, where), Frame(key, title, style)), str(line(r)))


def _way_in(line: Callable[[Registration], Any] = lambda _r: "") -> Callable[[Atlas, Registration], Spot]:
    return _box("network", "load balancer", "Network load balancer", "edge", line)


def _role(atlas: Atlas, r: Registration) -> Spot | None:
    """What GitHub takes; roles of services are part of what they serve."""
    if atlas.needed(r, "OpenIdConnectProvider") is None:
        return None
    return Spot((*atlas.account, Frame("roles", "Roles for GitHub's workflows", "service")), r["name"])


RULES: Mapping[str, Callable[[Atlas, Registration], Spot | None]] = {
    "aws:autoscaling/attachment:Attachment": _targets,
    "aws:backup/plan:Plan": _box(
        "account", "backup", "AWS Backup", "data", lambda r: f"kept {r['rules'][0]['lifecycle']['deleteAfter']} days"
    ),
    "aws:backup/restoreTestingPlan:RestoreTestingPlan": _box(
        "account", "backup", "AWS Backup", "data", lambda _r: "restores are tested"
    ),
    "aws:backup/selection:Selection": _box("account", "backup", "AWS Backup", "data"),
    "aws:backup/vault:Vault": _box("account", "backup", "AWS Backup", "data"),
    "aws:cloudwatch/logGroup:LogGroup": _box(
        "account", "logs", "CloudWatch Logs", line=lambda r: f"{r['name']}, {r['retentionInDays']} days"
    ),
    "aws:ec2/internetGateway:InternetGateway": _box("network", "gateway", "Internet gateway"),
    "aws:ec2/natGateway:NatGateway": _nat,
    "aws:ec2/subnet:Subnet": lambda atlas, r: Spot(atlas.subnet_frames(r)),
    "aws:ec2/vpcEndpoint:VpcEndpoint": _endpoint,
    "aws:ecr/repository:Repository": _box("account", "ecr", "ECR", "data", lambda r: r["name"]),
    "aws:eks/addon:Addon": _add_on,
    "aws:eks/cluster:Cluster": _box("cluster", "control plane", "Control plane", "service"),
    "aws:eks/nodeGroup:NodeGroup": _nodes,
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": _box(
        "account", "oidc", "OpenID Connect provider", line=lambda r: str(r["url"]).removeprefix("https://")
    ),
    "aws:iam/role:Role": _role,
    "aws:kms/key:Key": _box("account", "kms", "KMS key"),
    "aws:lb/listener:Listener": _way_in(lambda r: f"{r['protocol']} {r['port']}"),
    "aws:lb/loadBalancer:LoadBalancer": _way_in(),
    "aws:lb/targetGroup:TargetGroup": _way_in(),
    "aws:route53/record:Record": _record,
    "aws:route53/zone:Zone": _box("account", "dns", "Route 53", "edge", lambda r: f"zone {r['name']}"),
    "aws:s3/bucket:Bucket": _box("account", "s3", "S3", line=lambda r: r.inputs.get("bucket", r.name)),
    "kubernetes:cert-manager.io/v1:Certificate": _certificate,
    "kubernetes:helm.sh/v3:Release": _release,
    "kubernetes:networking.k8s.io/v1:Ingress": _ingress,
    "kubernetes:storage.k8s.io/v1:StorageClass": _box(
        "cluster", "storage", "Storage classes", "data", lambda r: r["metadata"]["name"]
    ),
}
