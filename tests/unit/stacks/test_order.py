"""In which order each stack is made and destroyed, asserted on the graph of its resources."""

from collections.abc import Callable, Iterable

import pytest

from tests.conftest import Recording
from tools import durations, implicit_dependencies
from tools.cost import report as bill
from tools.recording import Registration
from tools.recording.graph import Graph, total

BEFORE_NODES = {"vpc-cni", "eks-pod-identity-agent"}
AFTER_NODES = {"coredns", "aws-ebs-csi-driver", "metrics-server", "snapshot-controller"}
EGRESS = ("Route", "NatGateway", "RouteTableAssociation", "VpcEndpoint", "InternetGateway")
LOAD_BALANCER_ANNOTATION = "service.beta.kubernetes.io/aws-load-balancer"
SLACK = 1.15
"""The critical path may be this much longer than what can't be avoided."""


@pytest.fixture(params=[name for name in bill.stacks() if name != "shared"])
def environment(request: pytest.FixtureRequest, recorded: Callable[[str], Recording]) -> Recording:
    """Each stack with a cluster in AWS."""
    return recorded(request.param)


@pytest.fixture
def graph(environment: Recording) -> Graph:
    return Graph(environment.registrations)


def in_cluster(recording: Recording) -> list[Registration]:
    """What lives in the cluster: objects and Helm releases."""
    return [r for r in recording.registrations if r.package == "kubernetes" and r.custom and not r.read_id]


def add_ons(recording: Recording, names: Iterable[str]) -> list[Registration]:
    wanted = set(names)
    return [r for r in recording.of_type("Addon") if r["addonName"] in wanted]


def nodes(recording: Recording) -> list[Registration]:
    return recording.of_type("aws:eks/nodeGroup:NodeGroup")


def test_nothing_depends_on_what_is_destroyed_before_it(recording: Recording) -> None:
    graph = Graph(recording.registrations)
    at = {urn: number for number, batch in enumerate(graph.destroy_order) for urn in batch}
    for urn, before in graph.before.items():
        assert all(at[urn] < at[needed] for needed in before), urn
    found = implicit_dependencies.needs(recording.registrations)
    unstated = {line for need in found for line in graph.unstated([need.user], [need.needed])}
    assert sorted(unstated) == []


def test_everything_in_the_cluster_goes_before_the_nodes(environment: Recording, graph: Graph) -> None:
    assert nodes(environment)
    assert graph.unstated(in_cluster(environment), nodes(environment)) == []


def test_everything_in_the_cluster_goes_before_the_access_to_it(environment: Recording, graph: Graph) -> None:
    access = [*environment.of_type("AccessEntry"), *environment.of_type("AccessPolicyAssociation")]
    assert access
    assert graph.unstated(in_cluster(environment), access) == []


def test_nodes_go_before_their_way_out_of_the_network(environment: Recording, graph: Graph) -> None:
    for kind in EGRESS:
        there = environment.of_type(kind)
        assert there, kind
        assert graph.unstated(nodes(environment), there) == []


def test_nodes_go_before_what_they_need_of_the_cluster(environment: Recording, graph: Graph) -> None:
    before = add_ons(environment, BEFORE_NODES)
    assert {r["addonName"] for r in before} == BEFORE_NODES
    assert graph.unstated(nodes(environment), before) == []


def test_add_ons_with_pods_come_after_the_nodes(environment: Recording, graph: Graph) -> None:
    after = add_ons(environment, AFTER_NODES)
    assert {r["addonName"] for r in after} == AFTER_NODES
    assert graph.unstated(after, nodes(environment)) == []


def test_who_asks_dns_comes_after_it_and_who_has_volumes_after_their_driver(
    environment: Recording, graph: Graph
) -> None:
    """Traefik, cert-manager and the autoscaler find the API server by its address."""
    asking = [
        r
        for r in in_cluster(environment)
        if implicit_dependencies.pod_of(r) and r["metadata"]["namespace"] == "journal"
    ]
    stateful = [r for r in asking if r.kind == "StatefulSet"]
    assert len(asking) > len(stateful) > 0
    assert graph.unstated(asking, add_ons(environment, {"coredns"})) == []
    assert graph.unstated(stateful, add_ons(environment, {"aws-ebs-csi-driver"})) == []


def test_the_world_reaches_the_ingress_before_a_certificate_is_asked_for(environment: Recording, graph: Graph) -> None:
    """ACME's server fetches its challenge from outside (HTTP-01)."""
    certificates = [r for r in environment.of_type("Certificate") if r.package == "kubernetes"]
    way_in = [r for kind in ("Listener", "Record", "Attachment") for r in environment.of_type(kind)]
    assert certificates
    assert way_in
    assert graph.unstated(certificates, way_in) == []


def test_nothing_in_the_cluster_makes_resources_in_aws(environment: Recording) -> None:
    for r in in_cluster(environment):
        metadata, spec = r.inputs.get("metadata", {}), r.inputs.get("spec", {})
        assert not any(key.startswith(LOAD_BALANCER_ANNOTATION) for key in metadata.get("annotations", {})), r.label
        if r.kind == "Service" and spec.get("type") == "LoadBalancer":
            assert spec.get("loadBalancerClass", "").startswith("journal/"), r.label
        if r.kind == "Ingress":
            assert spec["ingressClassName"] == "traefik", r.label
        assert r.kind not in ("TargetGroupBinding", "NodePool", "EC2NodeClass"), r.label
        assert "aws-load-balancer-controller" not in str(r.inputs.get("chart", "")), r.label


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
    steps = ", ".join(f"{s.registration.label} {s.seconds:.0f}" for s in path if s.seconds)
    print(f"{total(path):.0f} s, {total(path) / unavoidable:.2f} times {unavoidable:.0f} s: {steps}")
    assert total(path) <= SLACK * unavoidable, steps
