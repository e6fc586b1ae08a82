"""The journal, from settings to address. `pulumi up -s ENV` runs this, and so does `make up`."""

import pulumi

from components import settings
from components.cluster import ExistingCluster
from components.journal import journal
from components.platform.platform import Platform, PlatformArgs

stack = settings.load()

cluster = ExistingCluster("cluster", stack.cluster).cluster
on_cluster = pulumi.ResourceOptions(provider=cluster.provider)

platform = Platform(
    "platform",
    PlatformArgs(
        cluster=cluster,
        application=journal.NAMESPACE,
        ports=journal.PORTS,
        host=stack.host,
        ingress=stack.ingress,
        certificates=stack.certificates,
    ),
    opts=on_cluster,
)

application = journal.Journal(
    "journal",
    journal.JournalArgs(settings=stack, edge=platform.edge),
    opts=pulumi.ResourceOptions(provider=cluster.provider, depends_on=[platform.namespace]),
)

pulumi.export("url", application.url)
pulumi.export("host", stack.host)
pulumi.export("address", platform.address)
