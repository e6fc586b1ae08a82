"""A workload: the pods of one stateless tier, with the security, probes and spreading that every tier has."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi
from pulumi_kubernetes.apps.v1 import (
    Deployment,
    DeploymentSpecArgs,
    DeploymentStrategyArgs,
    RollingUpdateDeploymentArgs,
)
from pulumi_kubernetes.autoscaling.v2 import (
    CrossVersionObjectReferenceArgs,
    HorizontalPodAutoscaler,
    HorizontalPodAutoscalerBehaviorArgs,
    HorizontalPodAutoscalerSpecArgs,
    HPAScalingPolicyArgs,
    HPAScalingRulesArgs,
    MetricSpecArgs,
    MetricTargetArgs,
    ResourceMetricSourceArgs,
)
from pulumi_kubernetes.core.v1 import (
    ContainerArgs,
    ContainerPortArgs,
    EnvFromSourceArgs,
    EnvVarArgs,
    EnvVarSourceArgs,
    HostAliasArgs,
    LifecycleArgs,
    LifecycleHandlerArgs,
    ObjectFieldSelectorArgs,
    PodSpecArgs,
    PodTemplateSpecArgs,
    ProbeArgs,
    ServiceAccount,
    SleepActionArgs,
    VolumeArgs,
    VolumeMountArgs,
)
from pulumi_kubernetes.meta.v1 import LabelSelectorArgs, ObjectMetaArgs
from pulumi_kubernetes.networking.v1 import NetworkPolicyEgressRuleArgs, NetworkPolicyIngressRuleArgs

from components.kubernetes.component import KubernetesComponent, component_labels, labels, selector_labels
from components.kubernetes.pods import (
    container_security,
    node_selector,
    pod_security,
    requirements,
    scratch_volume,
    spread_constraints,
    tolerations,
)
from components.settings import Autoscaling, Resources
from components.settings.node_groups import ANYWHERE, Placement
from components.settings.releases import Release

ROLLOUT_SECONDS = 600
"""How long Pulumi's Kubernetes provider waits for a Deployment (its documentation, `pulumi.com/timeoutSeconds`)."""
STARTUP_SECONDS = 60
"""How long a container may take to start before the kubelet restarts it."""
STOP_DELAY_SECONDS = 5
"""How long a pod serves on, unless its tier says otherwise, until all leave it out that send it requests: kube-proxy
takes under a second, Traefik up to two (providersThrottleDuration)."""
STOP_MARGIN_SECONDS = 5
"""How much longer than its delay and its drain a pod may take to stop before it is killed."""

TAKES_BACK = {"pulumi.com/patchForce": "true"}
"""Lets Pulumi set a number of pods that an autoscaler has set before; that it comes or goes is a change of its own."""


def await_rollout(replicas: int, min_ready_seconds: int, deadline: int = ROLLOUT_SECONDS) -> dict[str, str] | None:
    """The annotation that makes Pulumi wait while pods are replaced one by one; None where it waits long enough."""
    seconds = max(ROLLOUT_SECONDS, deadline) + replicas * min_ready_seconds
    return None if seconds == ROLLOUT_SECONDS else {"pulumi.com/timeoutSeconds": str(seconds)}


def _behavior(bounds: Autoscaling) -> HorizontalPodAutoscalerBehaviorArgs:
    """Up at once, to twice as many or by four every 15 s; down by one pod or a tenth of them a minute."""

    def rules(window: int, percent: int, pods: int, period: int) -> HPAScalingRulesArgs:
        policies = [
            HPAScalingPolicyArgs(type=type_, value=value, period_seconds=period)
            for type_, value in (("Percent", percent), ("Pods", pods))
        ]
        return HPAScalingRulesArgs(stabilization_window_seconds=window, select_policy="Max", policies=policies)

    return HorizontalPodAutoscalerBehaviorArgs(
        scale_up=rules(0, percent=100, pods=4, period=15),
        scale_down=rules(bounds.scale_down_seconds, percent=10, pods=1, period=60),
    )


def _strategy(release: Release) -> DeploymentStrategyArgs:
    if release.strategy == "recreate":
        return DeploymentStrategyArgs(type="Recreate")
    limits = RollingUpdateDeploymentArgs(max_unavailable=release.max_unavailable, max_surge=release.max_surge)
    return DeploymentStrategyArgs(type="RollingUpdate", rolling_update=limits)


def _variables(args: "WorkloadArgs") -> list[EnvVarArgs]:
    fields = {
        name: EnvVarSourceArgs(field_ref=ObjectFieldSelectorArgs(field_path=path))
        for name, path in args.pod_fields.items()
    }
    return [
        *(EnvVarArgs(name=name, value=value) for name, value in args.environment.items()),
        *(EnvVarArgs(name=name, value_from=source) for name, source in fields.items()),
    ]


@dataclass(kw_only=True)
class WorkloadArgs:
    """A stateless tier: its image, its pods, and the connections that they may open and accept.

    ports: container ports by name.
    liveness, readiness: the probes. startup: by default it asks what the liveness probe asks, once a second.
    token: whether pods get a token of the tier's service account, with which they call the API server.
    command: the program to run; by default the image's entry point. arguments: its arguments.
    environment: environment variables by name. environment_from: ConfigMaps and Secrets to take more of them from.
    pod_fields: environment variables that hold a field of the pod, such as metadata.name.
    volumes: volumes with their mounts. Each pod has an emptyDir at /tmp too.
    placement: the nodes that pods may run on.
    priority_class: the priority class of the pods; by default they have the cluster's default priority.
    component: the tier whose version this is; by default it is one of its own.
    pod_labels: further labels of the pods.
    autoscaling: between which numbers an autoscaler chooses; then `replicas` is the most that there may be.
    taken_back: whether the number of pods may have been an autoscaler's before; then it is set whoever set it last.
    release: how its pods are replaced.
    after: what must be there, or serve, before its pods change.
    min_ready_seconds: how long a new pod must be ready before an old one is stopped; by default what `release` says.
    stop_delay_seconds: how long a pod keeps serving after it is told to stop, until all leave it out.
    drain_seconds: how long its program may take after that, for the requests that are under way.
    ingress, egress: the network policy's rules. DNS is always allowed.
    """

    namespace: str
    image: pulumi.Input[str]
    replicas: int
    resources: Resources
    ports: Mapping[str, int]
    liveness: ProbeArgs
    readiness: ProbeArgs
    startup: ProbeArgs | None = None
    command: Sequence[str] = ()
    arguments: Sequence[pulumi.Input[str]] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    environment_from: Sequence[EnvFromSourceArgs] = ()
    pod_fields: Mapping[str, str] = field(default_factory=dict)
    volumes: Sequence[tuple[VolumeArgs, VolumeMountArgs]] = ()
    host_aliases: Sequence[HostAliasArgs] = ()
    token: bool = False
    placement: Placement = ANYWHERE
    priority_class: str | None = None
    component: str | None = None
    pod_labels: Mapping[str, str] = field(default_factory=dict)
    autoscaling: Autoscaling | None = None
    taken_back: bool = False
    release: Release = field(default_factory=Release)
    after: Sequence[pulumi.Resource] = ()
    min_ready_seconds: int | None = None
    stop_delay_seconds: int = STOP_DELAY_SECONDS
    drain_seconds: int = 20
    ingress: Sequence[NetworkPolicyIngressRuleArgs] = ()
    egress: Sequence[NetworkPolicyEgressRuleArgs] = ()


class Workload(KubernetesComponent):
    """A Deployment with its service account, network policy, disruption budget and, where asked for, autoscaler.

    A rollout starts a pod before it stops one. One that stops serves on while all that send it requests learn of it,
    then its program is told, and ends what is under way. Source: kubernetes.io, Termination of Pods.
    """

    deployment: Deployment

    def __init__(self, name: str, args: WorkloadArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:kubernetes:Workload", name, args.namespace, opts)
        self._args = args
        account = ServiceAccount(
            name, metadata=self._metadata(), automount_service_account_token=False, opts=self._options()
        )
        policy = self._create_network_policy(args.ingress, args.egress)
        self._min_ready = args.release.min_ready_seconds if args.min_ready_seconds is None else args.min_ready_seconds
        if args.replicas > 1:
            self._create_disruption_budget()
        self.deployment = self._create_deployment(depends_on=[account, policy, *args.after])
        if args.autoscaling is not None:
            self._create_autoscaler(args.autoscaling)
        self.register_outputs({})

    def _create_autoscaler(self, bounds: Autoscaling) -> None:
        aim = MetricTargetArgs(type="Utilization", average_utilization=bounds.cpu_utilization)
        HorizontalPodAutoscaler(
            self._name,
            metadata=self._metadata(),
            spec=HorizontalPodAutoscalerSpecArgs(
                scale_target_ref=CrossVersionObjectReferenceArgs(
                    api_version="apps/v1", kind="Deployment", name=self._name
                ),
                min_replicas=bounds.min_replicas,
                max_replicas=bounds.max_replicas,
                metrics=[MetricSpecArgs(type="Resource", resource=ResourceMetricSourceArgs(name="cpu", target=aim))],
                behavior=_behavior(bounds),
            ),
            opts=self._options(depends_on=[self.deployment]),
        )

    def _create_deployment(self, depends_on: list[pulumi.Resource]) -> Deployment:
        """With an autoscaler it names no number: what there is stays until the autoscaler writes another.

        Left out alone, server-side apply would take the number back that Pulumi had set, and one pod would be left.
        With `ignore_changes` Pulumi's provider applies the live number as long as it owns it, and none from then on.
        """
        args, release = self._args, self._args.release
        waits = await_rollout(args.replicas, self._min_ready, release.progress_deadline_seconds)
        autoscaled = args.autoscaling is not None
        annotations = {**(waits or {}), **(TAKES_BACK if args.taken_back and not autoscaled else {})}
        return Deployment(
            self._name,
            metadata=self._metadata(annotations=annotations or None),
            spec=DeploymentSpecArgs(
                replicas=None if autoscaled else args.replicas,
                revision_history_limit=5,
                min_ready_seconds=None if self._min_ready == 0 else self._min_ready,
                progress_deadline_seconds=release.progress_deadline_seconds,
                paused=True if release.paused else None,
                strategy=_strategy(release),
                selector=LabelSelectorArgs(match_labels=selector_labels(self._name)),
                template=PodTemplateSpecArgs(metadata=self._pod_metadata(), spec=self._pod()),
            ),
            opts=self._options(depends_on=depends_on, ignore_changes=["spec.replicas"] if autoscaled else None),
        )

    def _pod_metadata(self) -> ObjectMetaArgs:
        component, restarts = self._args.component, self._args.release.restarts
        shared = {} if component is None else component_labels(component)
        return ObjectMetaArgs(
            labels={**labels(self._name), **shared, **self._args.pod_labels},
            annotations=None if restarts == 0 else {"journal/restarts": str(restarts)},
        )

    def _pod(self) -> PodSpecArgs:
        volumes = [*self._args.volumes, scratch_volume("tmp", "/tmp", size="64Mi")]  # noqa: S108
        return PodSpecArgs(
            service_account_name=self._name,
            automount_service_account_token=self._args.token,
            enable_service_links=False,
            security_context=pod_security(),
            node_selector=node_selector(self._args.placement),
            tolerations=tolerations(self._args.placement),
            priority_class_name=self._args.priority_class,
            topology_spread_constraints=spread_constraints(self._name),
            termination_grace_period_seconds=self._args.stop_delay_seconds
            + self._args.drain_seconds
            + STOP_MARGIN_SECONDS,
            host_aliases=list(self._args.host_aliases) or None,
            containers=[self._container([mount for _, mount in volumes])],
            volumes=[volume for volume, _ in volumes],
        )

    def _container(self, mounts: Sequence[VolumeMountArgs]) -> ContainerArgs:
        args = self._args
        return ContainerArgs(
            name=self._name if args.component is None else args.component,
            image=args.image,
            image_pull_policy="IfNotPresent",
            command=list(args.command) or None,
            args=list(args.arguments) or None,
            env=_variables(args) or None,
            env_from=list(args.environment_from) or None,
            ports=[ContainerPortArgs(name=name, container_port=port) for name, port in args.ports.items()],
            resources=requirements(args.resources),
            security_context=container_security(),
            lifecycle=LifecycleArgs(
                pre_stop=LifecycleHandlerArgs(sleep=SleepActionArgs(seconds=args.stop_delay_seconds))
            ),
            startup_probe=args.startup
            or ProbeArgs(
                http_get=args.liveness.http_get,
                tcp_socket=args.liveness.tcp_socket,
                period_seconds=1,
                timeout_seconds=2,
                failure_threshold=STARTUP_SECONDS,
            ),
            liveness_probe=args.liveness,
            readiness_probe=args.readiness,
            volume_mounts=mounts,
        )
