"""The architecture of a stack as boxes within boxes, from what its program registers.

Account, network, zones, cluster and namespaces are boxes around what is in them. A resource that has no box of its own
hands its dependencies on. An arrow leads from a box to what must be there first, unless other arrows say so already.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.settings.node_groups import NODE_GROUP_LABEL
from tools import cloud, stack
from tools.graph import Graph
from tools.implicit_dependencies import pod_of
from tools.pictures.drawing import Box, svg
from tools.resource import Resource

FOLDER = Path("docs") / "stacks"
LEGEND = (
    "An arrow leads to what must be there first;",
    "with two heads, each has parts that wait for parts of the other.",
    "Drawn by `make pictures`.",
)


def path_of(name: str) -> Path:
    return stack.ROOT / FOLDER / f"{name}.svg"


def write(name: str) -> Path:
    """Draw a stack into docs/stacks; the file."""
    path = path_of(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(draw(name, Graph(cloud.record(name).registrations)))
    return path


def draw(name: str, graph: Graph) -> str:
    """The picture of a stack's resources, SVG."""
    return svg(boxes(f"Stack {name}", graph), LEGEND)


def boxes(title: str, graph: Graph) -> Box:
    """The resources as boxes within boxes, their dependencies as edges between siblings."""
    root, places = Box("", title, "account"), Places(graph)
    placed: dict[str, tuple[str, ...]] = {}
    for urn, r in sorted(graph.nodes.items(), key=lambda item: (item[1].type, item[1].name, item[0])):
        place = places.of(r)
        if place is None:
            continue
        box = root
        for frame in place.frames:
            box = box.children.setdefault(frame.key, Box(frame.key, frame.title, frame.style))
        if place.line and place.line not in box.lines:
            box.lines.append(place.line)
        placed[urn] = tuple(frame.key for frame in place.frames)
    for urn, path in placed.items():
        for other in drawn_before(urn, placed, graph):
            _connect(root, path, placed[other])
    return root


def drawn_before(urn: str, drawn: Mapping[str, Any], graph: Graph) -> set[str]:
    """What a resource waits for and that is drawn, by way of what is not."""
    found: set[str] = set()
    seen, todo = {urn}, [urn]
    while todo:
        for other in graph.before[todo.pop()] - seen:
            seen.add(other)
            if other in drawn:
                found.add(other)
            else:
                todo.append(other)
    return found


def _connect(root: Box, path: tuple[str, ...], other: tuple[str, ...]) -> None:
    """An edge between the outermost boxes in which two places differ; none where one is within the other.

    Zones are alike, and what they share (a route table) has no box: between them no arrow says anything.
    """
    box = root
    for a, b in zip(path, other, strict=False):
        if a != b:
            if {box.children[a].style, box.children[b].style} != {"zone"}:
                box.edges[a, b] = box.edges.get((a, b), 0) + 1
            return
        box = box.children[a]


@dataclass(frozen=True)
class Frame:
    """A box by its key among its siblings."""

    key: str
    title: str
    style: str


@dataclass(frozen=True)
class Place:
    """Where a resource is drawn. frames: the boxes around it, the outermost first. line: of text, in the innermost."""

    frames: tuple[Frame, ...]
    line: str = ""


class Places:
    """The places of a stack's resources, within the frames that are found among them."""

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
    def _account(everything: list[Resource]) -> tuple[Frame, ...]:
        for r in everything:
            if r.type == "pulumi:providers:aws" and r.name == "aws":
                ids = r.inputs.get("allowedAccountIds", "")
                number = "".join(c for c in str(ids) if c.isdigit())
                return (Frame("account", f"AWS account {number}, {r['region']}", "account"),)
        return ()

    def of(self, r: Resource) -> Place | None:
        """None for what has no box."""
        if not r.custom or r.is_read:
            return None
        rule = RULES.get(r.type)
        return rule(self, r) if rule is not None else self.workload(r) if pod_of(r) else None

    def workload(self, r: Resource) -> Place:
        pods = "one a node" if r.kind == "DaemonSet" else self._pods(r)
        claims = [c["spec"]["resources"]["requests"]["storage"] for c in r["spec"].get("volumeClaimTemplates", [])]
        volumes = f", {' and '.join(claims)} each" if claims else ""
        style = "data" if claims else "workload"
        return self.in_namespace(r, r["metadata"]["name"], style, f"{r.kind}, {pods}{volumes}")

    def _pods(self, r: Resource) -> str:
        """How many pods a Deployment or a StatefulSet has; an autoscaler has the name of its Deployment."""
        for scaler in self._graph.nodes.values():
            if scaler.kind == "HorizontalPodAutoscaler" and r.urn in self._graph.before[scaler.urn]:
                return f"{scaler['spec']['minReplicas']} to {scaler['spec']['maxReplicas']} pods"
        replicas = r["spec"].get("replicas", 1)
        return "1 pod" if replicas == 1 else f"{replicas} pods"

    def in_namespace(self, r: Resource, name: str, style: str, line: str = "") -> Place:
        namespace = r.inputs.get("namespace", r.inputs.get("metadata", {}).get("namespace", "default"))
        inside = Frame(f"namespace {namespace}", f"namespace {namespace}", "group")
        return Place((*self.cluster, inside, Frame(f"{style} {name}", name, style)), line)

    def subnet_frames(self, r: Resource) -> tuple[Frame, ...]:
        zone = r["availabilityZone"]
        tier = r.name.removesuffix(f"-{zone}")
        return (*self.network, Frame(f"zone {zone}", zone, "zone"), Frame(tier, f"{tier} {r['cidrBlock']}", "subnet"))

    def dependency(self, r: Resource, kind: str) -> Resource | None:
        """What a resource directly depends on, of one kind."""
        found = (self._graph.nodes[urn] for urn in sorted(self._graph.before[r.urn]))
        return next((other for other in found if other.kind == kind), None)

    def is_before(self, r: Resource, kind: str) -> bool:
        """Whether something of a kind waits for a resource."""
        return any(r.urn in self._graph.ancestors[u] for u, n in self._graph.nodes.items() if n.kind == kind)


def _nat(places: Places, r: Resource) -> Place | None:
    subnet = places.dependency(r, "Subnet")
    return None if subnet is None else Place(places.subnet_frames(subnet), "NAT gateway")


def _nodes(places: Places, r: Resource) -> Place:
    size = r["scalingConfig"]
    types = r.inputs.get("instanceTypes", ["?"])
    spot = " Spot" if r.inputs.get("capacityType") == "SPOT" else ""
    line = f"{size['desiredSize']} of {types[0]}{spot}, {size['minSize']} to {size['maxSize']}"
    group = r.inputs.get("labels", {}).get(NODE_GROUP_LABEL, r.name)
    if group != r.name:
        line = f"{r.name.removeprefix(f'{group}-')}: {line}"
    groups = Frame("nodes", "Node groups", "group")
    return Place((*places.cluster, groups, Frame(group, group, "nodes")), line)


def _targets(places: Places, r: Resource) -> Place | None:
    """Nodes that the load balancer sends to."""
    nodes = places.dependency(r, "NodeGroup")
    return None if nodes is None else Place(_nodes(places, nodes).frames, "targets of the load balancer")


def _add_on(places: Places, r: Resource) -> Place:
    first = places.is_before(r, "NodeGroup")
    frame = (
        Frame("first add-ons", "Add-ons before nodes", "service") if first else Frame("add-ons", "Add-ons", "service")
    )
    return Place((*places.cluster, frame), r["addonName"])


def _ingress(places: Places, r: Resource) -> Place:
    hosts = [rule["host"] for rule in r["spec"].get("rules", []) if "host" in rule]
    return places.in_namespace(r, "Ingress", "edge", ", ".join(dict.fromkeys(hosts)))


def _route(places: Places, r: Resource) -> Place:
    return places.in_namespace(r, "Gateway", "edge", ", ".join(r["spec"]["hostnames"]))


def _certificate(places: Places, r: Resource) -> Place:
    return places.in_namespace(r, "Certificate", "edge", f"by {r['spec']['issuerRef']['name']}")


def _release(places: Places, r: Resource) -> Place:
    return places.in_namespace(r, r.name, "workload", f"Helm chart {r.inputs.get('version', '')}".strip())


def _endpoint(places: Places, r: Resource) -> Place:
    service = str(r["serviceName"]).rpartition(f"{places.account[-1].title.rpartition(' ')[2]}.")[2]
    return Place((*places.network, Frame("endpoints", "VPC endpoints", "service")), service)


def _record(places: Places, r: Resource) -> Place:
    return Place((*places.account, Frame("dns", "Route 53", "edge")), f"{r['name']} {r['type']}")


def _box(
    where: str, key: str, title: str, style: str = "service", line: Callable[[Resource], Any] = lambda _r: ""
) -> Callable[[Places, Resource], Place]:
    """Everything of a type in one box."""
    return lambda places, r: Place((*getattr(places, where), Frame(key, title, style)), str(line(r)))


def _load_balancer(line: Callable[[Resource], Any] = lambda _r: "") -> Callable[[Places, Resource], Place]:
    return _box("network", "load balancer", "Network load balancer", "edge", line)


def _kept(rule: Mapping[str, Any]) -> str:
    regions = [copy["destinationVaultArn"].split(":")[3] for copy in rule.get("copyActions", [])]
    return ", ".join([f"kept {rule['lifecycle']['deleteAfter']} days", *(f"copies in {region}" for region in regions)])


def _watch(line: Callable[[Resource], Any]) -> Callable[[Places, Resource], Place]:
    return _box("account", "oversight", "What watches the account", "service", line)


def _role(places: Places, r: Resource) -> Place | None:
    """What GitHub takes; roles of services are part of what they serve."""
    if places.dependency(r, "OpenIdConnectProvider") is None:
        return None
    return Place((*places.account, Frame("roles", "Roles for GitHub's workflows", "service")), r["name"])


RULES: Mapping[str, Callable[[Places, Resource], Place | None]] = {
    "aws:autoscaling/attachment:Attachment": _targets,
    "aws:backup/plan:Plan": _box("account", "backup", "AWS Backup", "data", lambda r: _kept(r["rules"][0])),
    "aws:backup/restoreTestingPlan:RestoreTestingPlan": _box(
        "account", "backup", "AWS Backup", "data", lambda _r: "restores are tested"
    ),
    "aws:backup/selection:Selection": _box("account", "backup", "AWS Backup", "data"),
    "aws:backup/vault:Vault": _box("account", "backup", "AWS Backup", "data"),
    "aws:budgets/budget:Budget": _watch(lambda r: f"budget of $ {r['limitAmount']} a month"),
    "aws:cloudtrail/trail:Trail": _watch(lambda r: f"CloudTrail {r['name']}"),
    "aws:cloudwatch/eventRule:EventRule": _watch(lambda r: f"mail: {r.name.replace('-', ' ')}"),
    "aws:cloudwatch/logGroup:LogGroup": _box(
        "account", "logs", "CloudWatch Logs", line=lambda r: f"{r['name']}, {r['retentionInDays']} days"
    ),
    "aws:ec2/internetGateway:InternetGateway": _box("network", "gateway", "Internet gateway"),
    "aws:ec2/natGateway:NatGateway": _nat,
    "aws:ec2/subnet:Subnet": lambda places, r: Place(places.subnet_frames(r)),
    "aws:ec2/vpcEndpoint:VpcEndpoint": _endpoint,
    "aws:ecr/repository:Repository": _box("account", "ecr", "ECR", "data", lambda r: r["name"]),
    "aws:eks/addon:Addon": _add_on,
    "aws:eks/cluster:Cluster": _box("cluster", "control plane", "Control plane", "service"),
    "aws:eks/nodeGroup:NodeGroup": _nodes,
    "aws:guardduty/detector:Detector": _watch(lambda _r: "GuardDuty"),
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": _box(
        "account", "oidc", "OpenID Connect provider", line=lambda r: str(r["url"]).removeprefix("https://")
    ),
    "aws:iam/role:Role": _role,
    "aws:kms/key:Key": _box("account", "kms", "KMS key"),
    "aws:lb/listener:Listener": _load_balancer(lambda r: f"{r['protocol']} {r['port']}"),
    "aws:lb/loadBalancer:LoadBalancer": _load_balancer(),
    "aws:lb/targetGroup:TargetGroup": _load_balancer(),
    "aws:route53/record:Record": _record,
    "aws:route53/zone:Zone": _box("account", "dns", "Route 53", "edge", lambda r: f"zone {r['name']}"),
    "aws:s3/bucket:Bucket": _box("account", "s3", "S3", line=lambda r: r.inputs.get("bucket", r.name)),
    "kubernetes:cert-manager.io/v1:Certificate": _certificate,
    "kubernetes:gateway.networking.k8s.io/v1:HTTPRoute": _route,
    "kubernetes:helm.sh/v3:Release": _release,
    "kubernetes:networking.k8s.io/v1:Ingress": _ingress,
    "kubernetes:storage.k8s.io/v1:StorageClass": _box(
        "cluster", "storage", "Storage classes", "data", lambda r: r["metadata"]["name"]
    ),
}
