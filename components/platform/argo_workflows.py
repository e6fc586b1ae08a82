"""Argo Workflows: its controller in a namespace of its own, where all workflows run (https://argo-workflows.readthedocs.io/)."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.core.v1 import ProbeArgs, ServiceAccount, TCPSocketActionArgs
from pulumi_kubernetes.meta.v1 import LabelSelectorArgs
from pulumi_kubernetes.networking.v1 import NetworkPolicy, NetworkPolicyEgressRuleArgs, NetworkPolicySpecArgs
from pulumi_kubernetes.rbac.v1 import PolicyRuleArgs, Role, RoleBinding, RoleRefArgs, SubjectArgs
from pulumi_kubernetes.yaml.v2 import ConfigGroup

from components import versions
from components.kubernetes import (
    ArtifactBucket,
    KubernetesComponent,
    Namespace,
    PodBucket,
    Workload,
    WorkloadArgs,
    allow_api_server,
    allow_to,
    http_probe,
    labels,
    network,
    node_selector,
    public_addresses,
    selector_labels,
)
from components.platform.argo_types import (
    CONTAINER_SECURITY,
    GROUP,
    POD_SECURITY,
    ArtifactRepository,
    ControllerConfig,
    Mount,
    PatchedContainer,
    PodPatch,
    Toleration,
    Volume,
    WorkflowDefaultsSpec,
    requirements,
)
from components.settings import Resources, WorkflowSettings
from components.settings.node_groups import Placement

CONTROLLER, WORKFLOWS, ACCOUNT = "workflow-controller", "workflows", "workflow"
"""The controller, the namespace that it and all workflows are in, and the tier of workflows' pods with its account."""
KINDS = (
    "workflows",
    "workflowtemplates",
    "cronworkflows",
    "workflowtasksets",
    "workflowtaskresults",
    "workflowartifactgctasks",
)
"""What a controller of one namespace watches, whether it is used or not (its workflow/controller/controller.go)."""
HEALTH_PORT = 6060
POD_IDENTITY_AGENT = "169.254.170.23/32"
"""Where pods ask the EKS Pod Identity Agent for credentials (EKS guide, EKS Pod Identity)."""
DAY_SECONDS = 24 * 60 * 60
DEADLINE_SECONDS = 60 * 60
"""How long a workflow may take, unless it says otherwise."""
AT_ONCE, KEPT = 10, 100
"""How many workflows run at once, and the most that are kept of those that succeeded, and of those that did not."""
TOKEN, TOKEN_PATH = "executor-token", "/var/run/secrets/kubernetes.io/serviceaccount"
TOKEN_SECONDS = 3600
RESOURCES = Resources.model_validate({"cpu": "20m", "memory": "64Mi", "cpuLimit": "500m", "memoryLimit": "256Mi"})
EXECUTOR = Resources.model_validate({"cpu": "10m", "memory": "48Mi", "cpuLimit": "500m", "memoryLimit": "256Mi"})
MAIN = Resources.model_validate({"cpu": "50m", "memory": "64Mi", "cpuLimit": "1", "memoryLimit": "256Mi"})
"""Of the controller, of Argo's own containers in a workflow's pod, and of a step that names none."""


def artifact_pods(settings: WorkflowSettings | None) -> PodBucket | None:
    """The pods that store artifacts, where workflows are on."""
    if settings is None:
        return None
    return PodBucket(namespace=WORKFLOWS, service_account=ACCOUNT, keep_days=settings.keep_days)


def controller_rules() -> list[PolicyRuleArgs]:
    """What the controller may do in its namespace: upstream's Role of a namespace install, without what is not used.

    That is Secrets, claims, disruption budgets, service accounts, and changes of the sets of tasks of HTTP templates.
    It may run commands in pods of the namespace: that is how it tells a step to stop (its workflow/signal).
    """
    read, change = ["get", "list", "watch"], ["update", "patch"]

    def rule(group: str, kinds: list[str], verbs: list[str], names: list[str] | None = None) -> PolicyRuleArgs:
        return PolicyRuleArgs(api_groups=[group], resources=kinds, resource_names=names, verbs=verbs)

    return [
        rule("coordination.k8s.io", ["leases"], ["create"]),
        rule("coordination.k8s.io", ["leases"], ["get", "update"], [CONTROLLER]),
        rule("", ["pods"], [*read, "create", "patch", "delete"]),
        rule("", ["pods/exec"], ["create"]),
        rule("", ["configmaps"], read),
        rule("", ["events"], ["create", "patch"]),
        rule(GROUP, ["workflows", "workflows/finalizers"], [*read, "create", *change, "delete"]),
        rule(GROUP, ["cronworkflows", "cronworkflows/finalizers"], [*read, *change]),
        rule(GROUP, ["workflowtemplates", "workflowtasksets", "workflowartifactgctasks"], read),
        rule(GROUP, ["workflowtaskresults"], ["list", "watch", "deletecollection"]),
    ]


def account_rules() -> list[PolicyRuleArgs]:
    """What Argo's containers in a workflow's pod may do: tell what came of a step (Argo's guide, Workflow RBAC)."""
    return [PolicyRuleArgs(api_groups=[GROUP], resources=["workflowtaskresults"], verbs=["create", "patch"])]


def token_patch() -> PodPatch:
    """Gives the token of the account to Argo's containers alone: a step, which runs code of ours, has none.

    A template that has no container `wait`, of the types resource and data, can't run with it.
    """
    volume: Volume = {
        "name": TOKEN,
        "projected": {
            "defaultMode": 0o440,
            "sources": [
                {"serviceAccountToken": {"path": "token", "expirationSeconds": TOKEN_SECONDS}},
                {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
                {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {"fieldPath": "metadata.namespace"}}]}},
            ],
        },
    }
    mount: Mount = {"name": TOKEN, "mountPath": TOKEN_PATH, "readOnly": True}

    def container(name: str) -> PatchedContainer:
        return {"name": name, "volumeMounts": [mount]}

    return {"volumes": [volume], "containers": [container("wait")], "initContainers": [container("init")]}


def argo_tolerations(placement: Placement) -> list[Toleration]:
    """The taints that a placement tolerates, as `components.kubernetes.tolerations` has them."""
    return [
        {"key": key, "operator": "Exists"} if value == "" else {"key": key, "operator": "Equal", "value": value}
        for key, value in placement.tolerates
    ]


def defaults(settings: WorkflowSettings, placement: Placement) -> WorkflowDefaultsSpec:
    """What holds for every workflow. One that refers to a template can't change it, but for how long it may take."""
    spec: WorkflowDefaultsSpec = {
        "serviceAccountName": ACCOUNT,
        "securityContext": POD_SECURITY,
        "podMetadata": {"labels": labels(ACCOUNT)},
        "podSpecPatch": json.dumps(token_patch()),
        # `make workflow` prints their logs; those of one that failed stay as long as it does.
        "podGC": {"strategy": "OnWorkflowSuccess", "deleteDelayDuration": "1h"},
        "ttlStrategy": {"secondsAfterCompletion": settings.keep_days * DAY_SECONDS},
        "activeDeadlineSeconds": DEADLINE_SECONDS,
    }
    if nodes := node_selector(placement):
        spec["nodeSelector"] = nodes
    if taints := argo_tolerations(placement):
        spec["tolerations"] = taints
    return spec


def repository(bucket: ArtifactBucket) -> ArtifactRepository:
    """Where artifacts and logs go. Credentials are those of EKS Pod Identity."""
    return {
        "archiveLogs": True,
        "s3": {
            "bucket": bucket.name,
            "endpoint": f"s3.{bucket.region}.amazonaws.com",
            "region": bucket.region,
            "keyFormat": "{{workflow.name}}/{{pod.name}}",
            "useSDKCreds": True,
        },
    }


def controller_config(
    settings: WorkflowSettings, placement: Placement, artifacts: ArtifactBucket | None
) -> ControllerConfig:
    """The controller's configuration (Argo's guide, Workflow Controller ConfigMap).

    Only workflows that refer to a template run: so what runs is what the program declares.
    """
    config: ControllerConfig = {
        "executor": {
            "image": versions.ARGO_EXECUTOR_IMAGE,
            "imagePullPolicy": "IfNotPresent",
            "resources": requirements(EXECUTOR),
            "securityContext": CONTAINER_SECURITY,
        },
        "mainContainer": {
            "imagePullPolicy": "IfNotPresent",
            # The last lines of a step that failed become the reason that the workflow tells.
            "terminationMessagePolicy": "FallbackToLogsOnError",
            "resources": requirements(MAIN),
            "securityContext": CONTAINER_SECURITY,
        },
        "workflowDefaults": {"spec": defaults(settings, placement)},
        "workflowRestrictions": {"templateReferencing": "Strict"},
        "retentionPolicy": {"completed": KEPT, "failed": KEPT, "errored": KEPT},
        "metricsConfig": {"enabled": False},
        "parallelism": AT_ONCE,
    }
    if artifacts is not None:
        config["artifactRepository"] = repository(artifacts)
    return config


@dataclass(frozen=True, kw_only=True)
class WorkflowEngine:
    """Argo Workflows as those see it who bring workflows.

    namespace: where templates and workflows are. keeps_artifacts: whether what a step stores is kept in a bucket.
    ready: what must be there before a template is.
    """

    namespace: str
    keeps_artifacts: bool
    ready: Sequence[pulumi.Resource]


@dataclass(kw_only=True)
class ArgoWorkflowsArgs:
    """placement: the nodes that workflows' pods run on. artifacts: the bucket of what steps store, if there is one."""

    settings: WorkflowSettings
    placement: Placement
    artifacts: ArtifactBucket | None = None


class ArgoWorkflows(KubernetesComponent):
    """The definitions of Argo's kinds, the controller, and what the pods of workflows may do.

    engine: what templates need to know.
    """

    engine: WorkflowEngine

    def __init__(self, name: str, args: ArgoWorkflowsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:platform:ArgoWorkflows", name, WORKFLOWS, opts)
        self._args = args
        namespace = Namespace(WORKFLOWS, opts=self._options())
        definitions = self._create_definitions()
        account = self._create_account(namespace)
        rights = self._grant_in(WORKFLOWS, controller_rules(), depends_on=[namespace])
        controller = self._create_controller(depends_on=[namespace, definitions, *account, *rights])
        self.engine = WorkflowEngine(
            namespace=WORKFLOWS, keeps_artifacts=args.artifacts is not None, ready=[definitions, controller]
        )
        self.register_outputs({})

    def _create_definitions(self) -> ConfigGroup:
        files = [f"{self._args.settings.crds}/{GROUP}_{kind}.yaml" for kind in KINDS]
        return ConfigGroup("argo-workflows", files=files, opts=self._options())

    def _create_account(self, namespace: Namespace) -> list[pulumi.Resource]:
        """The account of workflows' pods, what it may do, and what the pods may reach."""
        metadata = self._metadata(ACCOUNT)
        metadata.labels = labels(ACCOUNT)
        opts = self._options(depends_on=[namespace])
        return [
            ServiceAccount(ACCOUNT, metadata=metadata, automount_service_account_token=False, opts=opts),
            Role(ACCOUNT, metadata=metadata, rules=account_rules(), opts=opts),
            RoleBinding(
                ACCOUNT,
                metadata=metadata,
                role_ref=RoleRefArgs(api_group="rbac.authorization.k8s.io", kind="Role", name=ACCOUNT),
                subjects=[SubjectArgs(kind="ServiceAccount", name=ACCOUNT, namespace=WORKFLOWS)],
                opts=opts,
            ),
            NetworkPolicy(
                ACCOUNT,
                metadata=metadata,
                spec=NetworkPolicySpecArgs(
                    pod_selector=LabelSelectorArgs(match_labels=selector_labels(ACCOUNT)),
                    policy_types=["Ingress", "Egress"],
                    ingress=[],
                    egress=[allow_api_server(), *self._to_the_bucket()],
                ),
                opts=opts,
            ),
        ]

    def _to_the_bucket(self) -> list[NetworkPolicyEgressRuleArgs]:
        if self._args.artifacts is None:
            return []
        return [allow_to([network(POD_IDENTITY_AGENT)], 80), allow_to([public_addresses()], 443)]

    def _create_controller(self, depends_on: Sequence[pulumi.Resource]) -> Workload:
        args = self._args
        config = controller_config(args.settings, args.placement, args.artifacts)
        config_map = self._create_config_map(
            f"{self._name}-config", {"config": json.dumps(config, indent=2)}, depends_on=depends_on
        )
        return Workload(
            self._name,
            WorkloadArgs(
                namespace=self._namespace,
                image=versions.ARGO_CONTROLLER_IMAGE,
                replicas=1,
                resources=RESOURCES,
                ports={"health": HEALTH_PORT},
                # It takes workflows by its lease, whether it is ready or not; only a rollout waits for that.
                liveness=http_probe("/healthz", "health", period=10),
                readiness=ProbeArgs(tcp_socket=TCPSocketActionArgs(port="health"), period_seconds=5),
                arguments=["--namespaced", pulumi.Output.concat("--configmap=", config_map.metadata.name)],
                # While one takes another's place there are two, and one of them leads.
                pod_fields={"LEADER_ELECTION_IDENTITY": "metadata.name"},
                token=True,
                egress=[allow_api_server()],
            ),
            opts=self._options(depends_on=[*depends_on, config_map]),
        )
