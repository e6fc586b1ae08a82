"""The journal: Redis, the API, the web page, and the routes to them."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from components.journal.auth import PATH as AUTH_PATH
from components.journal.auth import PORT as AUTH_PORT
from components.journal.auth import Auth, AuthArgs
from components.journal.digest import Digest, DigestArgs
from components.journal.fileserver import PORT as FILESERVER_PORT
from components.journal.fileserver import Fileserver, FileserverArgs
from components.journal.frontend import PORT as FRONTEND_PORT
from components.journal.frontend import Frontend, FrontendArgs
from components.kubernetes import Cluster, pods_of, workloads
from components.platform import ACCOUNT, IngressEndpoint, Routes, RoutesArgs, WorkflowEngine
from components.redis import BACKUP, Redis, RedisArgs, RedisBackup, RedisBackupArgs
from components.settings import Settings, Tier

NAMESPACE = "journal"
KEYS, IDEMPOTENCY = ("journal:index", "journal:entries"), "journal:idempotency:"
"""The API's keys: the entries, and what it has answered to requests that may come again (journal_api/store.py)."""
PORTS = sorted({FRONTEND_PORT, FILESERVER_PORT, AUTH_PORT})
"""The container ports that the ingress controller forwards requests to."""
PATHS = ("/api", "/")
"""The path prefixes of the API and of the page."""
STATUS_PATHS = ("/api/version", "/healthz")
"""What the status host answers of each."""


def hosts(settings: Settings) -> dict[str, Sequence[str]]:
    """The journal's hosts, each with its path prefixes: the API's, the page's, and the sign-in's where it is on."""
    of_journal = PATHS if settings.login is None else (*PATHS, AUTH_PATH)
    return dict(zip(settings.hosts, (of_journal, STATUS_PATHS), strict=False))


def image(name: str, registry: pulumi.Input[str] | None) -> pulumi.Input[str]:
    """The full reference of an image, which the settings name without its registry when the cluster has one."""
    return name if registry is None else pulumi.Output.concat(registry, "/", name)


def candidate(tier: Tier, registry: pulumi.Input[str] | None) -> pulumi.Input[str] | None:
    """The full reference of the candidate's image, where there is one."""
    return None if tier.release.candidate is None else image(tier.release.candidate, registry)


@dataclass(kw_only=True)
class JournalArgs:
    """A journal: the stack's settings, the cluster that it runs on, and how its routes reach clients.

    engine: what runs its workflows, where they are on.
    """

    settings: Settings
    cluster: Cluster
    endpoint: IngressEndpoint
    engine: WorkflowEngine | None = None


class Journal(pulumi.ComponentResource):
    """The journal in the namespace `journal`; browsers open it at `url`."""

    url: str

    def __init__(self, name: str, args: JournalArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:journal:Journal", name, {}, opts)
        stack, endpoint, registry = args.settings, args.endpoint, args.cluster.registry
        child = pulumi.ResourceOptions(parent=self)
        redis = Redis(
            "redis",
            RedisArgs(
                namespace=NAMESPACE,
                settings=stack.redis,
                clients=[*workloads("frontend"), "frontend-migration", BACKUP],
                storage_class=args.cluster.storage_class,
            ),
            opts=child,
        )
        RedisBackup(
            BACKUP,
            RedisBackupArgs(
                namespace=NAMESPACE,
                stack=stack.environment,
                settings=stack.redis,
                redis=redis,
                keys=KEYS,
                forget=f"{IDEMPOTENCY}*",
                bucket=args.cluster.backups,
                storage_class=args.cluster.storage_class,
            ),
            opts=child,
        )
        auth = self._create_auth(args)
        frontend = Frontend(
            "frontend",
            FrontendArgs(
                namespace=NAMESPACE,
                environment=stack.environment,
                tier=stack.frontend,
                image=image(stack.frontend.image, registry),
                candidate=candidate(stack.frontend, registry),
                config=stack.frontend_config,
                config_history=stack.config_history,
                redis=redis,
                ingress_namespace=endpoint.ingress_namespace,
                collectors=args.cluster.collectors,
                clients=[] if args.engine is None else [pods_of(ACCOUNT, args.engine.namespace)],
                login=stack.login,
                verifier=None if auth is None else auth.verifier,
            ),
            opts=child,
        )
        fileserver = Fileserver(
            "fileserver",
            FileserverArgs(
                namespace=NAMESPACE,
                tier=stack.fileserver,
                image=image(stack.fileserver.image, registry),
                candidate=candidate(stack.fileserver, registry),
                ingress_namespace=endpoint.ingress_namespace,
            ),
            opts=child,
        )
        tiers = (frontend, fileserver) if auth is None else (frontend, fileserver, auth)
        backends = [tier.backend for tier in tiers]
        routes = Routes(
            "journal",
            RoutesArgs(
                namespace=NAMESPACE,
                hosts={host: dict(zip(paths, backends, strict=False)) for host, paths in hosts(stack).items()},
                endpoint=endpoint,
                tiers=tiers,
            ),
            opts=child,
        )
        self._create_digest(args)
        self.url = routes.url
        self.register_outputs({"url": self.url})

    def _create_auth(self, args: JournalArgs) -> Auth | None:
        login = args.settings.login
        if login is None:
            return None
        return Auth(
            "auth",
            AuthArgs(
                namespace=NAMESPACE,
                host=args.settings.host,
                settings=login,
                image=image(login.image, args.cluster.registry),
                ingress_namespace=args.endpoint.ingress_namespace,
                collectors=args.cluster.collectors,
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _create_digest(self, args: JournalArgs) -> None:
        workflows = args.settings.workflows
        if workflows is None or args.engine is None:
            return
        digest = DigestArgs(
            engine=args.engine,
            image=image(args.settings.frontend.image, args.cluster.registry),
            api_namespace=NAMESPACE,
            api_tier="frontend",
            schedule=workflows.digest_schedule,
        )
        Digest("digest", digest, opts=pulumi.ResourceOptions(parent=self))
