"""The shapes of Argo Workflows' configuration and resources that are used here; names are Argo's own (4.0)."""

from typing import NotRequired, TypedDict

import pulumi

from components.kubernetes import NON_ROOT
from components.kubernetes.pods import EPHEMERAL_STORAGE, EPHEMERAL_STORAGE_LIMIT
from components.settings import Resources

GROUP = "argoproj.io"
API_VERSION = f"{GROUP}/v1alpha1"


class Capabilities(TypedDict):
    drop: list[str]


class SecurityContext(TypedDict):
    allowPrivilegeEscalation: bool
    readOnlyRootFilesystem: bool
    capabilities: Capabilities


class SeccompProfile(TypedDict):
    type: str


class PodSecurityContext(TypedDict):
    runAsNonRoot: bool
    runAsUser: int
    runAsGroup: int
    fsGroup: int
    fsGroupChangePolicy: str
    seccompProfile: SeccompProfile


class Requirements(TypedDict):
    requests: dict[str, str]
    limits: dict[str, str]


class Executor(TypedDict):
    image: str
    imagePullPolicy: str
    resources: Requirements
    securityContext: SecurityContext


class MainContainer(TypedDict):
    imagePullPolicy: str
    terminationMessagePolicy: str
    resources: Requirements
    securityContext: SecurityContext


class S3Repository(TypedDict):
    bucket: str
    endpoint: str
    region: str
    keyFormat: str
    useSDKCreds: bool


class ArtifactRepository(TypedDict):
    archiveLogs: bool
    s3: S3Repository


class TtlStrategy(TypedDict):
    secondsAfterCompletion: int


class PodGc(TypedDict):
    strategy: str
    deleteDelayDuration: str


class PodMetadata(TypedDict):
    labels: dict[str, str]


class Toleration(TypedDict):
    key: str
    operator: str
    value: NotRequired[str]


class WorkflowDefaultsSpec(TypedDict):
    serviceAccountName: str
    securityContext: PodSecurityContext
    podMetadata: PodMetadata
    podSpecPatch: str
    podGC: PodGc
    ttlStrategy: TtlStrategy
    activeDeadlineSeconds: int
    nodeSelector: NotRequired[dict[str, str]]
    tolerations: NotRequired[list[Toleration]]


class WorkflowDefaults(TypedDict):
    spec: WorkflowDefaultsSpec


class Restrictions(TypedDict):
    templateReferencing: str


class RetentionPolicy(TypedDict):
    completed: int
    failed: int
    errored: int


class Metrics(TypedDict):
    enabled: bool


class ControllerConfig(TypedDict):
    """What the controller reads of its ConfigMap; it refuses a key that it does not know."""

    executor: Executor
    mainContainer: MainContainer
    artifactRepository: NotRequired[ArtifactRepository]
    workflowDefaults: WorkflowDefaults
    workflowRestrictions: Restrictions
    retentionPolicy: RetentionPolicy
    metricsConfig: Metrics
    parallelism: int


class TokenSource(TypedDict):
    path: str
    expirationSeconds: int


class KeyToPath(TypedDict):
    key: str
    path: str


class ConfigMapSource(TypedDict):
    name: str
    items: list[KeyToPath]


class FieldRef(TypedDict):
    fieldPath: str


class FieldFile(TypedDict):
    path: str
    fieldRef: FieldRef


class DownwardSource(TypedDict):
    items: list[FieldFile]


class Source(TypedDict, total=False):
    """One of them."""

    serviceAccountToken: TokenSource
    configMap: ConfigMapSource
    downwardAPI: DownwardSource


class Projected(TypedDict):
    defaultMode: int
    sources: list[Source]


class EmptyDir(TypedDict):
    sizeLimit: str


class Volume(TypedDict):
    name: str
    projected: NotRequired[Projected]
    emptyDir: NotRequired[EmptyDir]


class Mount(TypedDict):
    name: str
    mountPath: str
    readOnly: NotRequired[bool]


class PatchedContainer(TypedDict):
    name: str
    volumeMounts: list[Mount]


class PodPatch(TypedDict):
    volumes: list[Volume]
    containers: list[PatchedContainer]
    initContainers: list[PatchedContainer]


class Variable(TypedDict):
    name: str
    value: str


class Script(TypedDict):
    image: pulumi.Input[str]
    command: list[str]
    source: str
    env: list[Variable]
    resources: Requirements
    volumeMounts: list[Mount]


class Parameter(TypedDict):
    name: str
    value: NotRequired[str]
    description: NotRequired[str]


class Parameters(TypedDict):
    parameters: list[Parameter]


class ValueFrom(TypedDict):
    path: str


class OutputParameter(TypedDict):
    name: str
    valueFrom: ValueFrom
    globalName: str


class NoArchive(TypedDict):
    pass


class Archive(TypedDict):
    none: NoArchive


class Artifact(TypedDict):
    name: str
    path: str
    archive: Archive


class Outputs(TypedDict):
    parameters: list[OutputParameter]
    artifacts: NotRequired[list[Artifact]]


class Backoff(TypedDict):
    duration: str
    factor: int


class RetryStrategy(TypedDict):
    limit: int
    retryPolicy: str
    backoff: Backoff


class ScriptTemplate(TypedDict):
    name: str
    metadata: PodMetadata
    inputs: Parameters
    script: Script
    outputs: Outputs
    volumes: list[Volume]
    retryStrategy: RetryStrategy
    activeDeadlineSeconds: int


class WorkflowTemplateSpec(TypedDict):
    entrypoint: str
    arguments: Parameters
    templates: list[ScriptTemplate]


class TemplateRef(TypedDict):
    name: str


class WorkflowSpec(TypedDict):
    workflowTemplateRef: TemplateRef


class CronWorkflowSpec(TypedDict):
    schedules: list[str]
    timezone: str
    concurrencyPolicy: str
    startingDeadlineSeconds: int
    successfulJobsHistoryLimit: int
    failedJobsHistoryLimit: int
    workflowSpec: WorkflowSpec


CONTAINER_SECURITY: SecurityContext = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}
POD_SECURITY: PodSecurityContext = {
    "runAsNonRoot": True,
    "runAsUser": NON_ROOT,
    "runAsGroup": NON_ROOT,
    "fsGroup": NON_ROOT,
    "fsGroupChangePolicy": "OnRootMismatch",
    "seccompProfile": {"type": "RuntimeDefault"},
}
"""Both are what `components.kubernetes.pods` gives every pod, in the words of Kubernetes' API."""


def requirements(resources: Resources) -> Requirements:
    """The requests and limits of one container, ephemeral storage included."""
    return {
        "requests": {"cpu": resources.cpu, "memory": resources.memory, "ephemeral-storage": EPHEMERAL_STORAGE},
        "limits": {
            "cpu": resources.cpu_limit,
            "memory": resources.memory_limit,
            "ephemeral-storage": EPHEMERAL_STORAGE_LIMIT,
        },
    }
