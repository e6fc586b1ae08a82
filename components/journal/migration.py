"""A migration: a Job of the API's image that brings the data into the form that this version of it reads."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.batch.v1 import Job, JobSpecArgs
from pulumi_kubernetes.core.v1 import (
    ContainerArgs,
    EnvVarArgs,
    PodSpecArgs,
    PodTemplateSpecArgs,
    ServiceAccount,
    VolumeArgs,
    VolumeMountArgs,
)
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs
from pulumi_kubernetes.networking.v1 import NetworkPolicyEgressRuleArgs

from components.kubernetes import (
    KubernetesComponent,
    container_security,
    content_hash,
    labels,
    pod_security,
    requirements,
    scratch_volume,
)
from components.settings import Resources

RETRIES = 3


@dataclass(kw_only=True)
class MigrationArgs:
    """The migrations of the versions that run.

    images: the full reference of each version's image, by its name in the settings.
    deadline_seconds: how long all tries may take together. A try waits five minutes for Redis (journal_api/migrate.py).
    environment: variables by name. volumes: with their mounts. egress: what it may connect to beside DNS.
    """

    namespace: str
    images: Mapping[str, pulumi.Input[str]]
    resources: Resources
    deadline_seconds: int
    environment: Mapping[str, str]
    volumes: Sequence[tuple[VolumeArgs, VolumeMountArgs]]
    egress: Sequence[NetworkPolicyEgressRuleArgs]


class Migration(KubernetesComponent):
    """A Job for each version, which runs once: before the version's pods start. They wait for `jobs`.

    One that fails ends the deployment; its pods stay, with their logs, and so does the version that serves. One that
    is done goes when its version does.
    """

    jobs: list[Job]

    def __init__(self, name: str, args: MigrationArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:journal:Migration", name, args.namespace, opts)
        self._args = args
        before: list[pulumi.Resource] = [
            ServiceAccount(
                name, metadata=self._metadata(), automount_service_account_token=False, opts=self._options()
            ),
            self._create_network_policy(ingress=[], egress=args.egress),
        ]
        self.jobs = [self._create_job(image, reference, before) for image, reference in args.images.items()]
        self.register_outputs({})

    def _create_job(self, image: str, reference: pulumi.Input[str], depends_on: list[pulumi.Resource]) -> Job:
        name = f"{self._name}-{content_hash({'image': image})}"
        volumes = [*self._args.volumes, scratch_volume("tmp", "/tmp", size="64Mi")]  # noqa: S108
        pod = PodSpecArgs(
            service_account_name=self._name,
            automount_service_account_token=False,
            enable_service_links=False,
            restart_policy="Never",
            security_context=pod_security(),
            containers=[self._container(reference, [mount for _, mount in volumes])],
            volumes=[volume for volume, _ in volumes],
        )
        return Job(
            name,
            metadata=self._metadata(name),
            spec=JobSpecArgs(
                backoff_limit=RETRIES,
                active_deadline_seconds=self._args.deadline_seconds,
                template=PodTemplateSpecArgs(metadata=ObjectMetaArgs(labels=labels(self._name)), spec=pod),
            ),
            opts=self._options(depends_on=depends_on),
        )

    def _container(self, image: pulumi.Input[str], mounts: Sequence[VolumeMountArgs]) -> ContainerArgs:
        return ContainerArgs(
            name="migrate",
            image=image,
            image_pull_policy="IfNotPresent",
            command=["python3", "-m", "journal_api.migrate"],
            env=[EnvVarArgs(name=name, value=value) for name, value in self._args.environment.items()],
            resources=requirements(self._args.resources),
            security_context=container_security(),
            volume_mounts=mounts,
        )
