"""What holds for the nodes of every stack in AWS: who waits for whom, and where pods and their volumes land."""

from collections.abc import Callable
from typing import Any

import pytest

from components.aws import eks_cluster
from components.aws.eks.scaling import LiveSize
from components.aws.identity.github import SESSION_MINUTES
from components.settings.node_groups import NODE_GROUP_LABEL
from components.settings.shared import CloudEnvironment
from tests.conftest import Recording, config_of, record
from tools.graph import Graph
from tools.resource import Resource

ENVIRONMENTS: tuple[CloudEnvironment, ...] = ("dev", "staging", "prod")
CLUSTER, ADD_ON = "aws:eks/cluster:Cluster", "aws:eks/addon:Addon"
GROUP, ASSOCIATION = "aws:eks/nodeGroup:NodeGroup", "aws:eks/podIdentityAssociation:PodIdentityAssociation"
CNI_ROLE = "kubernetes.io/role/cni"
NODE_GROUP_OF_EKS = "eks.amazonaws.com/nodegroup"


@pytest.fixture(params=ENVIRONMENTS)
def environment(request: pytest.FixtureRequest, recorded: Callable[[str], Recording]) -> tuple[str, Recording]:
    return request.param, recorded(request.param)


def pod_of(recording: Recording, deployment: str) -> dict[str, Any]:
    return recording.one("Deployment", deployment)["spec"]["template"]["spec"]


def takes_new_interfaces(subnet: Resource, *, primary: bool) -> bool:
    """Whether the VPC CNI gives pods addresses of a subnet (amazon-vpc-cni-k8s 1.23, isSubnetValidForENICreation).

    primary: whether it is the subnet of the node itself, which counts unless its tag says 0; any other must be tagged.
    """
    role = subnet["tags"].get(CNI_ROLE, "")
    return primary if role == "" else role != "0"


def test_credentials_are_there_before_the_first_node(environment: tuple[str, Recording]) -> None:
    """A pod gets them when it is admitted or never, and an association is eventually consistent (EKS guide)."""
    name, recording = environment
    associations, nodes = recording.of_type(ASSOCIATION), recording.of_type(GROUP)
    accounts = {(r["namespace"], r["serviceAccount"]) for r in associations}
    assert accounts == {
        ("cluster-autoscaler", "cluster-autoscaler"),
        ("journal", "redis-backup"),
        ("kube-system", "aws-node"),
        ("kube-system", "ebs-csi-controller-sa"),
        *([("workflows", "workflow")] if name in ("staging", "prod") else []),
    }
    assert nodes
    assert Graph(recording.registrations).missing(nodes, associations) == []


def test_no_add_on_makes_an_association_when_its_pods_start(environment: tuple[str, Recording]) -> None:
    _, recording = environment
    add_ons = recording.of_type("aws:eks/addon:Addon")
    assert len(add_ons) == 8
    assert [r.name for r in add_ons if "podIdentityAssociations" in r.inputs] == []


@pytest.mark.parametrize(("name", "tier"), [("dev", "private"), ("staging", "private"), ("prod", "pods")])
def test_the_subnets_that_pods_have_addresses_of(name: str, tier: str, recorded: Callable[[str], Recording]) -> None:
    subnets = recorded(name).of_type("aws:ec2/subnet:Subnet")
    zones = config_of(name)["journal:aws"]["network"]["zones"]
    for zone in zones:
        there = [r for r in subnets if r["availabilityZone"] == zone]
        (nodes,) = [r for r in there if r.name == f"private-{zone}"]
        found = {r.name for r in there if takes_new_interfaces(r, primary=r is nodes)}
        assert found == {f"{tier}-{zone}"}


def test_ingress_pods_leave_the_old_nodes_before_these_leave_the_load_balancer(
    recorded: Callable[[str], Recording],
) -> None:
    """Pulumi deletes what was replaced last: the old attachment, then the old nodes. The Deployment rolls before."""
    settings = config_of("prod")["journal:aws"]
    wanted = [{**g, "instanceTypes": ["c7a.large"]} if g["name"] == "ingress" else g for g in settings["nodeGroups"]]
    selectors = []
    for recording in (recorded("prod"), record("prod", aws={**settings, "nodeGroups": wanted})):
        (nodes,) = [r for r in recording.of_type(GROUP) if r["labels"][NODE_GROUP_LABEL] == "ingress"]
        selectors.append(pod_of(recording, "traefik")["nodeSelector"])
        assert selectors[-1] == {NODE_GROUP_LABEL: "ingress", NODE_GROUP_OF_EKS: nodes["nodeGroupName"]}
        attachments = recording.of_type("aws:autoscaling/attachment:Attachment")
        assert len(attachments) == 2
        # An autoscaling group that names a target group that is gone starts no node any more.
        assert {r.retain_on_delete for r in attachments} == {False}
        deployment = recording.one("Deployment", "traefik")
        assert Graph(recording.registrations).missing([deployment], [*attachments, nodes]) == []
    assert selectors[0] != selectors[1]


def test_an_ingress_pod_counts_once_the_load_balancer_has_found_its_node(environment: tuple[str, Recording]) -> None:
    _, recording = environment
    spec = recording.one("Deployment", "traefik")["spec"]
    checks = [r["healthCheck"] for r in recording.of_type("aws:lb/targetGroup:TargetGroup")]
    assert len(checks) == 2
    longest = max(check["interval"] * check["healthyThreshold"] for check in checks)
    assert spec["minReadySeconds"] >= 3 * longest
    assert spec["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}


def test_a_deployment_declares_the_sizes_that_the_clusters_groups_have(monkeypatch: pytest.MonkeyPatch) -> None:
    there = {"journal-prod-apps-eu-central-1b-0a1b2c3d": LiveSize(min_size=1, desired_size=3, max_size=4)}
    monkeypatch.setattr(eks_cluster, "live_sizes", lambda name, parent: there if name == "journal-prod" else {})
    groups = record("prod").of_type(GROUP)
    sizes = {r.name: r["scalingConfig"]["desiredSize"] for r in groups if r.name.startswith("apps-")}
    assert sizes == {"apps-eu-central-1a": 1, "apps-eu-central-1b": 3, "apps-eu-central-1c": 1}


def test_a_volume_finds_a_node_in_its_zone(environment: tuple[str, Recording]) -> None:
    """One group a zone, so that the Cluster Autoscaler can grow the one where the volume is."""
    name, recording = environment
    settings = config_of(name)["journal:aws"]
    (apps,) = [g for g in settings["nodeGroups"] if g["name"] == "apps"]
    groups = [r for r in recording.of_type(GROUP) if r["labels"][NODE_GROUP_LABEL] == "apps"]
    subnets = {r.id: r["availabilityZone"] for r in recording.of_type("aws:ec2/subnet:Subnet")}
    assert [[subnets[i] for i in r["subnetIds"]] for r in groups] == [[zone] for zone in settings["network"]["zones"]]
    for key in ("minSize", "desiredSize", "maxSize"):
        assert sum(r["scalingConfig"][key] for r in groups) == apps[key]
    assert min(r["scalingConfig"]["maxSize"] for r in groups) >= 1
    assert len({r["nodeGroupName"] for r in groups}) == len(groups)
    others = [r for r in recording.of_type(GROUP) if r not in groups]
    assert [r.name for r in others if not r["taints"]] == []


def longest(recording: Recording, type_: str, operation: str) -> int:
    """The most minutes that Pulumi waits for a resource of the type."""
    return max(int(r.timeouts[operation].removesuffix("m")) for r in recording.of_type(type_))


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_pulumi_gives_up_waiting_for_eks_before_its_own_time_is_up(
    name: CloudEnvironment, recorded: Callable[[str], Recording]
) -> None:
    """A limit that is exceeded says what was waited for; a run that is stopped does not."""
    recording, ends = recorded(name), SESSION_MINUTES[name] - 30  # deploy-stack.yml
    assert max(longest(recording, type_, "update") for type_ in (CLUSTER, ADD_ON, GROUP)) < ends
    assert sum(longest(recording, type_, "create") for type_ in (CLUSTER, GROUP)) < ends
    assert sum(longest(recording, type_, "delete") for type_ in (GROUP, CLUSTER)) <= 45  # destroy-dev.yml


def test_an_upgrade_of_prod_fits_into_its_deployment(recorded: Callable[[str], Recording]) -> None:
    """The control plane, add-ons before and after the nodes, and all node groups, which EKS updates side by side."""
    recording = recorded("prod")
    nodes, add_ons = longest(recording, GROUP, "update"), longest(recording, ADD_ON, "update")
    assert nodes > 60  # the provider's own limit
    assert longest(recording, CLUSTER, "update") + 2 * add_ons + nodes < SESSION_MINUTES["prod"] - 30
