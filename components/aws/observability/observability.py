"""Mail about a stack that is unwell, from metrics of its pods and of its load balancer."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from components.aws.edge.load_balancer import LoadBalancer
from components.aws.observability.mail import Mail, MailArgs
from components.aws.observability.prometheus import (
    Collector,
    CollectorArgs,
    Rules,
    RulesArgs,
    Workspace,
    WorkspaceArgs,
)
from components.aws.observability.target_alarms import TargetAlarms, TargetAlarmsArgs
from components.aws.observability.watch import Watch
from components.aws.scope import Scope
from components.settings.alarms import AlarmSettings


@dataclass(kw_only=True)
class ObservabilityArgs:
    """Arguments of Observability.

    scope: account, region and name prefix.
    settings: who is told. watch: what is collected, and when.
    key_arn: the stack's KMS key. Its policy has `mail.key_statement()`.
    cluster_arn, subnet_ids, security_group_ids: see CollectorArgs.
    load_balancer: whose nodes are watched.
    """

    scope: Scope
    settings: AlarmSettings
    watch: Watch
    key_arn: pulumi.Input[str]
    cluster_arn: pulumi.Input[str]
    subnet_ids: Sequence[pulumi.Input[str]]
    security_group_ids: Sequence[pulumi.Input[str]]
    load_balancer: LoadBalancer


class Observability(pulumi.ComponentResource):
    """A managed Prometheus with a collector and alarm rules, alarms of CloudWatch, and a topic that both tell."""

    def __init__(self, name: str, args: ObservabilityArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:aws/observability:Observability", name, {}, opts)
        scope, child = args.scope, pulumi.ResourceOptions(parent=self)
        workspace = Workspace("metrics", WorkspaceArgs(scope=scope, key_arn=args.key_arn), opts=child)
        mail = Mail(
            "alarms",
            MailArgs(scope=scope, email=args.settings.email, key_arn=args.key_arn, workspace_arn=workspace.arn),
            opts=child,
        )
        collector = Collector(
            "collector",
            CollectorArgs(
                scope=scope,
                watch=args.watch,
                workspace_arn=workspace.arn,
                cluster_arn=args.cluster_arn,
                subnet_ids=args.subnet_ids,
                security_group_ids=args.security_group_ids,
            ),
            opts=child,
        )
        Rules(
            "rules",
            RulesArgs(scope=scope, watch=args.watch, workspace_id=workspace.workspace_id, topic_arn=mail.topic_arn),
            # Rules come after metrics do and go before them, or each job's absence would be told.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[collector]),
        )
        TargetAlarms(
            "targets",
            TargetAlarmsArgs(
                scope=scope,
                load_balancer=args.load_balancer.metrics_name,
                target_groups=args.load_balancer.target_group_metrics_names,
                topic_arn=mail.topic_arn,
                runbooks=args.settings.runbooks,
            ),
            opts=child,
        )
        self.register_outputs({})
