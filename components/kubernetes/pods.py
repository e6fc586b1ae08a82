"""What every pod has in common: security, resources, probes, where it runs, and where it may write."""

from pulumi_kubernetes.core.v1 import (
    CapabilitiesArgs,
    EmptyDirVolumeSourceArgs,
    ExecActionArgs,
    HTTPGetActionArgs,
    PodSecurityContextArgs,
    ProbeArgs,
    ResourceRequirementsArgs,
    SeccompProfileArgs,
    SecurityContextArgs,
    TolerationArgs,
    TopologySpreadConstraintArgs,
    VolumeArgs,
    VolumeMountArgs,
)
from pulumi_kubernetes.meta.v1 import LabelSelectorArgs

from components.kubernetes.component import selector_labels
from components.settings import Resources
from components.settings.node_groups import NODE_GROUP_LABEL, Placement

EPHEMERAL_STORAGE, EPHEMERAL_STORAGE_LIMIT = "64Mi", "256Mi"
"""Request and limit for what a container writes on its node: logs, of which the kubelet keeps 50 MiB, and emptyDirs."""
NON_ROOT = 65532
"""User and group of every container; the user `nonroot` of distroless images."""


def pod_security(user: int = NON_ROOT) -> PodSecurityContextArgs:
    """A security context that the `restricted` Pod Security Standard admits.

    Source: kubernetes.io, Pod Security Standards.
    """
    return PodSecurityContextArgs(
        run_as_non_root=True,
        run_as_user=user,
        run_as_group=user,
        fs_group=user,
        fs_group_change_policy="OnRootMismatch",
        seccomp_profile=SeccompProfileArgs(type="RuntimeDefault"),
    )


def container_security() -> SecurityContextArgs:
    """No privilege escalation, no capabilities, and a read-only root file system."""
    return SecurityContextArgs(
        allow_privilege_escalation=False,
        read_only_root_filesystem=True,
        capabilities=CapabilitiesArgs(drop=["ALL"]),
    )


def requirements(resources: Resources, *, disk_limit: str = EPHEMERAL_STORAGE_LIMIT) -> ResourceRequirementsArgs:
    """The requests and limits of one container, ephemeral storage included."""
    return ResourceRequirementsArgs(
        requests={"cpu": resources.cpu, "memory": resources.memory, "ephemeral-storage": EPHEMERAL_STORAGE},
        limits={
            "cpu": resources.cpu_limit,
            "memory": resources.memory_limit,
            "ephemeral-storage": disk_limit,
        },
    )


def http_probe(path: str, port: str, *, period: int = 5, failures: int = 3) -> ProbeArgs:
    """Sends GET `path` to the container port named `port` every `period` seconds."""
    return ProbeArgs(
        http_get=HTTPGetActionArgs(path=path, port=port),
        period_seconds=period,
        timeout_seconds=2,
        failure_threshold=failures,
    )


def exec_probe(*command: str, period: int = 5, failures: int = 3) -> ProbeArgs:
    """Runs `command` in the container every `period` seconds."""
    return ProbeArgs(
        exec_=ExecActionArgs(command=list(command)),
        period_seconds=period,
        timeout_seconds=3,
        failure_threshold=failures,
    )


def spread_constraints(name: str) -> list[TopologySpreadConstraintArgs]:
    """Spreads a tier's pods evenly over zones and nodes; a pod that fits nowhere else may still break the balance."""
    return [
        TopologySpreadConstraintArgs(
            max_skew=1,
            topology_key=key,
            when_unsatisfiable="ScheduleAnyway",
            label_selector=LabelSelectorArgs(match_labels=selector_labels(name)),
            match_label_keys=["pod-template-hash"],
        )
        for key in ("topology.kubernetes.io/zone", "kubernetes.io/hostname")
    ]


def node_selector(placement: Placement) -> dict[str, str] | None:
    """Selects the nodes of the group and with the labels that a placement names; None where it names none."""
    group = {} if placement.node_group is None else {NODE_GROUP_LABEL: placement.node_group}
    return {**group, **dict(placement.labels)} or None


def tolerations(placement: Placement) -> list[TolerationArgs] | None:
    """The taints that a placement tolerates, whatever their effect; None where there are none."""
    return [
        TolerationArgs(key=key, operator="Exists")
        if value == ""
        else TolerationArgs(key=key, operator="Equal", value=value)
        for key, value in placement.tolerates
    ] or None


def scratch_volume(name: str, path: str, *, size: str, in_memory: bool = False) -> tuple[VolumeArgs, VolumeMountArgs]:
    """An emptyDir of at most `size`, mounted at `path`; it is deleted with its pod."""
    source = EmptyDirVolumeSourceArgs(size_limit=size, medium="Memory" if in_memory else None)
    return VolumeArgs(name=name, empty_dir=source), VolumeMountArgs(name=name, mount_path=path)
