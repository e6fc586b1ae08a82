"""Argo Workflows on the running stack: switched on by settings, the digest, a step that fails, one that is tried again.

Nothing of it is in the stack's file: it is deployed by the same program, and taken away at the end.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from components.platform.argo_types import API_VERSION
from components.platform.argo_workflows import WORKFLOWS
from local import cluster, lifecycle, workflows
from local.access import Access
from local.pulumi import programs
from local.workflows import State
from tests.live.cluster_pods import until
from tests.live.load import ONLY_DRILLS
from tools import stack
from tools.progress import NO_PROGRESS
from tools.terminal import Steps

pytestmark = [
    pytest.mark.live,
    pytest.mark.timeout(1800),
    ONLY_DRILLS,  # it builds Argo Workflows
]
INSIDE = ("-n", WORKFLOWS)
TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount/token"
Run = Callable[..., State]


def deploy(here: Access, **changes: Any) -> None:
    with Steps() as steps, steps.step("deploy") as step:
        lifecycle.deployment_on(here, programs.build(NO_PROGRESS), **changes).up(step)


@pytest.fixture(scope="module")
def argo(here: Access) -> Iterator[None]:
    """The stack with workflows; at the end as its file says, without any trace of them."""
    cluster.import_images(cluster.build_argo(NO_PROGRESS))
    try:
        deploy(here, workflows={"crds": str(cluster.argo_definitions())})
        yield
    finally:
        deploy(here)
    assert here.run("get", "namespace", WORKFLOWS, "--ignore-not-found", "-o", "name") == b""
    kinds = here.run("get", "customresourcedefinitions", "-o", "name").decode().split()
    assert [kind for kind in kinds if "argoproj" in kind] == []


@pytest.fixture(scope="module")
def run(here: Access, argo: None) -> Run:
    """Runs a workflow of a template to its end."""

    def to_the_end(template: str, **parameters: str) -> State:
        name = workflows.submit(here, template, parameters)
        return workflows.follow(here, name, NO_PROGRESS)

    return to_the_end


@pytest.fixture
def script(here: Access, argo: None) -> Iterator[Callable[[str, str], str]]:
    """Makes a template that runs a script in the API's image, and returns its name."""
    (digest,) = here.json(*INSIDE, "get", "workflowtemplate", "digest")["spec"]["templates"]
    made: list[str] = []

    def template(name: str, source: str) -> str:
        step = {
            "name": name,
            "script": {"image": digest["script"]["image"], "command": ["python3"], "source": source},
            "retryStrategy": {"limit": 1, "retryPolicy": "Always"},
        }
        document = {
            "apiVersion": API_VERSION,
            "kind": "WorkflowTemplate",
            "metadata": {"name": name, "namespace": WORKFLOWS},
            "spec": {"entrypoint": name, "templates": [step]},
        }
        here.feed(document, "create", "-f", "-")
        made.append(name)
        return name

    yield template
    for name in made:
        here.run(*INSIDE, "delete", "workflowtemplate", name)


def counted(http: httpx.Client, since: datetime, until: datetime) -> int:
    """The entries of some hours, by asking the API from outside."""
    count, cursor = 0, None
    while True:
        page = http.get("/api/entries", params={"limit": 100, **({} if cursor is None else {"cursor": cursor})})
        for entry in page.raise_for_status().json()["entries"]:
            created = datetime.fromisoformat(entry["created"])
            if created < since:
                return count
            count += created < until
        cursor = page.json()["next"]
        if cursor is None:
            return count


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    """`make workflow`, as a person runs it."""
    return subprocess.run(
        [sys.executable, "-m", "local", "workflow", *arguments],
        cwd=stack.ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def test_the_digest_counts_what_the_api_has(run: Run, http: httpx.Client) -> None:
    for text in ("one", "two words", "three more words"):
        http.post("/api/entries", json={"text": text}).raise_for_status()
    until = datetime.now(UTC) + timedelta(seconds=1)
    ended = run("digest", hours="1", until=until.isoformat())
    assert ended.phase == "Succeeded", ended.reason
    digest = json.loads(ended.outputs["digest"])
    assert digest["entries"] == counted(http, until - timedelta(hours=1), until)
    assert digest["entries"] >= 3
    assert digest["words"] >= 6
    assert digest["busiest"] is not None


def test_the_command_prints_the_digest(argo: None) -> None:
    done = command("digest", "hours=2")
    assert done.returncode == 0, done.stdout + done.stderr
    assert 'digest: {"since": ' in done.stdout
    assert "argo=true" not in done.stdout


def test_a_step_that_fails_is_told_with_its_reason(argo: None) -> None:
    done = command("digest", "api=http://frontend.journal.svc/nothing")
    assert done.returncode == 1
    said = " ".join(done.stderr.replace("│", " ").split())
    assert "There is no digest: http://frontend.journal.svc/nothing/entries?limit=100 answers 404." in said


def test_a_template_that_is_not_there_is_told_with_those_that_are(argo: None) -> None:
    done = command("digets")
    assert done.returncode == 1
    assert "Templates: digest." in done.stderr


def test_an_attempt_that_fails_is_followed_by_one_that_succeeds(run: Run, script: Callable[[str, str], str]) -> None:
    flaky = script("drill-flaky", "import sys; sys.exit('not at first' if '{{retries}}' == '0' else 0)")
    ended = run(flaky)
    assert ended.phase == "Succeeded", ended.reason
    assert [attempt.phase for attempt in ended.attempts] == ["Failed", "Succeeded"]
    assert "not at first" in ended.attempts[0].message


def test_a_workflow_that_is_stopped_tells_its_step_which_has_time(
    here: Access, script: Callable[[str, str], str]
) -> None:
    source = """
import signal, sys, time

def stop(*_):
    time.sleep(1)
    print("told to stop", flush=True)
    sys.exit(3)

signal.signal(signal.SIGTERM, stop)
print("at work", flush=True)
time.sleep(300)
"""
    name = workflows.submit(here, script("drill-slow", source), {})
    until(lambda: "at work" in workflows.log(here, name), 120)
    here.run(*INSIDE, "patch", "workflow", name, "--type", "merge", "-p", '{"spec": {"shutdown": "Stop"}}')
    ended = workflows.follow(here, name, NO_PROGRESS)
    assert ended.phase == "Failed"
    assert "told to stop" in workflows.log(here, name)


def test_a_step_has_no_token_and_reaches_no_redis(run: Run, script: Callable[[str, str], str]) -> None:
    source = f"""
import socket, sys
from pathlib import Path
if Path({TOKEN!r}).exists():
    sys.exit("there is a token")
try:
    socket.create_connection(("redis.journal.svc", 6379), timeout=5)
except OSError:
    sys.exit(0)
sys.exit("Redis takes the connection")
"""
    ended = run(script("drill-alone", source))
    assert ended.phase == "Succeeded", ended.reason


def test_a_workflow_that_brings_its_own_step_is_refused(here: Access, argo: None) -> None:
    own = {
        "apiVersion": API_VERSION,
        "kind": "Workflow",
        "metadata": {"generateName": "drill-own-", "namespace": WORKFLOWS},
        "spec": {
            "entrypoint": "own",
            "templates": [{"name": "own", "container": {"image": "localhost/x:v1", "command": ["true"]}}],
        },
    }
    name = here.feed(own, "create", "-f", "-", "-o", "jsonpath={.metadata.name}").decode()
    ended = workflows.follow(here, name, NO_PROGRESS)
    assert ended.phase == "Error"
    assert "workflowTemplateRef" in ended.message
    assert ended.attempts == []


def test_every_container_of_a_workflow_has_limits_and_a_pinned_image(here: Access, run: Run) -> None:
    assert run("digest").phase == "Succeeded"
    pods = here.json(*INSIDE, "get", "pods", "-l", "app.kubernetes.io/name=workflow")["items"]
    containers = [c for pod in pods for kind in ("containers", "initContainers") for c in pod["spec"][kind]]
    assert {container["name"] for container in containers} == {"init", "wait", "main"}
    for container in containers:
        assert {"cpu", "memory"} <= container["resources"]["limits"].keys(), container["name"]
        assert container["securityContext"]["readOnlyRootFilesystem"] is True, container["name"]
        assert ":latest" not in container["image"]
