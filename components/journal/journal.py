"""The journal: its database, its API, its page and the routes to them."""

from dataclasses import dataclass

import pulumi

from components.cluster import Cluster
from components.journal.fileserver import PORT as FILESERVER_PORT
from components.journal.fileserver import Fileserver, FileserverArgs
from components.journal.frontend import PORT as FRONTEND_PORT
from components.journal.frontend import Frontend, FrontendArgs
from components.journal.redis import Redis, RedisArgs
from components.journal.routes import Routes, RoutesArgs
from components.platform.acme import SOLVER_PORT
from components.platform.platform import Edge
from components.settings import Settings, Tier

NAMESPACE = "journal"
PORTS = sorted({FRONTEND_PORT, FILESERVER_PORT, SOLVER_PORT})
"""Container ports that the ingress controller forwards to, ACME challenges included."""


def image(tier: Tier, registry: pulumi.Input[str] | None) -> pulumi.Input[str]:
    """A tier's image, in the registry when there is one for the stack."""
    return tier.image if registry is None else pulumi.Output.concat(registry, "/", tier.image)


@dataclass(kw_only=True)
class JournalArgs:
    """What the journal needs to be told.

    settings: the stack's. edge: how it is reached. cluster: what it runs on.
    """

    settings: Settings
    edge: Edge
    cluster: Cluster


class Journal(pulumi.ComponentResource):
    """The journal in the namespace `journal`, at `url`."""

    url: str

    def __init__(self, name: str, args: JournalArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:web:Journal", name, {}, opts)
        stack, edge, registry = args.settings, args.edge, args.cluster.registry
        child = pulumi.ResourceOptions(parent=self)
        redis = Redis(
            "redis",
            RedisArgs(
                namespace=NAMESPACE,
                settings=stack.redis,
                clients=["frontend"],
                storage_class=args.cluster.storage_class,
            ),
            opts=child,
        )
        frontend = Frontend(
            "frontend",
            FrontendArgs(
                namespace=NAMESPACE,
                environment=stack.environment,
                tier=stack.frontend,
                image=image(stack.frontend, registry),
                config=stack.frontend_config,
                config_history=stack.config_history,
                redis=redis,
                ingress_namespace=edge.ingress_namespace,
            ),
            opts=child,
        )
        fileserver = Fileserver(
            "fileserver",
            FileserverArgs(
                namespace=NAMESPACE,
                tier=stack.fileserver,
                image=image(stack.fileserver, registry),
                ingress_namespace=edge.ingress_namespace,
            ),
            opts=child,
        )
        routes = Routes(
            "journal",
            RoutesArgs(
                namespace=NAMESPACE,
                host=stack.host,
                paths={"/api": frontend.service, "/": fileserver.service},
                issuer=edge.issuer,
                ingress_class=edge.ingress_class,
                ingress_namespace=edge.ingress_namespace,
                reachable=edge.reachable,
            ),
            opts=child,
        )
        self.url = routes.url
        self.register_outputs({"url": self.url})
