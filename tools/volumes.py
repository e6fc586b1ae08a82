"""The EBS volumes of a stack, by its resources: disks of nodes, and what pods claim."""

from collections.abc import Mapping
from typing import Any

from components.settings.values import quantity
from tools.resource import Resource

GIB = 1024**3
BOTTLEROCKET_GIB = 2
"""Size of a disk whose size the image decides: Bottlerocket's system volume (its README, Default volumes)."""
DEFAULT_GIB = 20
"""The disk of a node without a launch template (EKS API reference, CreateNodegroup)."""


def launch_template(node_group: Resource, resources: Mapping[str, Resource]) -> Mapping[str, Any]:
    """The inputs of a node group's launch template; empty where it has none. resources: by URN."""
    found = (resources[urn] for urn in node_group.dependencies if urn in resources)
    return next((r.inputs for r in found if r.kind == "LaunchTemplate"), {})


def node_gib(node_group: Resource, resources: Mapping[str, Resource]) -> int:
    """GiB of all disks of one node."""
    disks = launch_template(node_group, resources).get("blockDeviceMappings", [])
    if not disks:
        return int(node_group.inputs.get("diskSize", DEFAULT_GIB))
    return sum(int(disk.get("ebs", {}).get("volumeSize", BOTTLEROCKET_GIB)) for disk in disks)


def claimed_gib(r: Resource, resources: Mapping[str, Resource]) -> float:
    """GiB of the volumes that an object of Kubernetes claims; 0 for anything else.

    The claim of a StatefulSet's server counts with the StatefulSet.
    """
    match r.kind:
        case "StatefulSet":
            spec = r.inputs.get("spec", {})
            return int(spec.get("replicas", 1)) * sum(_gib(claim) for claim in spec.get("volumeClaimTemplates", []))
        case "PersistentVolumeClaim":
            place = r["metadata"].get("namespace")
            beside = [o for o in resources.values() if o.inputs.get("metadata", {}).get("namespace") == place]
            of_servers = {name for o in beside for name in claims_of(o)}
            return 0 if r["metadata"]["name"] in of_servers else _gib(r.inputs)
    return 0


def claims_of(r: Resource) -> list[str]:
    """The names of the claims that the servers of a StatefulSet mount, by its claim templates."""
    if r.kind != "StatefulSet":
        return []
    spec, name = r.inputs.get("spec", {}), r.inputs.get("metadata", {}).get("name", "")
    templates = [claim["metadata"]["name"] for claim in spec.get("volumeClaimTemplates", []) if "metadata" in claim]
    return [f"{template}-{name}-{number}" for template in templates for number in range(int(spec.get("replicas", 1)))]


def _gib(claim: Mapping[str, Any]) -> float:
    return float(quantity(claim["spec"]["resources"]["requests"]["storage"]) / GIB)
