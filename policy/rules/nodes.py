"""Control plane and nodes."""

from collections.abc import Iterator

from policy.rules.model import PRODUCTION, Message, Rule, at, elements, given, known, require, unknown_in
from policy.rules.tags import REQUIRED
from tools.resource import UNKNOWN, Resource

CLUSTER, NODE_GROUP = "aws:eks/cluster:Cluster", "aws:eks/nodeGroup:NodeGroup"
TEMPLATE, INSTANCE = "aws:ec2/launchTemplate:LaunchTemplate", "aws:ec2/instance:Instance"
LOAD_BALANCER = "aws:lb/loadBalancer:LoadBalancer"
LOG_TYPES = ("api", "audit", "authenticator", "controllerManager", "scheduler")
AT_LEAST = ("audit", "authenticator")


def _metadata_service(r: Resource) -> Iterator[Message]:
    wanted = {
        "metadataOptions.httpTokens": "required",
        "metadataOptions.httpPutResponseHopLimit": 1,
        "metadataOptions.httpEndpoint": "enabled",
    }
    yield from require(r, wanted, "pods reach the node's credentials otherwise")


def _log_types(r: Resource) -> Iterator[Message]:
    found = r.inputs.get("enabledClusterLogTypes")
    missing = [t for t in (LOG_TYPES if r.stack == PRODUCTION else AT_LEAST) if t not in elements(found)]
    if missing and not unknown_in(found):
        yield f"{', '.join(missing)} of the control plane is not logged: add to enabledClusterLogTypes"


def _deletion(r: Resource) -> Iterator[Message]:
    name = "deletionProtection" if r.type == CLUSTER else "enableDeletionProtection"
    if r.stack == PRODUCTION:
        yield from require(r, {name: True}, "production may be deleted by mistake")


def _own_add_ons(r: Resource) -> Iterator[Message]:
    why = "EKS installs add-ons that no stack declares"
    yield from require(r, {"bootstrapSelfManagedAddons": False}, why)


def _repair(r: Resource) -> Iterator[Message]:
    yield from require(r, {"nodeRepairConfig.enabled": True}, "broken nodes stay")


def _template(r: Resource) -> Iterator[Message]:
    if not (given(at(r.inputs, "launchTemplate", "id")) or given(at(r.inputs, "launchTemplate", "name"))):
        yield "takes EKS's own launch template, with its volumes and metadata options: set launchTemplate"
    if known(r.inputs.get("remoteAccess")):
        yield "nodes take SSH: leave remoteAccess out, and use Session Manager"


def _one_zone(r: Resource) -> Iterator[Message]:
    """A group whose taints keep ordinary pods away takes no volumes of theirs."""
    taints, subnets = r.inputs.get("taints"), elements(r.inputs.get("subnetIds"))
    hard = [taint for taint in elements(taints) if at(taint, "effect") != "PREFER_NO_SCHEDULE"]
    if len(subnets) > 1 and not hard and not unknown_in(taints):
        yield "takes pods with volumes, which stay in their zone, and spans zones: make a group in each, or set taints"


def _tagged(r: Resource) -> Iterator[Message]:
    specifications = {at(s, "resourceType"): at(s, "tags") for s in elements(r.inputs.get("tagSpecifications"))}
    if unknown_in(r.inputs.get("tagSpecifications")) or UNKNOWN in specifications:
        return
    for what in ("instance", "volume"):
        missing = [name for name in REQUIRED if not given(at(specifications.get(what), name))]
        if missing:
            yield f"{what}s lack the tags {', '.join(missing)}: add a tag specification; default tags don't reach them"


RULES = [
    Rule(
        name="instance-metadata",
        description="The instance metadata service wants a token, and answers the node alone.",
        types=[TEMPLATE, INSTANCE],
        check=_metadata_service,
    ),
    Rule(
        name="control-plane-logs",
        description="The control plane logs who did what; in production, all five logs.",
        types=[CLUSTER],
        check=_log_types,
    ),
    Rule(
        name="deletion-protection",
        description="In production, AWS refuses to delete cluster and load balancer.",
        types=[CLUSTER, LOAD_BALANCER],
        check=_deletion,
    ),
    Rule(name="own-add-ons", description="Add-ons are declared by the stack.", types=[CLUSTER], check=_own_add_ons),
    Rule(name="node-repair", description="Broken nodes are replaced.", types=[NODE_GROUP], check=_repair),
    Rule(
        name="node-template",
        description="Nodes are made by a launch template of ours, and take no SSH.",
        types=[NODE_GROUP],
        check=_template,
    ),
    Rule(
        name="node-zones",
        description="A node group on which volumes land is in one zone, so that it can grow where they are.",
        types=[NODE_GROUP],
        check=_one_zone,
    ),
    Rule(
        name="node-tags",
        description="Machines and volumes of nodes carry the required tags.",
        types=[TEMPLATE],
        check=_tagged,
    ),
]
