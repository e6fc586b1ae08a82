"""`make workflow`: which templates there are, what a workflow is given, how far it is, and why it failed."""

from collections.abc import Sequence
from typing import Any

import pytest
from typer.testing import CliRunner

from local import access, cli, workflows
from local.workflows import Template
from tools.failures import Failure
from tools.progress import NO_PROGRESS

DIGEST = {
    "metadata": {"name": "digest"},
    "spec": {"arguments": {"parameters": [{"name": "hours", "value": "24"}, {"name": "until", "value": ""}]}},
}
KNOWN = [
    Template(name="digest", parameters={"hours": "24", "until": ""}),
    Template(name="say", parameters={"text": None}),
]


def node(name: str, phase: str, message: str = "", started: str = "2026-11-28T05:00:00Z") -> dict[str, Any]:
    return {"type": "Pod", "displayName": name, "phase": phase, "message": message, "startedAt": started}


def document(phase: str = "", progress: str = "0/1", *, nodes: Sequence[dict[str, Any]] = (), **status: Any) -> Any:
    numbered = {str(number): one for number, one in enumerate(nodes)}
    return {"status": {"phase": phase, "progress": progress, "nodes": numbered, **status}}


class Cluster:
    """Stands for kubectl: whether the definitions are there, and what a workflow says each time it is asked."""

    def __init__(self, *answers: Any, defined: bool = True, logs: dict[str, str] | None = None) -> None:
        self.answers, self.defined, self.logs, self.fed = list(answers), defined, logs or {}, []

    def run(self, *arguments: str) -> bytes:
        if "customresourcedefinition" in arguments:
            return b"customresourcedefinition/workflowtemplates.argoproj.io\n" if self.defined else b""
        pod = arguments[arguments.index("logs") + 1]
        if self.logs[pod] == "":
            raise Failure("kubectl logs failed: container main is waiting to start")
        return self.logs[pod].encode()

    def feed(self, document: Any, *arguments: str) -> bytes:
        self.fed.append((document, arguments))
        return b"digest-x1\n"

    def json(self, *arguments: str) -> Any:
        if "pods" in arguments:
            made = enumerate(reversed(list(self.logs)))  # the API server sorts by name, not by time
            items = [{"metadata": {"name": name, "creationTimestamp": f"{9 - number}"}} for number, name in made]
            return {"items": items}
        if "workflowtemplates.argoproj.io" in arguments:
            return {"items": [DIGEST]}
        return self.answers.pop(0)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workflows.time, "sleep", lambda seconds: None)


def test_a_template_has_a_name_and_parameters() -> None:
    assert workflows.template_of(DIGEST) == KNOWN[0]
    assert workflows.template_of({"metadata": {"name": "plain"}, "spec": {}}) == Template(name="plain", parameters={})


def test_the_list_says_what_may_be_given() -> None:
    assert workflows.listed(KNOWN) == "digest hours=24 until=\nsay text=…"
    assert workflows.listed([]) == "The stack has no template of a workflow yet."


def test_a_template_that_is_not_there_is_told_with_those_that_are() -> None:
    assert workflows.chosen("say", KNOWN) == KNOWN[1]
    with pytest.raises(Failure, match="There is no template 'digets'") as caught:
        workflows.chosen("digets", KNOWN)
    assert caught.value.hint == "Templates: digest, say."


def test_a_stack_without_workflows_is_told_what_to_do() -> None:
    cluster: Any = Cluster(defined=False)
    with pytest.raises(Failure, match="The stack has no workflows") as caught:
        workflows.templates(cluster)
    assert "journal:workflows" in caught.value.hint


def test_parameters_are_given_by_name() -> None:
    assert workflows.given(KNOWN[0], []) == {}
    assert workflows.given(KNOWN[0], ["hours=48", "until=2026-11-28T05:00:00+00:00"]) == {
        "hours": "48",
        "until": "2026-11-28T05:00:00+00:00",
    }
    assert workflows.given(KNOWN[1], ["text=a=b"]) == {"text": "a=b"}


@pytest.mark.parametrize(
    ("template", "texts", "said"),
    [
        (KNOWN[0], ["48"], "'48' is no parameter: write NAME=VALUE"),
        (KNOWN[0], ["hour=48"], "digest has no parameter 'hour'"),
        (KNOWN[1], [], "say needs text"),
    ],
)
def test_a_parameter_that_is_not_known_or_missing_is_refused(template: Template, texts: list[str], said: str) -> None:
    with pytest.raises(Failure, match=said):
        workflows.given(template, texts)


def test_a_workflow_refers_to_the_template_and_sets_parameters_alone() -> None:
    made = workflows.workflow("digest", {"hours": "48"})
    assert (made["apiVersion"], made["kind"]) == ("argoproj.io/v1alpha1", "Workflow")
    assert made["metadata"] == {"generateName": "digest-", "namespace": "workflows"}
    assert made["spec"] == {
        "workflowTemplateRef": {"name": "digest"},
        "arguments": {"parameters": [{"name": "hours", "value": "48"}]},
    }


def test_how_far_a_workflow_is() -> None:
    assert not workflows.state_of({}).ended
    later, first = node("b", "Running", started="2026-11-28T05:01:00Z"), node("a", "Succeeded")
    retry = {"type": "Retry", "displayName": "digest", "phase": "Running"}
    found = workflows.state_of(document("Running", "1/2", nodes=[later, first, retry]))
    assert (found.phase, found.done, found.total, found.ended) == ("Running", 1, 2, False)
    assert [attempt.step for attempt in found.attempts] == ["a", "b"]
    outputs = {"parameters": [{"name": "digest", "value": "{}"}, {"name": "unset"}]}
    ended = workflows.state_of(document("Succeeded", "2/2", outputs=outputs))
    assert (ended.ended, ended.outputs) == (True, {"digest": "{}"})


def test_the_reason_is_what_the_last_attempt_says() -> None:
    log = 'main: Error (exit code 1): time=x msg="capturing logs" argo=true\nThere is no digest: x answers 503.\n'
    nodes = [node("digest(0)", "Failed", "older"), node("digest(1)", "Failed", log, "2026-11-28T05:01:00Z")]
    found = workflows.state_of(document("Failed", nodes=nodes, message="No more retries left"))
    assert found.reason == "digest(1): There is no digest: x answers 503."


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (document("Failed", nodes=[node("a", "Failed", "main: Error (exit code 1)")]), "a: main: Error (exit code 1)"),
        (document("Error", message="templates.x missing"), "templates.x missing"),
        (document("Failed"), "it ended as Failed"),
        (document("Failed", nodes=[node("a", "Error", "x argo=true")]), "a: x argo=true"),
    ],
)
def test_there_is_always_a_reason(status: Any, said: str) -> None:
    assert workflows.state_of(status).reason == said


def test_it_is_followed_until_it_has_ended() -> None:
    cluster: Any = Cluster(document(), document("Running", nodes=[node("a", "Running")]), document("Succeeded", "1/1"))
    assert workflows.follow(cluster, "digest-x1", NO_PROGRESS).phase == "Succeeded"
    assert cluster.answers == []


def test_a_controller_that_is_away_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workflows, "TAKEN_UP_SECONDS", -1)
    cluster: Any = Cluster(document(), document())
    with pytest.raises(Failure, match="Nothing has begun workflow digest-x1"):
        workflows.follow(cluster, "digest-x1", NO_PROGRESS)


def test_what_steps_printed_is_in_the_order_of_time_without_argo_s_own_lines() -> None:
    cluster: Any = Cluster(logs={"first": "one\nlevel=INFO argo=true\n", "second": "", "third": "two\n"})
    assert workflows.log(cluster, "digest-x1") == "one\ntwo"


def test_a_run_prints_the_log_and_what_came_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    outputs = {"parameters": [{"name": "digest", "value": '{"entries": 3}'}]}
    cluster: Any = Cluster(document("Succeeded", "1/1", outputs=outputs), logs={"pod": "hello [bold]\n"})
    workflows.run(cluster, KNOWN[0], ["hours=2"])
    ((made, arguments),) = cluster.fed
    assert made["spec"]["arguments"]["parameters"] == [{"name": "hours", "value": "2"}]
    assert arguments == ("create", "-f", "-", "-o", "jsonpath={.metadata.name}")
    printed = capsys.readouterr().out
    assert 'hello [bold]\ndigest: {"entries": 3}' in printed


def test_a_run_that_fails_says_why_and_shows_the_log() -> None:
    ended = document("Failed", nodes=[node("digest(0)", "Failed", "main: Error (exit code 1)")])
    cluster: Any = Cluster(ended, logs={"pod": "There is no digest: away.\n"})
    with pytest.raises(Failure, match=r"Workflow digest-x1 failed: digest\(0\): main: Error") as caught:
        workflows.run(cluster, KNOWN[0], [])
    assert caught.value.log_tail == "There is no digest: away."


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [([], 0, "digest hours=24 until="), (["--", ""], 0, "digest hours=24"), (["digets"], 1, "")],
)
def test_the_command(arguments: list[str], status: int, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "access", Cluster)
    done = CliRunner().invoke(cli.app, ["workflow", *arguments])
    assert done.exit_code == status
    assert said in done.output
