"""Redis: a primary and the replicas that follow it, each with a volume of its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pulumi
import pulumi_random as random
from pulumi_kubernetes.apps.v1 import StatefulSet, StatefulSetSpecArgs
from pulumi_kubernetes.core.v1 import (
    ConfigMapVolumeSourceArgs,
    ContainerArgs,
    ContainerPortArgs,
    EnvVarArgs,
    PersistentVolumeClaim,
    PersistentVolumeClaimArgs,
    PersistentVolumeClaimSpecArgs,
    PodSpecArgs,
    PodTemplateSpecArgs,
    Secret,
    SecretVolumeSourceArgs,
    Service,
    ServiceAccount,
    ServicePortArgs,
    ServiceSpecArgs,
    VolumeArgs,
    VolumeMountArgs,
    VolumeResourceRequirementsArgs,
)
from pulumi_kubernetes.meta.v1 import LabelSelectorArgs, ObjectMetaArgs

from components.kubernetes import (
    SKIP_AWAIT,
    KubernetesComponent,
    allow_from,
    allow_to,
    container_security,
    exec_probe,
    labels,
    pod_security,
    pods_of,
    requirements,
    scratch_volume,
    selector_labels,
    spread_constraints,
)
from components.settings import RedisSettings

PORT = 6379
FILES = Path(__file__).parent
CLAIM = "data"
"""The name of the claim template. The claim of server N is named `data-<name>-N`."""
ADOPTED = {"pulumi.com/patchForce": "true"}
"""Lets Pulumi take over an object that a controller has made: its values are the program's from then on."""
PING = ("redis-cli", "--user", "health", "--pass", "any", "--no-auth-warning", "ping")


def primary_host(name: str, namespace: str) -> str:
    """The DNS name of the server that starts as primary: pod 0 behind the headless service."""
    return f"{name}-0.{name}-write.{namespace}.svc"


@dataclass(kw_only=True)
class RedisArgs:
    """A Redis: where it runs, its settings, and the tiers that may use it.

    clients: the names of the tiers in this namespace whose pods may connect.
    storage_class: the volumes' storage class if the settings name none; None means the cluster's default class.
    """

    namespace: str
    settings: RedisSettings
    clients: Sequence[str]
    storage_class: pulumi.Input[str] | None = None


class Redis(KubernetesComponent):
    """A replicated Redis for one application: a primary that takes writes, and replicas that answer reads.

    name: the name of its pods' tier, for network policies.
    read_host, write_host: DNS names that resolve to all servers and to the primary alone; both listen at `PORT`.
    auth_secret: the name of the Secret with the key `password`, which servers and clients mount as a file. It is an
    output, so that a client which mounts the Secret is created after it.
    """

    name: str
    read_host: str
    write_host: str
    auth_secret: pulumi.Output[str]

    def __init__(self, name: str, args: RedisArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:redis:Redis", name, args.namespace, opts)
        self.name, self._settings, own = name, args.settings, args.settings.storage_class
        self._storage_class = args.storage_class if own is None else own
        self.read_host, self.write_host = f"{name}.{args.namespace}.svc", f"{name}-write.{args.namespace}.svc"
        password, servers = self._create_password(), pods_of(name)
        self.auth_secret = password.metadata.apply(lambda metadata: str(metadata.name))
        files = ("launch.sh", "started.sh", "redis.conf")
        self._launch = self._create_config_map(f"{name}-launch", {file: (FILES / file).read_text() for file in files})
        before: list[pulumi.Resource] = [
            password,
            self._launch,
            self._create_network_policy(
                ingress=[allow_from([servers, *(pods_of(client) for client in args.clients)], "redis")],
                egress=[allow_to([servers], "redis")],
            ),
            ServiceAccount(
                name, metadata=self._metadata(), automount_service_account_token=False, opts=self._options()
            ),
        ]
        self._create_disruption_budget()
        servers_service = self._create_headless_service("servers", {})
        self._create_servers(depends_on=[*before, servers_service, *self._create_claims()])
        self._create_service({"redis": PORT})
        self._create_headless_service("write", {"statefulset.kubernetes.io/pod-name": f"{name}-0"})
        self.register_outputs({"read_host": self.read_host, "write_host": self.write_host})

    def _create_password(self) -> Secret:
        name = f"{self._name}-auth"
        password = random.RandomPassword(name, length=32, special=False, opts=self._options())
        return Secret(
            name,
            metadata=self._metadata(name),
            string_data={"password": password.result},
            opts=self._options(),
        )

    def _create_headless_service(self, suffix: str, selector: dict[str, str]) -> Service:
        """Addresses of servers, whether they are ready or not.

        `<name>-write`, the StatefulSet's own, selects the primary's pod alone, so no write reaches a replica. By
        `<name>-servers` an empty primary asks every server whether it holds data.
        """
        return Service(
            f"{self._name}-{suffix}",
            metadata=self._metadata(f"{self._name}-{suffix}", annotations=SKIP_AWAIT),
            spec=ServiceSpecArgs(
                cluster_ip="None",
                publish_not_ready_addresses=True,
                selector={**selector_labels(self._name), **selector},
                ports=[ServicePortArgs(name="redis", port=PORT, target_port="redis")],
            ),
            opts=self._options(),
        )

    def _create_servers(self, depends_on: list[pulumi.Resource]) -> None:
        template = PodTemplateSpecArgs(metadata=ObjectMetaArgs(labels=labels(self._name)), spec=self._pod())
        StatefulSet(
            self._name,
            metadata=self._metadata(),
            spec=StatefulSetSpecArgs(
                service_name=f"{self._name}-write",
                replicas=self._settings.servers,
                pod_management_policy="Parallel",
                selector=LabelSelectorArgs(match_labels=selector_labels(self._name)),
                template=template,
                volume_claim_templates=[self._volume_claim()],
            ),
            opts=self._options(depends_on=depends_on, ignore_changes=["spec.volumeClaimTemplates"]),
        )

    def _create_claims(self) -> list[pulumi.Resource]:
        """The claims that the StatefulSet finds by their names, so that a volume grows in place, and no pod restarts.

        A claim template is immutable, and its change would replace the StatefulSet with its pods: it stays as it was
        when the StatefulSet was made. Claims that a StatefulSet's controller made before are taken over, since
        server-side apply updates what is there. The API server refuses a claim that shrinks, in the preview too. Pulumi
        never deletes a claim. Sources: kubernetes.io, StatefulSet (stable storage) and Expanding Persistent Volumes
        Claims; pulumi-kubernetes #3757 on a replacement that orphans its pods.
        """
        return [
            PersistentVolumeClaim(
                f"{CLAIM}-{self._name}-{number}",
                metadata=self._metadata(f"{CLAIM}-{self._name}-{number}", annotations={**SKIP_AWAIT, **ADOPTED}),
                spec=self._claim_spec(),
                opts=self._options(retain_on_delete=True),
            )
            for number in range(self._settings.servers)
        ]

    def _volume_claim(self) -> PersistentVolumeClaimArgs:
        metadata = ObjectMetaArgs(name=CLAIM, labels=labels(self._name))
        return PersistentVolumeClaimArgs(metadata=metadata, spec=self._claim_spec())

    def _claim_spec(self) -> PersistentVolumeClaimSpecArgs:
        return PersistentVolumeClaimSpecArgs(
            access_modes=["ReadWriteOnce"],
            storage_class_name=self._storage_class,
            resources=VolumeResourceRequirementsArgs(requests={"storage": self._settings.storage}),
        )

    def _pod(self) -> PodSpecArgs:
        launch = ConfigMapVolumeSourceArgs(name=self._launch.metadata.name)
        auth = SecretVolumeSourceArgs(secret_name=self.auth_secret, default_mode=0o440)
        run, run_mount = scratch_volume("run", "/run/redis", size="1Mi", in_memory=True)
        return PodSpecArgs(
            service_account_name=self._name,
            automount_service_account_token=False,
            enable_service_links=False,
            security_context=pod_security(),
            topology_spread_constraints=spread_constraints(self._name),
            termination_grace_period_seconds=30,
            containers=[self._container(run_mount)],
            volumes=[
                VolumeArgs(name="launch", config_map=launch),
                VolumeArgs(name="auth", secret=auth),
                run,
            ],
        )

    def _container(self, run_mount: VolumeMountArgs) -> ContainerArgs:
        hosts = {
            "PRIMARY_HOST": primary_host(self._name, self._namespace),
            "SERVERS_HOST": f"{self._name}-servers.{self._namespace}.svc",
            "SERVERS": str(self._settings.servers),
        }
        return ContainerArgs(
            name="redis",
            image=self._settings.image,
            image_pull_policy="IfNotPresent",
            command=["sh", "/etc/redis/launch.sh"],
            env=[EnvVarArgs(name=name, value=value) for name, value in hosts.items()],
            ports=[ContainerPortArgs(name="redis", container_port=PORT)],
            resources=requirements(self._settings.resources),
            security_context=container_security(),
            startup_probe=exec_probe("sh", "/etc/redis/started.sh", period=1, failures=300),
            readiness_probe=exec_probe(*PING),
            liveness_probe=exec_probe(*PING, period=10, failures=6),
            volume_mounts=[
                VolumeMountArgs(name=CLAIM, mount_path="/data"),
                VolumeMountArgs(name="launch", mount_path="/etc/redis", read_only=True),
                VolumeMountArgs(name="auth", mount_path="/etc/redis-auth", read_only=True),
                run_mount,
            ],
        )
