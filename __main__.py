"""The journal, from settings to address. `pulumi up -s ENV` runs this, and so does `make up`."""

import pulumi
import pulumi_random as random

from components import clusters, settings
from components.journal import journal
from components.platform.platform import Platform, PlatformArgs

stack = settings.load()

if isinstance(stack, settings.SharedSettings):
    from components.aws.account import Account, AccountArgs
    from components.aws.scope import create_provider, scope_of

    scope = scope_of(stack.environment, stack.aws, protect=stack.protect)
    account = Account(
        "account",
        AccountArgs(scope=scope, settings=stack),
        opts=pulumi.ResourceOptions(provider=create_provider(scope, stack.aws)),
    )
    for name, value in account.outputs.items():
        pulumi.export(name, value)
else:
    cluster = clusters.of(stack)

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
        opts=pulumi.ResourceOptions(provider=cluster.provider),
    )

    application = journal.Journal(
        "journal",
        journal.JournalArgs(settings=stack, edge=platform.edge, cluster=cluster),
        opts=pulumi.ResourceOptions(
            providers=[cluster.provider, random.Provider("random")],
            depends_on=[platform.namespace, *cluster.add_ons],
        ),
    )

    pulumi.export("url", application.url)
    pulumi.export("host", stack.host)
    pulumi.export("address", platform.address)
