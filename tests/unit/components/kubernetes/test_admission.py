"""Admission policies: the rules of `policy/` that every cluster asks too, and where."""

import re

import pytest

from components.kubernetes.admission import BASELINE
from components.versions import BUILT_HERE, REGISTRIES
from policy.rules import RULES
from tests.conftest import Recording
from tools.stack import names

HERE = {"image-pinned", "image-registry"}
EXPECTED = {
    "stack-pods": HERE,
    "stack-workloads": {*HERE, "requests-and-limits"},
    "stack-cron-jobs": {*HERE, "requests-and-limits"},
    "no-privileged-pods": {"no-privileges"},
    "no-privileged-workloads": {"no-privileges"},
    "no-privileged-cron-jobs": {"no-privileges"},
}


@pytest.fixture(params=[name for name in names() if name != "shared"])
def stack(request: pytest.FixtureRequest) -> str:
    return request.param


def test_each_asks_rules_of_the_policy_pack(recording: Recording) -> None:
    asked = {
        name: {
            v["message"].partition(":")[0]
            for v in recording.one("ValidatingAdmissionPolicy", name)["spec"]["validations"]
        }
        for name in EXPECTED
    }
    assert asked == EXPECTED
    assert set().union(*asked.values()) <= {rule.name for rule in RULES}


def test_each_is_enforced(recording: Recording) -> None:
    for name in EXPECTED:
        spec = recording.one("ValidatingAdmissionPolicyBinding", name)["spec"]
        assert (spec["policyName"], spec["validationActions"]) == (name, ["Deny"])
        selector = spec["matchResources"]["namespaceSelector"]
        if name.startswith("stack-"):
            assert selector == {"matchLabels": {"app.kubernetes.io/part-of": "journal"}}
        else:
            (one,) = selector["matchExpressions"]
            assert one == {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["kube-system"]}


def test_containers_that_kubectl_debug_adds_are_asked_about_too(recording: Recording) -> None:
    for name in ("stack-pods", "no-privileged-pods"):
        spec = recording.one("ValidatingAdmissionPolicy", name)["spec"]
        (rule,) = spec["matchConstraints"]["resourceRules"]
        assert "pods/ephemeralcontainers" in rule["resources"]
        assert all("variables.debug.all(" in v["expression"] for v in spec["validations"])


def test_namespaces_of_ours_are_selected(recording: Recording) -> None:
    for space in recording.all("kubernetes:core/v1:Namespace"):
        assert space["metadata"]["labels"]["app.kubernetes.io/part-of"] == "journal"


def test_images_built_here_are_for_the_local_stack_alone(recording: Recording, stack: str) -> None:
    validations = recording.one("ValidatingAdmissionPolicy", "stack-pods")["spec"]["validations"]
    (expression,) = [v["expression"] for v in validations if v["message"].startswith("image-registry")]
    (pattern,) = set(re.findall(r"matches\(r'\^\((.*?)\)'\)", expression))
    assert pattern.split("|") == [*REGISTRIES, *([BUILT_HERE] if stack == "local" else [])]


def test_the_default_namespace_takes_no_privileged_pod(recording: Recording) -> None:
    assert recording.one("NamespacePatch", "default")["metadata"] == {"name": "default", "labels": BASELINE}
