"""A link shortener on the journal's components: any cluster, the platform, a Redis, one workload and its route."""

import pulumi
import pulumi_random as random

from components.cluster import ExistingCluster
from components.journal.redis import Redis, RedisArgs
from components.journal.routes import Routes, RoutesArgs
from components.platform.platform import Platform, PlatformArgs
from components.settings import CertificateSettings, ClusterSettings, IngressSettings, RedisSettings, Resources
from examples.links.shortener import PORT, Shortener, ShortenerArgs

NAME = "links"
IMAGE = "docker.io/library/python:3.13-slim-bookworm"
SMALL = {"cpu": "20m", "memory": "64Mi", "cpuLimit": "500m", "memoryLimit": "128Mi"}

config = pulumi.Config()
host, email = config.require("host"), config.require("email")

cluster = ExistingCluster("cluster", ClusterSettings()).cluster
platform = Platform(
    "platform",
    PlatformArgs(
        cluster=cluster,
        application=NAME,
        ports=[PORT],
        host=host,
        ingress=IngressSettings.model_validate({"resources": SMALL}),
        certificates=CertificateSettings.model_validate({"issuer": "letsencrypt", "email": email}),
    ),
    opts=pulumi.ResourceOptions(provider=cluster.provider),
)
edge = platform.edge

application = pulumi.ResourceOptions(
    providers=[cluster.provider, random.Provider("random")], depends_on=[platform.namespace]
)
redis = Redis(
    "redis",
    RedisArgs(
        namespace=NAME,
        settings=RedisSettings.model_validate({"storage": "1Gi", "resources": SMALL}),
        clients=[NAME],
    ),
    opts=application,
)
shortener = Shortener(
    NAME,
    ShortenerArgs(
        namespace=NAME,
        image=IMAGE,
        resources=Resources.model_validate(SMALL),
        redis=redis,
        ingress_namespace=edge.ingress_namespace,
    ),
    opts=application,
)
routes = Routes(
    NAME,
    RoutesArgs(
        namespace=NAME,
        host=host,
        paths={"/": shortener.service},
        issuer=edge.issuer,
        ingress_class=edge.ingress_class,
        ingress_namespace=edge.ingress_namespace,
        reachable=edge.reachable,
    ),
    opts=application,
)
pulumi.export("url", routes.url)
