"""The digest: what the step is given, how often it is tried, when it runs, and whom it may ask."""

from collections.abc import Callable
from typing import Any

import pytest

from components.journal.digest import OUTPUT, SCRIPT, arguments
from tests.conftest import Recording, record


@pytest.fixture(scope="module")
def made() -> Recording:
    return record("local", workflows={"digestSchedule": "15 3 * * *"})


def step(recording: Recording) -> dict[str, Any]:
    (found,) = recording.one("WorkflowTemplate", "digest")["spec"]["templates"]
    return found


def test_it_runs_the_script_in_the_api_s_image(made: Recording) -> None:
    script = step(made)["script"]
    assert script["source"] == SCRIPT.read_text()
    assert script["command"] == ["python3"]
    (container,) = made.one("Deployment", "frontend")["spec"]["template"]["spec"]["containers"]
    assert script["image"] == container["image"]
    assert {"cpu", "memory", "ephemeral-storage"} <= script["resources"]["limits"].keys()


def test_argo_replaces_nothing_in_the_script() -> None:
    assert "{{" not in SCRIPT.read_text()


def test_every_parameter_reaches_the_script_as_a_variable_and_none_as_code(made: Recording) -> None:
    names = [parameter["name"] for parameter in arguments("")]
    given = {variable["name"]: variable["value"] for variable in step(made)["script"]["env"]}
    assert given == {**{name.upper(): f"{{{{inputs.parameters.{name}}}}}" for name in names}, "OUTPUT": OUTPUT}
    assert {parameter["name"] for parameter in step(made)["inputs"]["parameters"]} == set(names)
    defaults = made.one("WorkflowTemplate", "digest")["spec"]["arguments"]["parameters"]
    values = {parameter["name"]: parameter["value"] for parameter in defaults}
    assert values == {"api": "http://frontend.journal.svc/api", "hours": "24", "until": ""}


def test_what_it_found_is_a_parameter_of_the_workflow(made: Recording) -> None:
    outputs = step(made)["outputs"]
    assert outputs["parameters"] == [{"name": "digest", "valueFrom": {"path": OUTPUT}, "globalName": "digest"}]
    assert "artifacts" not in outputs, "without a bucket, a step that has an artifact fails"
    (mount,) = step(made)["script"]["volumeMounts"]
    assert OUTPUT.startswith(f"{mount['mountPath']}/"), "the rest of the file system is read-only"


def test_in_prod_it_is_a_file_in_the_bucket_too(recorded: Callable[[str], Recording]) -> None:
    (artifact,) = step(recorded("prod"))["outputs"]["artifacts"]
    assert artifact == {"name": "digest", "path": OUTPUT, "archive": {"none": {}}}


def test_an_attempt_that_fails_is_followed_by_two_more_and_each_ends(made: Recording) -> None:
    retry = step(made)["retryStrategy"]
    assert retry == {"limit": 2, "retryPolicy": "Always", "backoff": {"duration": "10s", "factor": 2}}
    assert step(made)["activeDeadlineSeconds"] == 600


def test_it_runs_when_the_settings_say_and_never_twice_at_once(made: Recording) -> None:
    cron = made.one("CronWorkflow")
    assert cron["metadata"]["name"] == "digest"
    assert cron["spec"]["schedules"] == ["15 3 * * *"]
    assert (cron["spec"]["timezone"], cron["spec"]["concurrencyPolicy"]) == ("Etc/UTC", "Forbid")
    assert cron["spec"]["workflowSpec"] == {"workflowTemplateRef": {"name": "digest"}}
    assert made.one("WorkflowTemplate", "digest").urn in made.dependencies_of(cron)


def test_its_pods_alone_reach_the_api_which_lets_workflows_in(made: Recording) -> None:
    policy = made.one("NetworkPolicy", "digest")["spec"]
    labels = policy["podSelector"]["matchLabels"]
    assert labels.items() <= step(made)["metadata"]["labels"].items()
    (rule,) = policy["egress"]
    asked = {peer["podSelector"]["matchLabels"]["app.kubernetes.io/name"] for peer in rule["to"]}
    assert asked == {"frontend", "frontend-candidate"}
    assert [port["port"] for port in rule["ports"]] == [8080]
    (entry,) = made.one("NetworkPolicy", "frontend")["spec"]["ingress"]
    clients = [peer.get("podSelector") for peer in entry["from"]]
    assert {"matchLabels": {"app.kubernetes.io/name": "workflow"}} in clients


def test_without_workflows_the_api_lets_the_ingress_controller_in_alone(recorded: Callable[[str], Recording]) -> None:
    (entry,) = recorded("local").one("NetworkPolicy", "frontend")["spec"]["ingress"]
    assert len(entry["from"]) == 1
