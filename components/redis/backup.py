"""Backups of Redis: a CronJob that takes them, and the template of the Job that restores one."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pulumi
from pulumi_kubernetes.batch.v1 import CronJob, CronJobSpecArgs, JobSpecArgs, JobTemplateSpecArgs
from pulumi_kubernetes.core.v1 import (
    ConfigMapVolumeSourceArgs,
    ContainerArgs,
    EnvVarArgs,
    KeyToPathArgs,
    PersistentVolumeClaim,
    PersistentVolumeClaimSpecArgs,
    PersistentVolumeClaimVolumeSourceArgs,
    PodSpecArgs,
    PodTemplateSpecArgs,
    SecretVolumeSourceArgs,
    ServiceAccount,
    VolumeArgs,
    VolumeMountArgs,
    VolumeResourceRequirementsArgs,
)
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs
from pulumi_kubernetes.networking.v1 import NetworkPolicyEgressRuleArgs

from components import versions
from components.kubernetes import (
    SKIP_AWAIT,
    Bucket,
    KubernetesComponent,
    allow_to,
    container_security,
    labels,
    network,
    pod_security,
    public_addresses,
    requirements,
    scratch_volume,
)
from components.redis.redis import ADOPTED, Redis
from components.redis.redis import FILES as SERVER_FILES
from components.settings import RedisSettings, Resources
from components.settings.values import quantity

BACKUP, RESTORE = "redis-backup", "redis-restore"
"""The tier of both jobs with the CronJob that takes backups, and the CronJob that holds the template of a restore."""
FILES = Path(__file__).parent / "backup_files"
MIB = 1 << 20
STORE = Resources.model_validate({"cpu": "20m", "memory": "64Mi", "cpuLimit": "500m", "memoryLimit": "256Mi"})
DEADLINE_SECONDS = 30 * 60
"""How long a backup or a restore may take."""
DAY_SECONDS = 24 * 60 * 60
POD_IDENTITY_AGENT = "169.254.170.23/32"
"""Where pods ask the EKS Pod Identity Agent for credentials (EKS guide, EKS Pod Identity)."""


def scripts() -> dict[str, str]:
    """The jobs' scripts, and what the servers' have that they use."""
    texts = {path.name: path.read_text() for path in sorted(FILES.iterdir())}
    return {**texts, "common.sh": (SERVER_FILES / "common.sh").read_text()}


def work_size(settings: RedisSettings) -> int:
    """Bytes for two files of the data, which is less than half of a server's memory, and for comparing them."""
    return 2 * int(quantity(settings.resources.memory_limit))


@dataclass(kw_only=True)
class RedisBackupArgs:
    """What is backed up, and where to.

    stack: the stack's name, which a backup holds: a backup of another stack is not restored.
    settings: of Redis, with those of its backups.
    keys: the application's keys. forget: a pattern of further keys, which a restore deletes.
    bucket: where backups go; None means to a volume. storage_class: the volume's; None means the cluster's default.
    """

    namespace: str
    stack: str
    settings: RedisSettings
    redis: Redis
    keys: Sequence[str]
    forget: str
    bucket: Bucket | None = None
    storage_class: pulumi.Input[str] | None = None


class RedisBackup(KubernetesComponent):
    """A CronJob that copies a replica's data, loads the copy to check it, and stores it.

    The suspended CronJob `redis-restore` holds the template of a restore, from which `make restore` makes a Job.
    """

    def __init__(self, name: str, args: RedisBackupArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:redis:RedisBackup", name, args.namespace, opts)
        self._args = args
        self._files = self._create_config_map(f"{name}-scripts", scripts())
        own_class = args.settings.storage_class
        self._storage_class = args.storage_class if own_class is None else own_class
        before: list[pulumi.Resource] = [
            ServiceAccount(
                name, metadata=self._metadata(), automount_service_account_token=False, opts=self._options()
            ),
            self._create_network_policy(ingress=[], egress=self._egress()),
            *([self._create_claim()] if args.bucket is None else []),
        ]
        store, fetch = ("store.sh", "fetch.sh") if args.bucket is None else ("s3.sh", "s3.sh")
        take = [self._redis_container("take", "take.sh"), self._store_container("store", store, "put")]
        # What there is now is backed up before it is replaced, and after the file is at hand: storing may delete it.
        fetched, restore = self._store_container("fetch", fetch, "get"), self._redis_container("restore", "restore.sh")
        self._create_cron_job(name, args.settings.backup.schedule, take, before)
        self._create_cron_job(RESTORE, None, [fetched, *take, restore], before)
        self.register_outputs({})

    def _egress(self) -> list[NetworkPolicyEgressRuleArgs]:
        aws = [allow_to([network(POD_IDENTITY_AGENT)], 80), allow_to([public_addresses()], 443)]
        return [*self._args.redis.egress, *([] if self._args.bucket is None else aws)]

    def _create_claim(self) -> PersistentVolumeClaim:
        """Pulumi never deletes it, and takes it over when the stack comes back."""
        return PersistentVolumeClaim(
            self._name,
            metadata=self._metadata(annotations={**SKIP_AWAIT, **ADOPTED}),
            spec=PersistentVolumeClaimSpecArgs(
                access_modes=["ReadWriteOnce"],
                storage_class_name=self._storage_class,
                resources=VolumeResourceRequirementsArgs(requests={"storage": self._args.settings.backup.storage}),
            ),
            opts=self._options(retain_on_delete=True),
        )

    def _create_cron_job(
        self, name: str, schedule: str | None, containers: Sequence[ContainerArgs], depends_on: list[pulumi.Resource]
    ) -> None:
        """schedule: None for a template alone, from which jobs are made by hand."""
        template = PodTemplateSpecArgs(metadata=ObjectMetaArgs(labels=labels(self._name)), spec=self._pod(containers))
        job = JobSpecArgs(
            template=template,
            backoff_limit=0 if schedule is None else 2,
            active_deadline_seconds=DEADLINE_SECONDS,
            ttl_seconds_after_finished=DAY_SECONDS,
        )
        CronJob(
            name,
            metadata=self._metadata(name),
            spec=CronJobSpecArgs(
                schedule="0 0 1 1 *" if schedule is None else schedule,
                suspend=schedule is None,
                time_zone="Etc/UTC",
                concurrency_policy="Forbid",
                starting_deadline_seconds=DEADLINE_SECONDS,
                successful_jobs_history_limit=1,
                failed_jobs_history_limit=3,
                job_template=JobTemplateSpecArgs(metadata=ObjectMetaArgs(labels=labels(self._name)), spec=job),
            ),
            opts=self._options(depends_on=depends_on),
        )

    def _pod(self, containers: Sequence[ContainerArgs]) -> PodSpecArgs:
        """Each container makes what the next one uses."""
        files = ConfigMapVolumeSourceArgs(name=self._files.metadata.name)
        password = [KeyToPathArgs(key="password", path="password")]
        auth = SecretVolumeSourceArgs(secret_name=self._args.redis.auth_secret, default_mode=0o440, items=password)
        claim = PersistentVolumeClaimVolumeSourceArgs(claim_name=self._name)
        stored = [VolumeArgs(name="backups", persistent_volume_claim=claim)] if self._args.bucket is None else []
        work, _ = scratch_volume("work", "/work", size=str(work_size(self._args.settings)))
        return PodSpecArgs(
            service_account_name=self._name,
            automount_service_account_token=False,
            enable_service_links=False,
            restart_policy="Never",
            security_context=pod_security(),
            init_containers=[*containers[:-1]],
            containers=[containers[-1]],
            volumes=[
                VolumeArgs(name="scripts", config_map=files),
                VolumeArgs(name="auth", secret=auth),
                work,
                *stored,
            ],
        )

    def _redis_container(self, name: str, script: str) -> ContainerArgs:
        """Runs a script that starts a throwaway server, which takes what the data takes in a server."""
        settings = self._args.settings
        auth = VolumeMountArgs(name="auth", mount_path="/etc/redis-auth", read_only=True)
        return self._container(name, settings.image, script, "", settings.resources, [auth])

    def _store_container(self, name: str, script: str, verb: str) -> ContainerArgs:
        backups = VolumeMountArgs(name="backups", mount_path="/backups")
        if self._args.bucket is None:
            return self._container(name, self._args.settings.image, script, verb, STORE, [backups])
        return self._container(name, versions.AWS_CLI_IMAGE, script, verb, STORE, [])

    def _container(
        self, name: str, image: str, script: str, verb: str, resources: Resources, mounts: Sequence[VolumeMountArgs]
    ) -> ContainerArgs:
        disk = str(work_size(self._args.settings) + 256 * MIB)
        return ContainerArgs(
            name=name,
            image=image,
            image_pull_policy="IfNotPresent",
            command=["sh", f"/etc/backup/{script}", *([verb] if verb else [])],
            env=[EnvVarArgs(name=key, value=value) for key, value in self._environment().items()],
            resources=requirements(resources, disk_limit=disk),
            security_context=container_security(),
            volume_mounts=[
                VolumeMountArgs(name="scripts", mount_path="/etc/backup", read_only=True),
                VolumeMountArgs(name="work", mount_path="/work"),
                *mounts,
            ],
        )

    def _environment(self) -> dict[str, pulumi.Input[str]]:
        """What the scripts read. `make restore` sets FROM in its Job."""
        args = self._args
        bucket: dict[str, pulumi.Input[str]] = (
            {} if args.bucket is None else {"BUCKET": args.bucket.name, "AWS_REGION": args.bucket.region}
        )
        return {
            "STACK": args.stack,
            "KEYS": " ".join(args.keys),
            "FORGET": args.forget,
            "KEEP": str(args.settings.backup.keep),
            "SERVERS": args.redis.servers,
            "WRITE_HOST": args.redis.write_host,
            "FROM": "",
            "DEADLINE": str(DEADLINE_SECONDS),
            "HOME": "/work",
            "TMPDIR": "/work",
            **bucket,
        }
