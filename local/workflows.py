"""Workflows of the running stack: run one from its template, follow it, and say what came of it."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NotRequired, TypedDict

from components.platform.argo_types import API_VERSION, TemplateRef
from components.platform.argo_workflows import GROUP, WORKFLOWS
from local.access import Access
from tools.failures import Failure, tail
from tools.progress import Progress
from tools.terminal import Steps, console

ENDED = ("Succeeded", "Failed", "Error")
TAKEN_UP_SECONDS = 60
"""How long the controller may take to see a workflow: it takes a moment, and 15 s where another must lead first."""
OF_ARGO = " argo=true"
"""What Argo's own lines have in the log of a step (its workflow/executor)."""


class Named(TypedDict):
    name: str
    value: NotRequired[str]


class Arguments(TypedDict):
    parameters: list[Named]


class WorkflowSpec(TypedDict):
    workflowTemplateRef: TemplateRef
    arguments: Arguments


class Metadata(TypedDict):
    generateName: str
    namespace: str


class Workflow(TypedDict):
    """A workflow as it is handed to the API server, which gives it a name."""

    apiVersion: str
    kind: str
    metadata: Metadata
    spec: WorkflowSpec


@dataclass(frozen=True, kw_only=True)
class Template:
    """A template, and its parameters with their defaults; None where a workflow must set one."""

    name: str
    parameters: Mapping[str, str | None]


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """A pod of a workflow: the step, whether it succeeded, and what it says if not."""

    step: str
    phase: str
    message: str


@dataclass(frozen=True, kw_only=True)
class State:
    """How far a workflow is. done, total: of its pods. message: why it failed. outputs: by name, once it has ended."""

    phase: str
    done: int
    total: int
    message: str
    attempts: Sequence[Attempt]
    outputs: Mapping[str, str]

    @property
    def ended(self) -> bool:
        return self.phase in ENDED

    @property
    def reason(self) -> str:
        """Why it failed: what the last attempt says that failed, or what the controller does."""
        failed = [a for a in self.attempts if a.phase in ("Failed", "Error") and a.message]
        if not failed:
            return self.message or f"it ended as {self.phase}"
        said = own_lines(failed[-1].message).strip() or failed[-1].message
        return f"{failed[-1].step}: {said}"


def template_of(document: Mapping[str, Any]) -> Template:
    """What a WorkflowTemplate offers."""
    parameters = document["spec"].get("arguments", {}).get("parameters", [])
    return Template(name=document["metadata"]["name"], parameters={p["name"]: p.get("value") for p in parameters})


def state_of(document: Mapping[str, Any]) -> State:
    """How far the workflow is that the document describes."""
    status = document.get("status", {})
    done, _, total = status.get("progress", "0/0").partition("/")
    pods = [node for node in status.get("nodes", {}).values() if node.get("type") == "Pod"]
    return State(
        phase=status.get("phase", ""),
        done=int(done),
        total=int(total),
        message=status.get("message", ""),
        attempts=[
            Attempt(step=node["displayName"], phase=node.get("phase", ""), message=node.get("message", ""))
            for node in sorted(pods, key=lambda node: (node.get("startedAt") or "", node["displayName"]))
        ],
        outputs={p["name"]: p["value"] for p in status.get("outputs", {}).get("parameters", []) if "value" in p},
    )


def listed(known: Sequence[Template]) -> str:
    """The templates, a line each, with their parameters."""
    lines = [
        " ".join([template.name, *(f"{name}={'…' if value is None else value}" for name, value in given)])
        for template in known
        for given in [template.parameters.items()]
    ]
    return "\n".join(lines) or "The stack has no template of a workflow yet."


def chosen(name: str, known: Sequence[Template]) -> Template:
    """The template with this name. Raises Failure, which names those that there are."""
    for template in known:
        if template.name == name:
            return template
    there = ", ".join(template.name for template in known)
    raise Failure(f"There is no template {name!r}.", f"Templates: {there}." if there else "The stack has none.")


def given(template: Template, texts: Sequence[str]) -> dict[str, str]:
    """The parameters that a person gives as NAME=VALUE. Raises Failure."""
    hint = f"Parameters of {template.name}: {', '.join(template.parameters) or 'none'}."
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise Failure(f"{text!r} is no parameter: write NAME=VALUE.", hint)
        if name not in template.parameters:
            raise Failure(f"{template.name} has no parameter {name!r}.", hint)
        found[name] = value
    missing = [name for name, value in template.parameters.items() if value is None and name not in found]
    if missing:
        raise Failure(f"{template.name} needs {', '.join(missing)}.", f'Add ARGS="{missing[0]}=…".')
    return found


def workflow(template: str, parameters: Mapping[str, str]) -> Workflow:
    """A workflow of the template: it may set parameters alone, which is what the controller lets pass."""
    values: list[Named] = [{"name": name, "value": value} for name, value in parameters.items()]
    return {
        "apiVersion": API_VERSION,
        "kind": "Workflow",
        "metadata": {"generateName": f"{template}-", "namespace": WORKFLOWS},
        "spec": {"workflowTemplateRef": {"name": template}, "arguments": {"parameters": values}},
    }


def own_lines(log: str) -> str:
    """The lines of a step's log that are its own, of a message that ends with such a log too."""
    return "\n".join(line for line in log.splitlines() if OF_ARGO not in line)


def templates(here: Access) -> list[Template]:
    """The templates of the stack. Raises Failure where it has no workflows."""
    kind = f"workflowtemplates.{GROUP}"
    if here.run("get", "customresourcedefinition", kind, "--ignore-not-found", "-o", "name").strip() == b"":
        hint = "Add `journal:workflows: {}` to its file and deploy it (docs/runbooks.md, Workflows)."
        raise Failure("The stack has no workflows.", hint)
    return [template_of(item) for item in here.json("-n", WORKFLOWS, "get", kind)["items"]]


def submit(here: Access, template: str, parameters: Mapping[str, str]) -> str:
    """Starts a workflow and returns its name."""
    made = here.feed(workflow(template, parameters), "create", "-f", "-", "-o", "jsonpath={.metadata.name}")
    return made.decode().strip()


def state(here: Access, name: str) -> State:
    return state_of(here.json("-n", WORKFLOWS, "get", f"workflows.{GROUP}", name))


def follow(here: Access, name: str, progress: Progress) -> State:
    """Waits until a workflow has ended. Raises Failure where no controller takes it up."""
    began = time.monotonic()
    while True:
        found = state(here, name)
        if found.ended:
            return found
        if not found.phase and time.monotonic() - began > TAKEN_UP_SECONDS:
            hint = 'Does the controller run? make kubectl ARGS="-n workflows get pods"'
            raise Failure(f"Nothing has begun workflow {name} in {TAKEN_UP_SECONDS} s.", hint)
        running = [attempt.step for attempt in found.attempts if attempt.phase in ("Pending", "Running")]
        progress.step(", ".join(running) or found.phase or "wait for the controller", found.done, found.total or None)
        time.sleep(1)


def log(here: Access, name: str) -> str:
    """What the steps of a workflow printed, first things first; nothing of pods that are gone."""
    pods = here.json("-n", WORKFLOWS, "get", "pods", "-l", f"workflows.argoproj.io/workflow={name}")["items"]
    names = [pod["metadata"] for pod in sorted(pods, key=lambda pod: pod["metadata"]["creationTimestamp"])]
    texts = [_printed(here, metadata["name"]) for metadata in names]
    return "\n".join(text for text in texts if text)


def _printed(here: Access, pod: str) -> str:
    """One whose step never began, for want of its image for example, has printed nothing."""
    try:
        return own_lines(here.run("-n", WORKFLOWS, "logs", pod, "-c", "main").decode(errors="replace"))
    except Failure:
        return ""


def run(here: Access, template: Template, texts: Sequence[str]) -> None:
    """Runs a workflow of the template, and prints its log and what came of it. Raises Failure when a step failed."""
    parameters = given(template, texts)
    name = submit(here, template.name, parameters)
    with Steps() as steps, steps.step(f"workflow {name}") as step:
        found = follow(here, name, step)
        printed = log(here, name)
        if found.phase != "Succeeded":
            hint = f'What it is made of: make kubectl ARGS="-n {WORKFLOWS} get workflow {name} -o yaml"'
            raise Failure(f"Workflow {name} failed: {found.reason}", hint, tail(printed))
    if printed:
        console.print(printed, markup=False, soft_wrap=True)
    for output, value in found.outputs.items():
        console.print(f"{output}: {value}", markup=False, soft_wrap=True)
