"""Argo Workflows: one namespace, few rights, restricted pods, and nodes of their own in prod."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from components import versions
from components.platform.argo_types import CONTAINER_SECURITY, POD_SECURITY
from components.platform.argo_workflows import KINDS, account_rules, controller_rules, token_patch
from tests.conftest import Recording, record


@pytest.fixture(scope="module")
def made() -> Recording:
    return record("local", workflows={"keepDays": 3, "crds": "/crds"})


def config(recording: Recording) -> dict[str, Any]:
    (found,) = [r for r in recording.of_type("ConfigMap") if r.name.startswith("workflow-controller-config-")]
    return json.loads(found["data"]["config"])


def defaults(recording: Recording) -> dict[str, Any]:
    return config(recording)["workflowDefaults"]["spec"]


@pytest.mark.parametrize("stack", ["local", "dev"])
def test_it_is_there_only_where_the_settings_ask_for_it(recorded: Callable[[str], Recording], stack: str) -> None:
    found = [r for r in recorded(stack).registrations if r.type != "aws:eks/nodeGroup:NodeGroup"]
    assert [r.label for r in found if "argoproj" in r.type or "workflow-controller" in r.name] == []
    assert not [r for r in recorded(stack).of_type("Namespace") if r.name == "workflows"]


def test_the_definitions_come_before_the_controller_and_it_before_templates(made: Recording) -> None:
    definitions = made.one("ConfigGroup", "argo-workflows")
    assert definitions["files"] == [f"/crds/argoproj.io_{kind}.yaml" for kind in KINDS]
    controller, template = made.one("Deployment", "workflow-controller"), made.one("WorkflowTemplate", "digest")
    assert definitions.urn in made.dependencies_of(controller)
    assert controller.urn in made.dependencies_of(template)


def test_the_definitions_are_of_the_version_that_runs(recorded: Callable[[str], Recording]) -> None:
    files = recorded("prod").one("ConfigGroup", "argo-workflows")["files"]
    assert all(file.startswith(versions.ARGO_CRDS) for file in files)
    assert len(files) == len(KINDS) == 6


def test_the_controller_sees_its_own_namespace_alone(made: Recording) -> None:
    pod = made.one("Deployment", "workflow-controller")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    (config_map,) = [r for r in made.of_type("ConfigMap") if r.name.startswith("workflow-controller-config-")]
    assert container["args"] == ["--namespaced", f"--configmap={config_map['metadata']['name']}"]
    assert container["image"] == versions.ARGO_CONTROLLER_IMAGE
    identity = {"name": "LEADER_ELECTION_IDENTITY", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}
    assert identity in container["env"]
    assert not [r for r in made.of_type("ClusterRole") if "workflow" in r.name]
    roles = [r for r in made.of_type("Role") if "workflow" in r.name]
    assert {role["metadata"]["namespace"] for role in roles} == {"workflows"}
    assert len(roles) == 2


def test_the_controller_may_do_what_it_needs_and_no_more(made: Recording) -> None:
    rules = made.one("Role", "workflow-controller-in-workflows")["rules"]
    assert len(rules) == len(controller_rules())
    granted = {(kind, verb) for rule in rules for kind in rule["resources"] for verb in rule["verbs"]}
    assert not {kind for kind, _ in granted} & {"secrets", "persistentvolumeclaims", "serviceaccounts", "*"}
    assert {verb for kind, verb in granted if kind == "configmaps"} == {"get", "list", "watch"}
    assert {verb for kind, verb in granted if kind == "workflowtemplates"} == {"get", "list", "watch"}
    assert {verb for kind, verb in granted if kind == "pods/exec"} == {"create"}
    watched = {kind for kind, verb in granted if verb == "watch"}
    assert set(KINDS) <= watched, "a controller whose informers can't list waits for ever"
    assert "*" not in {verb for _, verb in granted}


def test_a_workflow_s_pod_may_tell_what_came_of_it_and_nothing_else(made: Recording) -> None:
    (rule,) = account_rules()
    assert (rule.api_groups, rule.resources, rule.verbs) == (
        ["argoproj.io"],
        ["workflowtaskresults"],
        ["create", "patch"],
    )
    role = made.one("Role", "workflow")
    assert len(role["rules"]) == 1
    (subject,) = made.one("RoleBinding", "workflow")["subjects"]
    assert (subject["name"], subject["namespace"]) == ("workflow", "workflows")
    assert made.one("ServiceAccount", "workflow")["automountServiceAccountToken"] is False


def test_the_token_is_in_argo_s_containers_alone(made: Recording) -> None:
    patch = json.loads(defaults(made)["podSpecPatch"])
    assert patch == token_patch()
    named = [container["name"] for kind in ("containers", "initContainers") for container in patch[kind]]
    assert named == ["wait", "init"]
    assert "{{" not in defaults(made)["podSpecPatch"], "Argo would look for a parameter"


def test_every_container_of_a_workflow_is_restricted_pinned_and_limited(made: Recording) -> None:
    found = config(made)
    for container in (found["executor"], found["mainContainer"]):
        assert container["securityContext"] == CONTAINER_SECURITY
        for kind in ("requests", "limits"):
            assert {"cpu", "memory", "ephemeral-storage"} <= container["resources"][kind].keys()
    assert found["executor"]["image"] == versions.ARGO_EXECUTOR_IMAGE
    assert defaults(made)["securityContext"] == POD_SECURITY
    enforced = made.one("kubernetes:core/v1:Namespace", "workflows")["metadata"]["labels"]
    assert enforced["pod-security.kubernetes.io/enforce"] == "restricted"


def test_security_is_what_every_other_pod_has(made: Recording) -> None:
    pod = made.one("Deployment", "workflow-controller")["spec"]["template"]["spec"]
    assert pod["securityContext"] == POD_SECURITY
    assert pod["containers"][0]["securityContext"] == CONTAINER_SECURITY


def test_what_runs_is_what_the_program_declares(made: Recording) -> None:
    assert config(made)["workflowRestrictions"] == {"templateReferencing": "Strict"}


def test_what_has_ended_goes(made: Recording) -> None:
    assert defaults(made)["ttlStrategy"] == {"secondsAfterCompletion": 3 * 24 * 3600}
    assert defaults(made)["podGC"] == {"strategy": "OnWorkflowSuccess", "deleteDelayDuration": "1h"}
    assert config(made)["retentionPolicy"] == {"completed": 100, "failed": 100, "errored": 100}


def test_pods_accept_no_connection_and_reach_the_api_server(made: Recording) -> None:
    for name in ("workflow", "workflow-controller"):
        spec = made.one("NetworkPolicy", name)["spec"]
        assert spec.get("ingress", []) == []
        assert {port["port"] for rule in spec["egress"] for port in rule["ports"]} == {443, 6443}
        assert spec["podSelector"]["matchLabels"] == {"app.kubernetes.io/name": name}
    assert defaults(made)["podMetadata"]["labels"]["app.kubernetes.io/name"] == "workflow"


def test_on_one_machine_nothing_is_stored_and_pods_run_anywhere(made: Recording) -> None:
    assert "artifactRepository" not in config(made)
    assert not {"nodeSelector", "tolerations"} & defaults(made).keys()


def test_in_prod_workflows_run_on_their_own_nodes(recorded: Callable[[str], Recording]) -> None:
    spec = defaults(recorded("prod"))
    assert spec["nodeSelector"] == {"journal/node-group": "workflows"}
    assert spec["tolerations"] == [{"key": "dedicated", "operator": "Equal", "value": "workflows"}]
    assert spec["serviceAccountName"] == "workflow"


def test_in_prod_artifacts_go_to_a_bucket_by_pod_identity(recorded: Callable[[str], Recording]) -> None:
    recording = recorded("prod")
    name = "journal-prod-artifacts-111122223333"
    assert config(recording)["artifactRepository"] == {
        "archiveLogs": True,
        "s3": {
            "bucket": name,
            "endpoint": "s3.eu-central-1.amazonaws.com",
            "region": "eu-central-1",
            "keyFormat": "{{workflow.name}}/{{pod.name}}",
            "useSDKCreds": True,
        },
    }
    assert recording.one("Bucket", "artifacts")["bucket"] == name
    association = recording.one("PodIdentityAssociation", "workflow")
    assert (association["namespace"], association["serviceAccount"]) == ("workflows", "workflow")
    (expiry,) = recording.one("BucketLifecycleConfiguration", "artifacts")["rules"]
    assert (expiry["filter"], expiry["expiration"]) == ({"prefix": ""}, {"days": 30})
    (rule,) = recording.one("BucketServerSideEncryptionConfiguration", "artifacts")["rules"]
    assert rule["applyServerSideEncryptionByDefault"]["sseAlgorithm"] == "aws:kms"
    policy = json.loads(recording.one("RolePolicy", "workflow")["policy"])
    actions = {action for statement in policy["Statement"] for action in statement["Action"]}
    assert actions == {"s3:GetObject", "s3:PutObject", "s3:ListBucket", "kms:Decrypt", "kms:GenerateDataKey"}
    egress = recording.one("NetworkPolicy", "workflow")["spec"]["egress"]
    agent = [rule for rule in egress if rule["to"][0].get("ipBlock", {}).get("cidr") == "169.254.170.23/32"]
    assert [port["port"] for rule in agent for port in rule["ports"]] == [80]
