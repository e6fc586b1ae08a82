"""Alarms of CloudWatch about what Prometheus can't see: whether the load balancer reaches the ingress nodes."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.aws.scope import Scope

MINUTE = 60
RUNBOOK = "the-load-balancer-reaches-no-node"
"""The heading of docs/runbooks.md, as in its link."""
UNHEALTHY_MINUTES = 20
"""A node is unhealthy while it has no ready pod. The autoscaler takes one that stays without after ten minutes."""


@dataclass(kw_only=True)
class TargetAlarmsArgs:
    """Arguments of TargetAlarms.

    load_balancer, target_groups: what CloudWatch's metrics call them; the latter by entry point.
    topic_arn: the SNS topic that is told. runbooks: the address of docs/runbooks.md.
    """

    scope: Scope
    load_balancer: pulumi.Input[str]
    target_groups: Mapping[str, pulumi.Input[str]]
    topic_arn: pulumi.Input[str]
    runbooks: str


class TargetAlarms(pulumi.ComponentResource):
    """For each target group: some nodes are unhealthy for long, and none is healthy.

    The workflow *Deploy* waits while one of them is not OK (tools/canary.py): their names begin with `scope.name`.
    Source: ELB guide, CloudWatch metrics for your Network Load Balancer.
    """

    def __init__(self, name: str, args: TargetAlarmsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:aws/observability:TargetAlarms", name, {}, opts)
        self._args = args
        for entry_point, group in args.target_groups.items():
            self._create_alarm(
                f"{entry_point}-unhealthy",
                group,
                metric="UnHealthyHostCount",
                comparison="GreaterThanThreshold",
                threshold=0,
                minutes=UNHEALTHY_MINUTES,
                missing="notBreaching",
                summary=f"An ingress node does not answer the load balancer's health checks ({entry_point}).",
            )
            self._create_alarm(
                f"{entry_point}-none-healthy",
                group,
                metric="HealthyHostCount",
                comparison="LessThanThreshold",
                threshold=1,
                minutes=2,
                missing="breaching",
                summary=f"No ingress node answers the load balancer's health checks ({entry_point}).",
            )
        self.register_outputs({})

    def _create_alarm(
        self,
        name: str,
        group: pulumi.Input[str],
        *,
        metric: str,
        comparison: str,
        threshold: int,
        minutes: int,
        missing: str,
        summary: str,
    ) -> None:
        """metric: of each minute the greatest number that a zone saw. missing: what no data means."""
        args = self._args
        aws.cloudwatch.MetricAlarm(
            name,
            name=f"{args.scope.name}-{name}",
            alarm_description=f"{summary} What to do: {args.runbooks}#{RUNBOOK}",
            namespace="AWS/NetworkELB",
            metric_name=metric,
            dimensions={"LoadBalancer": args.load_balancer, "TargetGroup": group},
            statistic="Maximum",
            period=MINUTE,
            evaluation_periods=minutes,
            comparison_operator=comparison,
            threshold=threshold,
            treat_missing_data=missing,
            alarm_actions=[args.topic_arn],
            ok_actions=[args.topic_arn],
            opts=pulumi.ResourceOptions(parent=self),
        )
