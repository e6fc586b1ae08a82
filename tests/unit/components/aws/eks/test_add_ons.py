"""Add-ons: which come before nodes and which after, how each is configured, and the roles of their pods."""

import json
from collections.abc import Callable
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest

from components.aws.eks.add_ons import (
    AddOn,
    AddOns,
    AddOnsArgs,
    add_on_identities,
    cluster_add_ons,
    node_add_ons,
    pinned_version,
)
from components.aws.eks.pod_identity import PodIdentity
from components.aws.scope import Scope
from components.settings.node_groups import CRITICAL_ADDONS
from components.versions import ADD_ONS, CLUSTER_AUTOSCALER_IMAGES
from tools.cloud import Cloud
from tools.recording import ProgramError, Recorder, run

ACCOUNT = "111122223333"
SCOPE = Scope(name="journal-prod", environment="prod", account=ACCOUNT, region="eu-central-1", protect=True)
TAGS = {"Project": "journal", "Environment": "prod", "ManagedBy": "pulumi"}
ALL_ADD_ONS = (*node_add_ons(), *cluster_add_ons(3, TAGS))
ADDON = "aws:eks/addon:Addon"


def record(make: Callable[[], object]) -> Recorder:
    recorder = Recorder(Cloud(ACCOUNT))
    run(make, recorder, project="journal", stack="prod", fail_on_warnings=True)
    return recorder


def stage(name: str, *add_ons: AddOn, version: str = "1.36") -> AddOns:
    return AddOns(name, AddOnsArgs(scope=SCOPE, cluster_name="journal-prod", version=version, add_ons=add_ons))


@pytest.fixture(scope="module")
def recorded() -> Recorder:
    def program() -> None:
        for name, identity in add_on_identities(ALL_ADD_ONS, SCOPE, "journal-prod").items():
            PodIdentity(name, identity)
        stage("node-add-ons", *node_add_ons())
        installed = stage("cluster-add-ons", *cluster_add_ons(3, TAGS))
        aws.ec2.Eip("after", opts=pulumi.ResourceOptions(depends_on=list(installed.by_name.values())))

    return record(program)


def configuration(recorder: Recorder, name: str) -> dict[str, Any]:
    return json.loads(recorder.one(ADDON, name)["configurationValues"])


def test_stages() -> None:
    assert {a.name for a in node_add_ons()} == {"vpc-cni", "eks-pod-identity-agent", "kube-proxy"}
    assert {a.name for a in cluster_add_ons(2, {})} == {
        "coredns",
        "snapshot-controller",
        "aws-ebs-csi-driver",
        "metrics-server",
        "eks-node-monitoring-agent",
    }


@pytest.mark.parametrize("version", ADD_ONS)
def test_every_version_of_kubernetes_has_all_add_ons_pinned_and_an_autoscaler(version: str) -> None:
    assert set(ADD_ONS[version]) == {a.name for a in ALL_ADD_ONS}
    assert ADD_ONS[version]["kube-proxy"].startswith(f"v{version}.")
    assert CLUSTER_AUTOSCALER_IMAGES[version].partition(":v")[2].startswith(f"{version}.")


@pytest.mark.parametrize("version", ADD_ONS)
def test_versions_are_those_of_the_clusters_kubernetes(version: str) -> None:
    recorder = record(lambda: stage("all", *ALL_ADD_ONS, version=version))
    assert {r["addonName"]: r["addonVersion"] for r in recorder.of_type(ADDON)} == ADD_ONS[version]


def test_a_version_that_nobody_pinned_is_refused_before_any_add_on() -> None:
    with pytest.raises(ValueError, match=r"coredns has no version pinned for Kubernetes 1\.20; add it to ADD_ONS"):
        pinned_version(AddOn(name="coredns"), "1.20")
    recorder = Recorder()
    with pytest.raises(ProgramError, match="has no version pinned"):
        run(lambda: stage("all", AddOn(name="istio")), recorder, project="journal", stack="prod")
    assert recorder.of_type(ADDON) == []


def test_what_is_in_the_way_is_overwritten_and_nothing_is_left_behind(recorded: Recorder) -> None:
    add_ons = recorded.of_type(ADDON)
    assert len(add_ons) == len(ALL_ADD_ONS)
    for add_on in add_ons:
        assert add_on["clusterName"] == "journal-prod"
        assert (add_on["resolveConflictsOnCreate"], add_on["resolveConflictsOnUpdate"]) == ("OVERWRITE", "OVERWRITE")
        assert add_on["preserve"] is False
        assert "serviceAccountRoleArn" not in add_on.inputs


def test_pods_network_enforces_policies_and_takes_prefixes(recorded: Recorder) -> None:
    assert configuration(recorded, "vpc-cni") == {
        "enableNetworkPolicy": "true",
        "env": {"ENABLE_PREFIX_DELEGATION": "true", "WARM_PREFIX_TARGET": "1"},
    }


@pytest.mark.parametrize(
    ("name", "account", "policy"),
    [
        ("vpc-cni", "aws-node", "AmazonEKS_CNI_Policy"),
        ("aws-ebs-csi-driver", "ebs-csi-controller-sa", "AmazonEBSCSIDriverEKSClusterScopedPolicy"),
    ],
)
def test_what_calls_aws_has_a_role_by_pod_identity(recorded: Recorder, name: str, account: str, policy: str) -> None:
    role = recorded.one("aws:iam/role:Role", name)
    association = recorded.one("PodIdentityAssociation", name)
    assert association["roleArn"] == f"arn:aws:iam::{ACCOUNT}:role/{role['name']}"
    assert (association["namespace"], association["serviceAccount"]) == ("kube-system", account)
    (statement,) = json.loads(role["assumeRolePolicy"])["Statement"]
    assert statement["Principal"] == {"Service": ["pods.eks.amazonaws.com"]}
    attached = recorded.one("RolePolicyAttachment", f"{name}-{policy}")
    assert attached["policyArn"] == f"arn:aws:iam::aws:policy/{policy}"
    assert attached.urn in recorded.dependencies_of(association)


def test_the_others_have_no_role(recorded: Recorder) -> None:
    assert len(recorded.of_type("aws:iam/role:Role")) == 2


@pytest.mark.parametrize("version", ADD_ONS)
def test_the_cni_leaves_a_subnet_out_where_its_tag_says_so(version: str) -> None:
    """It does so since 1.22.1 (its changelog)."""
    major, minor, patch = ADD_ONS[version]["vpc-cni"].removeprefix("v").partition("-")[0].split(".")
    assert (int(major), int(minor), int(patch)) >= (1, 22, 1)


@pytest.mark.parametrize("zones", [2, 3])
def test_dns_scales_spreads_and_is_never_gone(zones: int) -> None:
    found = configuration(record(lambda: stage("cluster-add-ons", *cluster_add_ons(zones, {}))), "coredns")
    assert found["autoScaling"] == {"enabled": True, "minReplicas": zones, "maxReplicas": 10}
    assert found["podDisruptionBudget"] == {"enabled": True, "maxUnavailable": 1}
    spread = {c["topologyKey"]: c["labelSelector"] for c in found["topologySpreadConstraints"]}
    assert set(spread) == {"topology.kubernetes.io/zone", "kubernetes.io/hostname"}
    assert set(map(str, spread.values())) == {str({"matchLabels": {"k8s-app": "kube-dns"}})}


@pytest.mark.parametrize("name", ["coredns", "snapshot-controller", "metrics-server"])
def test_deployments_tolerate_the_system_nodes_taint(recorded: Recorder, name: str) -> None:
    assert configuration(recorded, name)["tolerations"] == [{"key": CRITICAL_ADDONS, "operator": "Exists"}]


def test_agents_run_on_every_node(recorded: Recorder) -> None:
    monitoring, volumes = (configuration(recorded, n) for n in ("eks-node-monitoring-agent", "aws-ebs-csi-driver"))
    assert monitoring["nodeAgent"]["tolerations"] == [{"operator": "Exists"}]
    assert volumes["node"]["tolerateAllTaints"] is True


def test_volumes_carry_the_environments_tags_and_our_storage_class_alone(recorded: Recorder) -> None:
    found = configuration(recorded, "aws-ebs-csi-driver")
    assert found["controller"]["extraVolumeTags"] == TAGS
    assert found["defaultStorageClass"] == {"enabled": False}


def test_the_storage_driver_takes_snapshots_whichever_add_on_is_there_first(recorded: Recorder) -> None:
    assert configuration(recorded, "aws-ebs-csi-driver")["sidecars"] == {"snapshotter": {"forceEnable": True}}


def test_who_waits_for_a_stage_waits_for_each_add_on(recorded: Recorder) -> None:
    add_ons = {r.urn for r in recorded.of_type(ADDON) if r.parent.endswith("::cluster-add-ons")}
    assert len(add_ons) == 5
    assert add_ons <= recorded.dependencies_of(recorded.one("Eip"))
