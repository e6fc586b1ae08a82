"""The graph of resources: what comes before what, what goes before what, what takes longest, what is only named."""

from collections.abc import Callable
from typing import Any

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as kubernetes
import pytest
from pulumi_kubernetes.apps.v1 import Deployment
from pulumi_kubernetes.core.v1 import ConfigMap, Namespace
from typer.testing import CliRunner

from tools import cli, cloud, durations
from tools.failures import Failure
from tools.graph import Graph, total
from tools.implicit_dependencies import implicit_dependencies
from tools.recording import Recorder, run
from tools.resource import Resource

SECONDS = {"slow": 100.0, "quick": 1.0}


def recorded(program: Callable[[], Any]) -> Recorder:
    return run(program, Recorder(cloud.Cloud()), project="p", stack="s")


def urn(recorder: Recorder, name: str) -> str:
    (found,) = [r.urn for r in recorder.registrations if r.name == name]
    return found


class Part(pulumi.ComponentResource):
    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("test:index:Part", name, {}, opts)
        inner = pulumi.ComponentResource("test:index:Inner", f"{name}-inner", {}, pulumi.ResourceOptions(parent=self))
        aws.kms.Key(f"{name}-key", opts=pulumi.ResourceOptions(parent=inner))
        self.register_outputs({})


def key(name: str, *after: pulumi.Resource) -> aws.kms.Key:
    return aws.kms.Key(name, opts=pulumi.ResourceOptions(depends_on=list(after)))


def chain() -> None:
    first = key("first")
    aws.kms.Alias("by-value", name="alias/a", target_key_id=first.key_id)
    key("last", key("second", first))


def test_a_dependency_is_what_is_said_and_what_is_passed() -> None:
    recorder = recorded(chain)
    graph = Graph(recorder.registrations)
    assert urn(recorder, "first") in graph.ancestors[urn(recorder, "by-value")]
    assert urn(recorder, "first") in graph.ancestors[urn(recorder, "last")]
    assert graph.ancestors[urn(recorder, "first")] == frozenset()


def test_who_depends_on_a_component_waits_for_all_that_is_inside() -> None:
    recorder = recorded(lambda: key("user", Part("part")))
    assert urn(recorder, "part-key") in Graph(recorder.registrations).ancestors[urn(recorder, "user")]


def test_what_is_inside_a_component_waits_for_what_the_component_waits_for() -> None:
    recorder = recorded(lambda: Part("part", opts=pulumi.ResourceOptions(depends_on=[key("first")])))
    assert urn(recorder, "first") in Graph(recorder.registrations).ancestors[urn(recorder, "part-key")]


def test_an_object_waits_for_what_its_provider_is_made_of() -> None:
    def program() -> None:
        cluster = aws.eks.Cluster("c", role_arn="r", vpc_config=aws.eks.ClusterVpcConfigArgs(subnet_ids=[]))
        provider = kubernetes.Provider("k", kubeconfig=cluster.endpoint)
        Namespace("n", metadata={"name": "n"}, opts=pulumi.ResourceOptions(provider=provider))

    recorder = recorded(program)
    assert urn(recorder, "c") in Graph(recorder.registrations).ancestors[urn(recorder, "n")]


def test_destruction_is_the_other_way_round() -> None:
    recorder = recorded(chain)
    batches = Graph(recorder.registrations).destroy_order
    at = {u: number for number, batch in enumerate(batches) for u in batch}
    assert at[urn(recorder, "last")] < at[urn(recorder, "second")] < at[urn(recorder, "first")]
    assert at[urn(recorder, "by-value")] < at[urn(recorder, "first")]


def test_a_circle_is_an_error() -> None:
    a, b = (Resource(u, "aws:kms/key:Key", u, {}, dependencies=(v,)) for u, v in (("a", "b"), ("b", "a")))
    with pytest.raises(Failure, match="wait for each other: a, b"):
        _ = Graph([a, b]).levels


def test_the_critical_path_is_the_longest_chain() -> None:
    def program() -> None:
        slow = key("slow")
        key("end", slow, key("quick-2", key("quick-1")))

    path = Graph(recorded(program).registrations).critical_path(lambda r: SECONDS.get(r.name, 10.0))
    assert [(step.resource.name, step.start) for step in path] == [("slow", 0.0), ("end", 100.0)]
    assert total(path) == 110.0
    assert total([]) == 0.0


def wrong_order(*, right: bool) -> None:
    """A Deployment whose config map is named only, not waited for."""
    config = ConfigMap("config", metadata={"name": "config", "namespace": "n"})
    pod = {"containers": [], "volumes": [{"name": "c", "configMap": {"name": "config"}}]}
    Deployment(
        "app",
        metadata={"name": "app", "namespace": "n"},
        spec={"selector": {}, "template": {"spec": pod}},  # ty: ignore[invalid-argument-type]
        opts=pulumi.ResourceOptions(depends_on=[config] if right else []),
    )


@pytest.mark.parametrize(("right", "missing"), [(True, []), (False, ["Deployment app may outlive ConfigMap config"])])
def test_a_wrong_order_is_caught(right: bool, missing: list[str]) -> None:
    recorder = recorded(lambda: wrong_order(right=right))
    graph = Graph(recorder.registrations)
    found = implicit_dependencies(recorder.registrations)
    assert found
    assert [line for i in found for line in graph.missing([i.dependent], [i.dependency])] == missing


def object_(kind: str, name: str, namespace: str = "n", api: str = "v1", **fields: Any) -> Resource:
    metadata = {"name": name, "namespace": namespace} if namespace else {"name": name}
    inputs = {"apiVersion": api, "kind": kind, "metadata": metadata, **fields}
    return Resource(f"{kind}/{name}", f"kubernetes:{api}:{kind}", name, inputs)


def aws_(kind: str, urn_name: str, /, **inputs: Any) -> Resource:
    return Resource(f"{kind}/{urn_name}", f"aws:x/y:{kind}", urn_name, inputs)


def workload(**pod: Any) -> Resource:
    return object_("Deployment", "app", spec={"template": {"spec": pod}})


@pytest.mark.parametrize(
    ("dependent", "dependency"),
    [
        (object_("Service", "s"), object_("Namespace", "n", "")),
        (workload(serviceAccountName="sa"), object_("ServiceAccount", "sa")),
        (workload(volumes=[{"secret": {"secretName": "x"}}]), object_("Secret", "x")),
        (
            workload(volumes=[{"secret": {"secretName": "tls"}}]),
            object_("Certificate", "c", spec={"secretName": "tls"}),
        ),
        (workload(volumes=[{"projected": {"sources": [{"configMap": {"name": "x"}}]}}]), object_("ConfigMap", "x")),
        (workload(containers=[{"envFrom": [{"configMapRef": {"name": "x"}}]}]), object_("ConfigMap", "x")),
        (workload(volumes=[{"persistentVolumeClaim": {"claimName": "x"}}]), object_("PersistentVolumeClaim", "x")),
        (object_("Ingress", "i", spec={"ingressClassName": "t"}), object_("IngressClass", "t", "")),
        (
            object_("Certificate", "c", spec={"issuerRef": {"kind": "ClusterIssuer", "name": "le"}}),
            object_("ClusterIssuer", "le", ""),
        ),
        (
            object_("ClusterIssuer", "le", "", "cert-manager.io/v1"),
            object_("Release", "cm", api="helm.sh/v3", chart="oci://x/cert-manager"),
        ),
        (
            object_("StatefulSet", "s", spec={"volumeClaimTemplates": [{"spec": {"storageClassName": "gp3"}}]}),
            object_("StorageClass", "gp3", ""),
        ),
        (workload(serviceAccountName="sa"), aws_("PodIdentityAssociation", "p", namespace="n", serviceAccount="sa")),
        (aws_("Addon", "coredns", clusterName="journal"), aws_("Cluster", "c", name="journal")),
        (aws_("Cluster", "c", name="journal"), aws_("LogGroup", "l", name="/aws/eks/journal/cluster")),
        (aws_("NatGateway", "n"), aws_("InternetGateway", "i")),
        (aws_("LoadBalancer", "n", internal=False), aws_("InternetGateway", "i")),
        (
            aws_("NodeGroup", "g", nodeRoleArn="arn:aws:iam::1:role/nodes"),
            aws_("RolePolicyAttachment", "a", role="nodes"),
        ),
    ],
)
def test_what_is_needed_by_name_alone_is_found(dependent: Resource, dependency: Resource) -> None:
    assert [(i.dependent, i.dependency) for i in implicit_dependencies([dependent, dependency])] == [
        (dependent, dependency)
    ]


@pytest.mark.parametrize(
    ("resource", "other"),
    [
        (object_("Service", "s"), object_("Namespace", "other", "")),
        (workload(volumes=[{"secret": {"secretName": "x", "optional": True}}]), object_("Secret", "x")),
        (workload(volumes=[{"secret": {"secretName": "x"}}]), object_("Secret", "x", "elsewhere")),
        (aws_("LoadBalancer", "n", internal=True), aws_("InternetGateway", "i")),
        (aws_("Addon", "coredns", clusterName="other"), aws_("Cluster", "c", name="journal")),
    ],
)
def test_what_is_not_needed_is_not_found(resource: Resource, other: Resource) -> None:
    assert implicit_dependencies([resource, other]) == []


def test_the_slow_types_have_a_duration_of_their_own() -> None:
    table = durations.load()
    assert table.seconds(aws_("Cluster", "c")) == table.defaults["aws"]["create"]
    real = Resource("u", "aws:eks/cluster:Cluster", "c", {})
    assert table.seconds(real) == 606
    assert table.seconds(real, "delete") > 60
    cni = Resource("u", "aws:eks/addon:Addon", "a", {"addonName": "vpc-cni"})
    assert table.seconds(cni) == 24
    component = Resource("u", "journal:aws/network:Network", "n", {}, custom=False)
    assert table.seconds(component) == 0
    assert min(len(table.types), len(table.add_ons), len(table.defaults)) > 1
    for line in (*table.types.values(), *table.add_ons.values(), *table.defaults.values()):
        assert line["source"]
        assert min(line["create"], line["delete"]) >= 0


@pytest.mark.usefixtures("recordings_once")
def test_the_paths_are_printed() -> None:
    result = CliRunner().invoke(cli.app, ["graph", "--stack", "local"])
    assert result.exit_code == 0
    assert "Making stack local" in result.output
    assert "cert-manager" in result.output
