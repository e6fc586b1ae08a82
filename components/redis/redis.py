"""Redis: a primary and the replicas that follow it, each with a volume of its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pulumi
import pulumi_random as random
from pulumi_kubernetes.apps.v1 import (
    StatefulSet,
    StatefulSetPersistentVolumeClaimRetentionPolicyArgs,
    StatefulSetSpecArgs,
)
from pulumi_kubernetes.core.v1 import (
    ConfigMapVolumeSourceArgs,
    ContainerArgs,
    ContainerPortArgs,
    EnvVarArgs,
    EnvVarSourceArgs,
    ExecActionArgs,
    LifecycleArgs,
    LifecycleHandlerArgs,
    ObjectFieldSelectorArgs,
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
from pulumi_kubernetes.networking.v1 import NetworkPolicy, NetworkPolicyEgressRuleArgs

from components.kubernetes import (
    DATA,
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
from components.redis.limits import configuration
from components.redis.proxy import PrimaryProxy, PrimaryProxyArgs
from components.settings import PASSWORD_STAGE, RedisSettings, Resources

PORT = 6379
FILES = Path(__file__).parent / "files"
CLAIM = "data"
"""The name of the claim template. The claim of server N is named `data-<name>-N`."""
ADOPTED = {"pulumi.com/patchForce": "true"}
"""Lets Pulumi take over an object that a controller has made: its values are the program's from then on."""
KEEPS_CLAIMS = StatefulSetPersistentVolumeClaimRetentionPolicyArgs(when_deleted="Retain", when_scaled="Retain")
CLUSTER_DOMAIN = "cluster.local"
"""HAProxy asks DNS itself and knows no search domains."""
SENTINEL_PORT, STATE_PORT = 26379, 6380
SENTINEL = Resources.model_validate({"cpu": "10m", "memory": "24Mi", "cpuLimit": "200m", "memoryLimit": "64Mi"})


def hosts(name: str, namespace: str, servers: int) -> list[str]:
    """The DNS names of the servers, by number; each has one whether it is ready or not."""
    return [f"{name}-{number}.{name}-servers.{namespace}.svc" for number in range(servers)]


def generations(settings: RedisSettings) -> tuple[int, ...]:
    """The generations of the password that servers accept; the first is the one to use."""
    now = settings.password_generation
    match settings.password_step:
        case "accept":
            return now, now + 1
        case "use":
            return now + 1, now
        case None:
            return (now,)


def quorum(servers: int) -> int:
    """How many Sentinels must agree: a majority."""
    return servers // 2 + 1


def files(settings: RedisSettings) -> dict[str, str]:
    """The scripts and the configuration that every server has."""
    texts = {path.name: path.read_text() for path in sorted(FILES.iterdir())}
    return {**texts, "redis.conf": texts["redis.conf"] + configuration(settings)}


def _lines(passwords: Sequence[str]) -> str:
    return "\n".join(map(str, passwords))


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

    From three servers on, a Sentinel beside each keeps a primary: when it is away for 5 s, another server takes over.

    name: the name of its pods' tier, and of the primary for Sentinels.
    read_host, write_host: DNS names by which all servers, and the primary alone, are reached; both listen at `PORT`.
    sentinels: `host:port` of each Sentinel; with one server there is none.
    auth_secret: the name of the Secret with the key `password`, which servers and clients mount as a file. It is an
    output, so that a client which mounts the Secret is created after it.
    """

    name: str
    read_host: str
    write_host: str
    sentinels: Sequence[str]
    auth_secret: pulumi.Output[str]

    def __init__(self, name: str, args: RedisArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:redis:Redis", name, args.namespace, opts)
        self.name, self._settings, own = name, args.settings, args.settings.storage_class
        self._storage_class = args.storage_class if own is None else own
        self.read_host, self.write_host = f"{name}.{args.namespace}.svc", f"{name}-write.{args.namespace}.svc"
        self._hosts = hosts(name, args.namespace, args.settings.servers)
        self._replicated = args.settings.servers > 1
        self.sentinels = [f"{host}:{SENTINEL_PORT}" for host in self._hosts if self._replicated]
        password = self._create_password()
        self.auth_secret = password.metadata.apply(lambda metadata: str(metadata.name))
        self._files = self._create_config_map(f"{name}-launch", files(args.settings))
        before: list[pulumi.Resource] = [
            password,
            self._files,
            self._create_policy(args.clients),
            self._create_headless_service(),
            ServiceAccount(
                name, metadata=self._metadata(), automount_service_account_token=False, opts=self._options()
            ),
        ]
        self._create_disruption_budget()
        self._create_servers(depends_on=[*before, *self._create_claims()])
        self._create_service({"redis": PORT})
        self._create_write_service(args.clients)
        self.register_outputs({"read_host": self.read_host, "write_host": self.write_host})

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables by which a client finds the servers and learns when a write is acknowledged."""
        return {
            "REDIS_READ_HOST": self.read_host,
            "REDIS_WRITE_HOST": self.write_host,
            "REDIS_SENTINELS": ",".join(self.sentinels),
            "REDIS_SENTINEL_PRIMARY": self.name,
            "REDIS_DURABILITY": self._settings.durability,
        }

    @property
    def servers(self) -> str:
        """The servers' hosts, separated by spaces, as the scripts read them."""
        return " ".join(self._hosts)

    @property
    def egress(self) -> list[NetworkPolicyEgressRuleArgs]:
        """What a client's network policy allows so that it reaches the servers."""
        proxy = [allow_to([pods_of(f"{self.name}-write")], "redis")] if self._replicated else []
        return [allow_to([pods_of(self.name)], *self._client_ports), *proxy]

    @property
    def _client_ports(self) -> list[str]:
        return ["redis", "sentinel"] if self._replicated else ["redis"]

    def _create_policy(self, clients: Sequence[str]) -> NetworkPolicy:
        servers, among = pods_of(self._name), [*self._client_ports, "state"]
        proxy = [allow_from([pods_of(f"{self._name}-write")], "redis")] if self._replicated else []
        return self._create_network_policy(
            ingress=[
                allow_from([servers], *among),
                allow_from([pods_of(client) for client in clients], *self._client_ports),
                *proxy,
            ],
            egress=[allow_to([servers], *among)],
        )

    def _create_write_service(self, clients: Sequence[str]) -> None:
        """`<name>-write` leads to the primary; a single server is it."""
        name = f"{self._name}-write"
        if self._replicated:
            args = PrimaryProxyArgs(
                namespace=self._namespace,
                hosts=[f"{host}.{CLUSTER_DOMAIN}" for host in self._hosts],
                port=PORT,
                servers=self._name,
                clients=clients,
            )
            PrimaryProxy(name, args, opts=self._options())
            return
        ports = [ServicePortArgs(name="redis", port=PORT, target_port="redis")]
        Service(
            name,
            metadata=self._metadata(name, annotations=SKIP_AWAIT),
            spec=ServiceSpecArgs(selector=selector_labels(self._name), ports=ports),
            opts=self._options(),
        )

    def _create_password(self) -> Secret:
        """`password` is the one that clients use; `accepted` lists all that servers accept, that one first.

        It keeps its name: the kubelet brings a change to running pods, and servers apply it (common.sh).
        """
        name = f"{self._name}-auth"
        # Two resources take turns: the third generation is a new `redis-auth`, since the second has deleted the first.
        passwords = [self._password(name if number % 2 else f"{name}-2") for number in generations(self._settings)]
        return Secret(
            name,
            metadata=self._metadata(name, annotations={PASSWORD_STAGE: self._settings.password_stage}),
            string_data={"password": passwords[0], "accepted": pulumi.Output.all(*passwords).apply(_lines)},
            opts=self._options(),
        )

    def _password(self, name: str) -> pulumi.Output[str]:
        return random.RandomPassword(name, length=32, special=False, opts=self._options()).result

    def _create_headless_service(self) -> Service:
        """The StatefulSet's own: it gives each server a DNS name, also while the server is not ready."""
        return self._create_service({"redis": PORT}, name=f"{self._name}-servers", headless=True)

    def _create_servers(self, depends_on: list[pulumi.Resource]) -> None:
        template = PodTemplateSpecArgs(metadata=ObjectMetaArgs(labels=labels(self._name)), spec=self._pod())
        StatefulSet(
            self._name,
            metadata=self._metadata(),
            spec=StatefulSetSpecArgs(
                service_name=f"{self._name}-servers",
                replicas=self._settings.servers,
                pod_management_policy="Parallel",
                # Sentinels ask the primary for its replicas every ten seconds.
                min_ready_seconds=12 if self._replicated else None,
                selector=LabelSelectorArgs(match_labels=selector_labels(self._name)),
                template=template,
                volume_claim_templates=[self._volume_claim()],
                persistent_volume_claim_retention_policy=KEEPS_CLAIMS,
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
        scripts = ConfigMapVolumeSourceArgs(name=self._files.metadata.name)
        auth = SecretVolumeSourceArgs(secret_name=self.auth_secret, default_mode=0o440)
        run, run_mount = scratch_volume("run", "/run/redis", size="1Mi", in_memory=True)
        state, state_mount = scratch_volume("sentinel", "/run/redis", size="1Mi", in_memory=True)
        return PodSpecArgs(
            service_account_name=self._name,
            automount_service_account_token=False,
            enable_service_links=False,
            security_context=pod_security(),
            priority_class_name=DATA,
            topology_spread_constraints=spread_constraints(self._name),
            termination_grace_period_seconds=30,
            containers=[self._server(run_mount), *([self._sentinel(state_mount)] if self._replicated else [])],
            volumes=[
                VolumeArgs(name="launch", config_map=scripts),
                VolumeArgs(name="auth", secret=auth),
                run,
                *([state] if self._replicated else []),
            ],
        )

    def _server(self, run_mount: VolumeMountArgs) -> ContainerArgs:
        stop = LifecycleHandlerArgs(exec_=ExecActionArgs(command=["sh", "/etc/redis/stop.sh"]))
        return ContainerArgs(
            name="redis",
            image=self._settings.image,
            image_pull_policy="IfNotPresent",
            command=["sh", "/etc/redis/launch.sh"],
            env=self._script_environment(),
            ports=[
                ContainerPortArgs(name="redis", container_port=PORT),
                ContainerPortArgs(name="state", container_port=STATE_PORT),
            ],
            resources=requirements(self._settings.resources),
            security_context=container_security(),
            lifecycle=LifecycleArgs(pre_stop=stop),
            # A server that waits for the others' answers is not stuck: it says what it waits for.
            startup_probe=exec_probe("sh", "/etc/redis/ready.sh", "started", period=1, failures=3600),
            readiness_probe=exec_probe("sh", "/etc/redis/ready.sh"),
            liveness_probe=exec_probe("sh", "/etc/redis/alive.sh", period=10, failures=6),
            volume_mounts=[VolumeMountArgs(name=CLAIM, mount_path="/data"), *self._files_mounts(), run_mount],
        )

    def _sentinel(self, state_mount: VolumeMountArgs) -> ContainerArgs:
        alive = ("sh", "/etc/redis/alive.sh", "sentinel")
        return ContainerArgs(
            name="sentinel",
            image=self._settings.image,
            image_pull_policy="IfNotPresent",
            command=["sh", "/etc/redis/sentinel.sh"],
            env=self._script_environment(),
            ports=[ContainerPortArgs(name="sentinel", container_port=SENTINEL_PORT)],
            resources=requirements(SENTINEL),
            security_context=container_security(),
            startup_probe=exec_probe(*alive, period=1, failures=60),
            readiness_probe=exec_probe(*alive),
            liveness_probe=exec_probe(*alive, period=10, failures=6),
            volume_mounts=[*self._files_mounts(), state_mount],
        )

    def _script_environment(self) -> list[EnvVarArgs]:
        """What common.sh reads: the servers, and which of them this one is."""
        servers = self._settings.servers
        own_name = EnvVarSourceArgs(field_ref=ObjectFieldSelectorArgs(field_path="metadata.name"))
        return [
            EnvVarArgs(name="POD", value_from=own_name),
            EnvVarArgs(name="NAME", value=self._name),
            EnvVarArgs(name="SELF", value=f"$(POD).{self._name}-servers.{self._namespace}.svc"),
            EnvVarArgs(name="SERVERS", value=" ".join(self._hosts)),
            EnvVarArgs(name="QUORUM", value=str(quorum(servers))),
        ]

    def _files_mounts(self) -> list[VolumeMountArgs]:
        return [
            VolumeMountArgs(name="launch", mount_path="/etc/redis", read_only=True),
            VolumeMountArgs(name="auth", mount_path="/etc/redis-auth", read_only=True),
        ]
