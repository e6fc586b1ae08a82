"""The Cluster Autoscaler: where it runs, what it may do in AWS and in the cluster, and how it finds node groups."""

import json
from typing import Any

import pytest

from components.aws.eks.cluster_autoscaler import (
    POD_IDENTITY_AGENT,
    ClusterAutoscaler,
    ClusterAutoscalerArgs,
    arguments,
    autoscaler_identity,
    iam_statements,
)
from components.aws.eks.pod_identity import PodIdentity
from components.aws.scope import Scope
from components.settings.node_groups import CRITICAL_ADDONS, NODE_GROUP_LABEL
from components.versions import CLUSTER_AUTOSCALER_IMAGES
from tools.cloud import Cloud
from tools.recording import Recorder, run

ACCOUNT, NAME = "111122223333", "cluster-autoscaler"
SCOPE = Scope(name="journal-prod", environment="prod", account=ACCOUNT, region="eu-central-1", protect=True)
GROUPS = f"arn:aws:autoscaling:eu-central-1:{ACCOUNT}:autoScalingGroup:*:autoScalingGroupName/eks-journal-prod-*"


def record(version: str = "1.36") -> Recorder:
    recorder = Recorder(Cloud(ACCOUNT))

    def program() -> None:
        PodIdentity(NAME, autoscaler_identity(NAME, SCOPE, "journal-prod"))
        ClusterAutoscaler(NAME, ClusterAutoscalerArgs(scope=SCOPE, version=version))

    run(program, recorder, project="journal", stack="prod", fail_on_warnings=True)
    return recorder


@pytest.fixture(scope="module")
def recorded() -> Recorder:
    return record()


@pytest.fixture(scope="module")
def pod(recorded: Recorder) -> dict[str, Any]:
    return recorded.one("Deployment")["spec"]["template"]["spec"]


def statements(recorder: Recorder) -> dict[str, dict[str, Any]]:
    return {s["Sid"]: s for s in json.loads(recorder.one("RolePolicy")["policy"])["Statement"]}


def test_it_scales_this_clusters_groups_alone(recorded: Recorder) -> None:
    scale = statements(recorded)["Scale"]
    assert set(scale["Action"]) == {
        "autoscaling:SetDesiredCapacity",
        "autoscaling:TerminateInstanceInAutoScalingGroup",
    }
    assert scale["Resource"] == [GROUPS]
    assert scale["Condition"] == {
        "StringEquals": {
            "aws:ResourceTag/k8s.io/cluster-autoscaler/enabled": "true",
            "aws:ResourceTag/k8s.io/cluster-autoscaler/journal-prod": "owned",
        }
    }


def test_of_everything_else_it_may_only_look(recorded: Recorder) -> None:
    found = statements(recorded)
    assert set(found) == {"Look", "NodeGroups", "Scale"}
    others = [action for sid in ("Look", "NodeGroups") for action in found[sid]["Action"]]
    assert len(others) == 8
    assert [action for action in others if not action.partition(":")[2].startswith("Describe")] == []
    assert found["NodeGroups"]["Resource"] == [f"arn:aws:eks:eu-central-1:{ACCOUNT}:nodegroup/journal-prod/*"]
    assert {s.sid for s in iam_statements(SCOPE) if "*" in s.resources} == {"Look"}


def test_its_pods_have_the_role(recorded: Recorder, pod: dict[str, Any]) -> None:
    association = recorded.one("PodIdentityAssociation")
    assert (association["namespace"], association["serviceAccount"]) == (NAME, pod["serviceAccountName"])
    assert association["roleArn"] == f"arn:aws:iam::{ACCOUNT}:role/journal-prod-{NAME}"


@pytest.mark.parametrize("version", CLUSTER_AUTOSCALER_IMAGES)
def test_its_version_is_the_clusters(version: str) -> None:
    (container,) = record(version).one("Deployment")["spec"]["template"]["spec"]["containers"]
    assert container["image"] == CLUSTER_AUTOSCALER_IMAGES[version]


def test_it_finds_groups_by_the_tags_that_its_role_is_limited_to(recorded: Recorder) -> None:
    (discovery,) = [a for a in arguments("journal-prod", NAME) if a.startswith("--node-group-auto-discovery=")]
    tags = discovery.partition("asg:tag=")[2].split(",")
    conditions = statements(recorded)["Scale"]["Condition"]["StringEquals"]
    assert {f"aws:ResourceTag/{tag}" for tag in tags} == set(conditions)


def test_a_pod_with_scratch_space_keeps_no_node() -> None:
    assert "--skip-nodes-with-local-storage=false" in arguments("journal-prod", NAME)


def test_it_balances_the_parts_of_a_group_and_no_groups_of_different_names() -> None:
    """Each part has a launch template and a zone of its own, and EKS writes both into labels."""
    found = arguments("journal-prod", NAME)
    ignored = {a.partition("=")[2] for a in found if a.startswith("--balancing-ignore-label=")}
    assert "--balance-similar-node-groups=true" in found
    assert {f"eks.amazonaws.com/sourceLaunchTemplate{what}" for what in ("Id", "Version")} <= ignored
    assert "topology.k8s.aws/zone-id" in ignored
    assert NODE_GROUP_LABEL not in ignored


def test_what_it_writes_in_its_namespace_is_what_its_role_names(recorded: Recorder) -> None:
    flags = dict(a.removeprefix("--").split("=", 1) for a in arguments("journal-prod", NAME))
    assert flags["namespace"] == recorded.one("kubernetes:core/v1:Namespace")["metadata"]["name"]
    role = recorded.one("kubernetes:rbac.authorization.k8s.io/v1:Role")
    named = {
        kind: rule["resourceNames"] for rule in role["rules"] if "resourceNames" in rule for kind in rule["resources"]
    }
    assert named == {"leases": [flags["leader-elect-resource-name"]], "configmaps": [flags["status-config-map-name"]]}


def test_in_the_cluster_it_changes_nodes_and_evicts_pods_and_reads_no_secret(recorded: Recorder) -> None:
    rules = recorded.one("ClusterRole")["rules"]
    changes = {
        (kind, verb)
        for rule in rules
        for kind in rule["resources"]
        for verb in rule["verbs"]
        if verb not in ("get", "list", "watch")
    }
    assert changes == {
        ("nodes", "update"),
        ("pods/eviction", "create"),
        ("pods/status", "update"),
        ("events", "create"),
        ("events", "patch"),
    }
    looked_at = {kind for rule in rules for kind in rule["resources"]}
    assert "volumeattachments" in looked_at
    assert not {"secrets", "*"} & looked_at


def test_two_pods_run_on_system_nodes_before_all_others(recorded: Recorder, pod: dict[str, Any]) -> None:
    assert recorded.one("Deployment")["spec"]["replicas"] == 2
    assert recorded.one("PodDisruptionBudget")["spec"]["maxUnavailable"] == 1
    assert pod["tolerations"] == [{"key": CRITICAL_ADDONS, "operator": "Exists"}]
    assert pod["priorityClassName"] == "system-cluster-critical"


def test_the_container_runs_the_program_that_the_image_has(pod: dict[str, Any]) -> None:
    (container,) = pod["containers"]
    assert container["command"] == ["/cluster-autoscaler"]
    assert container["env"] == [{"name": "AWS_REGION", "value": "eu-central-1"}]
    assert container["livenessProbe"]["httpGet"] == {"path": "/health-check", "port": "http"}
    (port,) = container["ports"]
    assert f"--address=:{port['containerPort']}" in container["args"]


def test_it_reaches_the_api_server_aws_and_its_credentials_and_nobody_reaches_it(recorded: Recorder) -> None:
    policy = recorded.one("NetworkPolicy", NAME)["spec"]
    reached = {
        (peer["ipBlock"]["cidr"], port["port"])
        for rule in policy["egress"]
        for peer in rule["to"]
        for port in rule["ports"]
    }
    assert reached == {("0.0.0.0/0", 443), ("0.0.0.0/0", 6443), (POD_IDENTITY_AGENT, 80)}
    assert policy["ingress"] == []
