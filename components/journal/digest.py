"""The journal's digest: a workflow that counts the entries of a day, every night and when asked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.meta.v1 import LabelSelectorArgs
from pulumi_kubernetes.networking.v1 import NetworkPolicy, NetworkPolicySpecArgs

from components.journal.frontend import PORT as FRONTEND_PORT
from components.kubernetes import KubernetesComponent, allow_to, component_labels, pods_of, workloads
from components.platform import WorkflowEngine
from components.platform.argo_types import (
    API_VERSION,
    CronWorkflowSpec,
    Outputs,
    Parameter,
    ScriptTemplate,
    Variable,
    WorkflowTemplateSpec,
    requirements,
)
from components.settings import Resources

SCRIPT = Path(__file__).parent / "digest_files" / "digest.py"
OUTPUT_FOLDER = "/tmp"  # noqa: S108
OUTPUT = f"{OUTPUT_FOLDER}/digest.json"
RETRIES, FIRST_WAIT = 2, "10s"
DEADLINE_SECONDS = 10 * 60
"""How long one attempt may take."""
LATE_SECONDS = 60 * 60
"""How late a digest may start: the controller makes up for one that it missed."""
RESOURCES = Resources.model_validate({"cpu": "50m", "memory": "64Mi", "cpuLimit": "500m", "memoryLimit": "256Mi"})
"""Argo's executor is the first process of the container: it takes more of the memory than the script."""


def arguments(api: str) -> list[Parameter]:
    """The parameters with their defaults, which a workflow may set."""
    return [
        {"name": "api", "value": api, "description": "The API's address."},
        {"name": "hours", "value": "24", "description": "Of how many hours, 1 to 744."},
        {"name": "until", "value": "", "description": "Until when, such as 2026-11-28T05:00:00+00:00; empty for now."},
    ]


def outputs(*, keeps_artifacts: bool) -> Outputs:
    """The digest as a parameter of the workflow, and as a file where there is a bucket."""
    found: Outputs = {
        "parameters": [{"name": "digest", "valueFrom": {"path": OUTPUT}, "globalName": "digest"}],
    }
    if keeps_artifacts:
        found["artifacts"] = [{"name": "digest", "path": OUTPUT, "archive": {"none": {}}}]
    return found


def variable(name: str, value: str) -> Variable:
    return {"name": name, "value": value}


def script_template(name: str, image: pulumi.Input[str], *, keeps_artifacts: bool) -> ScriptTemplate:
    """The step. Parameters come as environment variables: none can become code."""
    given = sorted(parameter["name"] for parameter in arguments(""))
    return {
        "name": name,
        "metadata": {"labels": component_labels(name)},
        "inputs": {"parameters": [{"name": parameter} for parameter in given]},
        "script": {
            "image": image,
            "command": ["python3"],
            "source": SCRIPT.read_text(),
            "env": [
                *(variable(key.upper(), f"{{{{inputs.parameters.{key}}}}}") for key in given),
                variable("OUTPUT", OUTPUT),
            ],
            "resources": requirements(RESOURCES),
            "volumeMounts": [{"name": "tmp", "mountPath": OUTPUT_FOLDER}],
        },
        "outputs": outputs(keeps_artifacts=keeps_artifacts),
        "volumes": [{"name": "tmp", "emptyDir": {"sizeLimit": "16Mi"}}],
        "retryStrategy": {
            "limit": RETRIES,
            "retryPolicy": "Always",
            "backoff": {"duration": FIRST_WAIT, "factor": 2},
        },
        "activeDeadlineSeconds": DEADLINE_SECONDS,
    }


def template_spec(name: str, image: pulumi.Input[str], api: str, *, keeps_artifacts: bool) -> WorkflowTemplateSpec:
    return {
        "entrypoint": name,
        "arguments": {"parameters": arguments(api)},
        "templates": [script_template(name, image, keeps_artifacts=keeps_artifacts)],
    }


def cron_spec(name: str, schedule: str) -> CronWorkflowSpec:
    """Starts a workflow of the template with this name."""
    return {
        "schedules": [schedule],
        "timezone": "Etc/UTC",
        "concurrencyPolicy": "Forbid",
        "startingDeadlineSeconds": LATE_SECONDS,
        "successfulJobsHistoryLimit": 3,
        "failedJobsHistoryLimit": 3,
        "workflowSpec": {"workflowTemplateRef": {"name": name}},
    }


@dataclass(kw_only=True)
class DigestArgs:
    """image: one with Python 3.11 or newer. api: the namespace and the tier of the API. schedule: when, in UTC."""

    engine: WorkflowEngine
    image: pulumi.Input[str]
    api_namespace: str
    api_tier: str
    schedule: str


class Digest(KubernetesComponent):
    """The WorkflowTemplate of the digest, the CronWorkflow that starts it, and its way to the API."""

    def __init__(self, name: str, args: DigestArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:journal:Digest", name, args.engine.namespace, opts)
        api = f"http://{args.api_tier}.{args.api_namespace}.svc/api"
        policy = self._create_policy(args)
        spec = template_spec(name, args.image, api, keeps_artifacts=args.engine.keeps_artifacts)
        template = CustomResource(
            name,
            api_version=API_VERSION,
            kind="WorkflowTemplate",
            metadata=self._metadata(),
            spec=spec,
            opts=self._options(depends_on=[policy, *args.engine.ready]),
        )
        self._create_schedule(cron_spec(name, args.schedule), [template])
        self.register_outputs({})

    def _create_policy(self, args: DigestArgs) -> NetworkPolicy:
        """Further connections of its pods, beside those of every workflow's."""
        versions = [pods_of(version, args.api_namespace) for version in workloads(args.api_tier)]
        return NetworkPolicy(
            self._name,
            metadata=self._metadata(),
            spec=NetworkPolicySpecArgs(
                pod_selector=LabelSelectorArgs(match_labels=component_labels(self._name)),
                policy_types=["Egress"],
                egress=[allow_to(versions, FRONTEND_PORT)],
            ),
            opts=self._options(depends_on=list(args.engine.ready)),
        )

    def _create_schedule(self, spec: CronWorkflowSpec, depends_on: Sequence[pulumi.Resource]) -> None:
        CustomResource(
            f"{self._name}-schedule",
            api_version=API_VERSION,
            kind="CronWorkflow",
            metadata=self._metadata(),
            spec=spec,
            opts=self._options(depends_on=list(depends_on)),
        )
