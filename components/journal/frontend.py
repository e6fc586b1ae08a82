"""The frontend: the journal's REST API, and a ConfigMap for each version of its configuration."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import pulumi
from pulumi_kubernetes.core.v1 import (
    ConfigMap,
    ConfigMapEnvSourceArgs,
    EnvFromSourceArgs,
    SecretVolumeSourceArgs,
    VolumeArgs,
    VolumeMountArgs,
)
from pulumi_kubernetes.networking.v1 import NetworkPolicyEgressRuleArgs, NetworkPolicyPeerArgs

from components.journal.auth import KEYS_FILE, Verifier, secret_volume
from components.journal.migration import Migration, MigrationArgs
from components.kubernetes import (
    SERVING,
    ReleasedTier,
    WorkloadArgs,
    allow_collectors,
    allow_from,
    allow_to,
    http_probe,
    pods_in,
    public_addresses,
)
from components.redis import Redis
from components.settings import FrontendConfig, LoginSettings, Tier

PORT = 8080
MANAGEMENT_PORT = 8081
PUBLIC_KEYS = "auth-keys"
FINISH_SECONDS = 10
"""How long the program takes for requests that are under way when it stops."""


@dataclass(frozen=True)
class ConfigVersions:
    """Every version of the configuration, oldest first. `active` is the number of the active one, from 1."""

    configs: tuple[FrontendConfig, ...]
    active: int


def config_versions(history: Sequence[FrontendConfig], current: FrontendConfig) -> ConfigVersions:
    """The versions in the history, followed by the current configuration unless the history holds it already."""
    configs = (*history,) if current in history else (*history, current)
    return ConfigVersions(configs, configs.index(current) + 1)


def environment(config: FrontendConfig) -> dict[str, str]:
    """The environment variables by which the container reads a configuration."""
    origins = {f"WEB__CROSS_ORIGIN__{number}": origin for number, origin in enumerate(config.cross_origins)}
    reports = {} if config.sentry_dsn is None else {"SENTRY_DSN": config.sentry_dsn}
    most = config.journal_max_entries
    limit = {} if most is None else {"JOURNAL_MAX_ENTRIES": str(most)}
    return {"JOURNAL_ENTRIES": str(config.journal_entries), **limit, **origins, **reports}


def report_port(dsn: str) -> int:
    """The TCP port of a Sentry DSN, 443 by default."""
    port = urlsplit(dsn).port
    return 443 if port is None else port


@dataclass(kw_only=True)
class FrontendArgs:
    """The API.

    environment: the environment's name, which the API reports at /api/version.
    image, candidate: the full references of the image that serves, and of the one to come.
    config: the active configuration. config_history: every configuration so far, oldest first.
    ingress_namespace: the namespace of the ingress controller. clients: who else may ask the API, inside the cluster.
    collectors: the networks from which metrics are collected.
    login, verifier: what needs a token of the sign-in, and by what tokens are known; both, or neither.
    """

    namespace: str
    environment: str
    tier: Tier
    image: pulumi.Input[str]
    candidate: pulumi.Input[str] | None = None
    config: FrontendConfig
    config_history: Sequence[FrontendConfig]
    redis: Redis
    ingress_namespace: str
    collectors: Sequence[str] = ()
    clients: Sequence[NetworkPolicyPeerArgs] = ()
    login: LoginSettings | None = None
    verifier: Verifier | None = None


class Frontend(ReleasedTier):
    """The API's pods, behind the Service with their name and the port `http`."""

    def __init__(self, name: str, args: FrontendArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:journal:Frontend", name, args.namespace, opts)
        self._args = args
        versions = config_versions(args.config_history, args.config)
        configs = [
            self._create_config_map(f"{name}-config-v{number}", environment(config))
            for number, config in enumerate(versions.configs, 1)
        ]
        before = [*configs, *self._create_migration().jobs]
        workload = self._workload(configs[versions.active - 1])
        self._release(args.tier, workload, args.candidate, {"http": 80}, depends_on=before)
        self.register_outputs({"service": self.backend.service})

    def _create_migration(self) -> Migration:
        args, candidate = self._args, self._args.tier.release.candidate
        images: dict[str, pulumi.Input[str]] = {args.tier.image: args.image}
        if candidate is not None and args.candidate is not None:
            images[candidate] = args.candidate
        migration = MigrationArgs(
            namespace=args.namespace,
            images=images,
            resources=args.tier.resources,
            deadline_seconds=args.tier.release.progress_deadline_seconds,
            environment=self._redis_environment(),
            volumes=[self._redis_auth()],
            egress=args.redis.egress,
        )
        return Migration(f"{self._name}-migration", migration, opts=self._options())

    def _redis_environment(self) -> dict[str, str]:
        return {**self._args.redis.environment, "REDIS_PASSWORD_FILE": "/etc/redis-auth/password"}

    def _redis_auth(self) -> tuple[VolumeArgs, VolumeMountArgs]:
        secret = SecretVolumeSourceArgs(secret_name=self._args.redis.auth_secret, default_mode=0o440)
        mount = VolumeMountArgs(name="redis-auth", mount_path="/etc/redis-auth", read_only=True)
        return VolumeArgs(name="redis-auth", secret=secret), mount

    def _login_environment(self) -> dict[str, str]:
        login, verifier = self._args.login, self._args.verifier
        if login is None or verifier is None:
            return {}
        return {
            "LOGIN__WRITES": str(login.writes).lower(),
            "LOGIN__READS": login.reads,
            "LOGIN__ISSUER": verifier.issuer,
            "LOGIN__AUDIENCE": verifier.audience,
            "LOGIN__KEYS_FILE": f"/etc/{PUBLIC_KEYS}/{KEYS_FILE}",
        }

    def _public_keys(self) -> list[tuple[VolumeArgs, VolumeMountArgs]]:
        verifier = self._args.verifier
        return [] if verifier is None else [secret_volume(PUBLIC_KEYS, verifier.secret)]

    def _workload(self, config: ConfigMap) -> WorkloadArgs:
        args = self._args
        from_config = EnvFromSourceArgs(config_map_ref=ConfigMapEnvSourceArgs(name=config.metadata.name))
        return WorkloadArgs(
            namespace=self._namespace,
            image=args.image,
            replicas=args.tier.most,
            resources=args.tier.resources,
            priority_class=SERVING,
            ports={"http": PORT, "management": MANAGEMENT_PORT},
            liveness=http_probe("/livez", "management", period=10),
            # A new pod is ready once Redis answers it. From then on it answers itself while Redis can't: taken out
            # of the load balancers with all others, it would leave clients an answer that tells them nothing.
            startup=http_probe("/readyz", "management", period=1, failures=3600),
            readiness=http_probe("/readyz?exclude=redis", "management", period=2, failures=2),
            environment={
                "ENVIRONMENT": args.environment,
                **self._redis_environment(),
                **self._login_environment(),
                "DRAIN_SECONDS": "0",  # the pod has waited before it tells the program
            },
            environment_from=[from_config],
            volumes=[self._redis_auth(), *self._public_keys()],
            drain_seconds=FINISH_SECONDS,
            ingress=[
                allow_from([pods_in(args.ingress_namespace), *args.clients], "http"),
                *allow_collectors(args.collectors, "management"),
            ],
            egress=self._egress(),
        )

    def _egress(self) -> list[NetworkPolicyEgressRuleArgs]:
        dsn = self._args.config.sentry_dsn
        reports = [] if dsn is None else [allow_to([public_addresses()], report_port(dsn))]
        return [*self._args.redis.egress, *reports]
