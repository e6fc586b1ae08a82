"""The program of every stack: its settings, then its components. `pulumi up` and `make up` run it."""

import pulumi
import pulumi_random as random

from components import settings
from components.journal import NAMESPACE, PORTS, Journal, JournalArgs, hosts
from components.kubernetes import ExistingCluster, PodBucket
from components.platform import Platform, PlatformArgs, artifact_pods
from components.redis import BACKUP

stack = settings.load()

if isinstance(stack, settings.SharedSettings):
    from components.aws.account import Account, AccountArgs
    from components.aws.scope import create_provider, scope_of

    scope = scope_of(stack.environment, stack.aws, protect=stack.protect)
    of_aws = pulumi.ResourceOptions(provider=create_provider(scope, stack.aws))
    for name, value in Account("account", AccountArgs(scope=scope, settings=stack), of_aws).outputs.items():
        pulumi.export(name, value)
else:
    if stack.aws is None:
        existing = settings.ClusterSettings() if stack.cluster is None else stack.cluster
        cluster = ExistingCluster("cluster", existing).cluster
    else:
        from components.aws.eks_cluster import EksCluster, EksClusterArgs
        from components.aws.scope import create_provider, scope_of
        from components.observability import watch_of

        scope, cidrs = scope_of(stack.environment, stack.aws, protect=stack.aws.protect), stack.ingress.allowed_cidrs
        data = PodBucket(namespace=NAMESPACE, service_account=BACKUP, keep_days=stack.redis.backup.keep_days)
        eks = EksClusterArgs(scope=scope, settings=stack.aws, hosts=stack.hosts, allowed_cidrs=cidrs, data_backups=data)
        eks.artifacts, eks.watch = artifact_pods(stack.workflows), watch_of(stack)
        of_aws = pulumi.ResourceOptions(provider=create_provider(scope, stack.aws))
        cluster = EksCluster("cluster", eks, of_aws).cluster

    providers: list[pulumi.ProviderResource] = [cluster.provider, random.Provider("random")]
    applications = PlatformArgs(
        cluster=cluster,
        application=NAMESPACE,
        pods=stack.pods,
        volumes=stack.volumes,
        protect=stack.aws is not None and stack.aws.protect,
        ports=PORTS,
        hosts=hosts(stack),
        ingress=stack.ingress,
        certificates=stack.certificates,
        workflows=stack.workflows,
        workflow_placement=stack.workflow_placement,
    )
    platform = Platform("platform", applications, pulumi.ResourceOptions(providers=providers))

    after = pulumi.ResourceOptions(providers=providers, depends_on=[platform.namespace, *cluster.add_ons])
    application = JournalArgs(settings=stack, cluster=cluster, endpoint=platform.endpoint, engine=platform.engine)
    journal = Journal("journal", application, after)

    for name, value in {"url": journal.url, "host": stack.host, "address": platform.address}.items():
        pulumi.export(name, value)
