"""A link shortener on the journal's components: any cluster, the platform, a Redis, one workload and its route."""

import pulumi
import pulumi_random as random

from components.kubernetes import Backend, ExistingCluster
from components.platform import Platform, PlatformArgs, Routes, RoutesArgs
from components.redis import Redis, RedisArgs
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
        protect=pulumi.get_stack() == "prod",  # the namespace holds the links
        ports=[PORT],
        hosts={host: ["/"]},
        ingress=IngressSettings.model_validate({"resources": SMALL}),
        certificates=CertificateSettings.model_validate({"issuer": "letsencrypt", "email": email}),
    ),
    opts=pulumi.ResourceOptions(provider=cluster.provider),
)

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
        ingress_namespace=platform.endpoint.ingress_namespace,
    ),
    opts=application,
)
routes = Routes(
    NAME,
    RoutesArgs(
        namespace=NAME,
        hosts={host: {"/": Backend(service=shortener.service)}},
        endpoint=platform.endpoint,
        tiers=[shortener],
    ),
    opts=application,
)
pulumi.export("url", routes.url)
