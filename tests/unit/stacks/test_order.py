"""In which order each stack is made and destroyed, asserted on the graph of its resources."""

from collections.abc import Callable, Iterable

import pytest

from tests.conftest import Recording
from tools import durations, stack
from tools.graph import Graph, total
from tools.implicit_dependencies import implicit_dependencies, pod_of
from tools.resource import Resource
from tools.stack import names

BEFORE_NODES = {"vpc-cni", "eks-pod-identity-agent"}
AFTER_NODES = {"coredns", "aws-ebs-csi-driver", "metrics-server", "snapshot-controller"}
EGRESS = ("Route", "NatGateway", "RouteTableAssociation", "VpcEndpoint", "InternetGateway")
LOAD_BALANCER_ANNOTATION = "service.beta.kubernetes.io/aws-load-balancer"
SLACK = 1.15
"""The critical path may be this much longer than what can't be avoided."""


@pytest.fixture(params=[name for name in stack.in_aws() if name != "shared"])
def environment(request: pytest.FixtureRequest, recorded: Callable[[str], Recording]) -> Recording:
    """Each stack with a cluster in AWS."""
    return recorded(request.param)


@pytest.fixture
def graph(environment: Recording) -> Graph:
    return Graph(environment.registrations)


def in_cluster(recording: Recording) -> list[Resource]:
    """What lives in the cluster: objects and Helm releases."""
    return [r for r in recording.registrations if r.package == "kubernetes" and r.custom and not r.is_read]


def add_ons(recording: Recording, names: Iterable[str]) -> list[Resource]:
    wanted = set(names)
    return [r for r in recording.of_type("Addon") if r["addonName"] in wanted]


def nodes(recording: Recording) -> list[Resource]:
    return recording.of_type("aws:eks/nodeGroup:NodeGroup")


def test_nothing_depends_on_what_is_destroyed_before_it(recording: Recording) -> None:
    graph = Graph(recording.registrations)
    at = {urn: number for number, batch in enumerate(graph.destroy_order) for urn in batch}
    edges = [(urn, needed) for urn, before in graph.before.items() for needed in before]
    assert len(edges) > len(graph.nodes) / 2
    assert [(urn, needed) for urn, needed in edges if at[urn] >= at[needed]] == []


@pytest.mark.parametrize("name", [name for name in names() if name != "shared"])
def test_what_a_resource_needs_by_name_it_waits_for(name: str, recorded: Callable[[str], Recording]) -> None:
    graph = Graph(recorded(name).registrations)
    found = implicit_dependencies(graph.nodes.values())
    missing = {line for i in found for line in graph.missing([i.dependent], [i.dependency])}
    assert found
    assert sorted(missing) == []


def test_everything_in_the_cluster_goes_before_the_nodes(environment: Recording, graph: Graph) -> None:
    assert nodes(environment)
    assert in_cluster(environment)
    assert graph.missing(in_cluster(environment), nodes(environment)) == []


def test_everything_in_the_cluster_goes_before_the_access_to_it(environment: Recording, graph: Graph) -> None:
    access = [*environment.of_type("AccessEntry"), *environment.of_type("AccessPolicyAssociation")]
    assert access
    assert graph.missing(in_cluster(environment), access) == []


def test_nodes_go_before_their_way_out_of_the_network(environment: Recording, graph: Graph) -> None:
    for kind in EGRESS:
        there = environment.of_type(kind)
        assert there, kind
        assert graph.missing(nodes(environment), there) == []


def test_nodes_go_before_what_they_need_of_the_cluster(environment: Recording, graph: Graph) -> None:
    before = add_ons(environment, BEFORE_NODES)
    assert {r["addonName"] for r in before} == BEFORE_NODES
    assert graph.missing(nodes(environment), before) == []


def test_add_ons_with_pods_come_after_the_nodes(environment: Recording, graph: Graph) -> None:
    after = add_ons(environment, AFTER_NODES)
    assert {r["addonName"] for r in after} == AFTER_NODES
    assert graph.missing(after, nodes(environment)) == []


def test_who_asks_dns_comes_after_it_and_who_has_volumes_after_their_driver(
    environment: Recording, graph: Graph
) -> None:
    """Traefik, cert-manager and the autoscaler find the API server by its address."""
    asking = [r for r in in_cluster(environment) if pod_of(r) and r["metadata"]["namespace"] == "journal"]
    stateful = [r for r in asking if r.kind == "StatefulSet"]
    assert len(asking) > len(stateful) > 0
    assert graph.missing(asking, add_ons(environment, {"coredns"})) == []
    assert graph.missing(stateful, add_ons(environment, {"aws-ebs-csi-driver"})) == []


def test_the_world_reaches_the_ingress_before_a_certificate_is_asked_for(environment: Recording, graph: Graph) -> None:
    """ACME's server fetches its challenge from outside (HTTP-01)."""
    certificates = [r for r in environment.of_type("Certificate") if r.package == "kubernetes"]
    way_in = [r for kind in ("Listener", "Record", "Attachment") for r in environment.of_type(kind)]
    assert certificates
    assert way_in
    assert graph.missing(certificates, way_in) == []


def test_nothing_in_the_cluster_makes_resources_in_aws(environment: Recording) -> None:
    found = in_cluster(environment)
    services = [r for r in found if r.kind == "Service" and r["spec"].get("type") == "LoadBalancer"]
    annotations = {key for r in found for key in r.inputs.get("metadata", {}).get("annotations", {})}
    charts = {str(r["chart"]) for r in found if r.kind == "Release"}
    assert {r["spec"].get("loadBalancerClass", "").split("/")[0] for r in services} == {"journal"}
    assert {r["spec"]["ingressClassName"] for r in found if r.kind == "Ingress"} == {"traefik"}
    assert not {r.kind for r in found} & {"TargetGroupBinding", "NodePool", "EC2NodeClass"}
    assert charts
    assert not any("aws-load-balancer-controller" in chart for chart in charts)
    assert annotations
    assert not any(key.startswith(LOAD_BALANCER_ANNOTATION) for key in annotations)


def test_the_critical_path_is_hardly_longer_than_what_cannot_be_avoided(environment: Recording, graph: Graph) -> None:
    """What can't: the control plane, the slowest node group, the ingress controller, the issue of a certificate."""
    table = durations.load()
    path = graph.critical_path(table.seconds)
    unavoidable = sum(
        max(table.seconds(r) for r in found)
        for found in (
            environment.of_type("aws:eks/cluster:Cluster"),
            nodes(environment),
            [r for r in environment.of_type("kubernetes:apps/v1:Deployment") if r.name == "traefik"],
            environment.of_type("kubernetes:cert-manager.io/v1:Certificate"),
        )
    )
    steps = ", ".join(f"{s.resource.label} {s.seconds:.0f}" for s in path if s.seconds)
    assert total(path) <= SLACK * unavoidable, steps
