"""Flow logs: who talked to whom in a VPC."""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.aws.identity.iam import Role, RoleArgs, Statement, trust
from components.aws.scope import Scope
from components.settings.aws import LogDays

SERVICE = "vpc-flow-logs.amazonaws.com"


def group_name(scope: Scope) -> str:
    """The log group's name."""
    return f"{scope.name}-flow-logs"


def delivery(scope: Scope) -> tuple[Statement, ...]:
    """What the service needs (VPC guide, IAM role for publishing flow logs).

    No CreateLogGroup: a record that comes after the group is gone must not bring it back.
    """
    group = scope.arn("logs", f"log-group:{group_name(scope)}")
    return (
        Statement(
            sid="Write",
            actions=["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
            resources=[group, f"{group}:*"],
        ),
        # It is allowed for all groups or for none (CloudWatch Logs, Actions, resources and condition keys).
        Statement(sid="Find", actions=["logs:DescribeLogGroups"], resources=[scope.arn("logs", "log-group:*")]),
    )


@dataclass(kw_only=True)
class FlowLogsArgs:
    """What flow logs need to be told.

    days: how long a record is kept. key_arn: the KMS key that encrypts the log group.
    """

    scope: Scope
    vpc_id: pulumi.Input[str]
    days: LogDays
    key_arn: pulumi.Input[str]


class FlowLogs(pulumi.ComponentResource):
    """All traffic of a VPC, accepted and rejected, in a log group of CloudWatch."""

    def __init__(self, name: str, args: FlowLogsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:aws:FlowLogs", name, {}, opts)
        child, scope = pulumi.ResourceOptions(parent=self), args.scope
        group = aws.cloudwatch.LogGroup(
            name,
            name=group_name(scope),
            retention_in_days=args.days,
            kms_key_id=args.key_arn,
            opts=pulumi.ResourceOptions(parent=self, protect=scope.protect),
        )
        role = Role(name, RoleArgs(scope=scope, trust=[trust(SERVICE, scope)], statements=delivery(scope)), opts=child)
        aws.ec2.FlowLog(
            name,
            vpc_id=args.vpc_id,
            traffic_type="ALL",
            log_destination_type="cloud-watch-logs",
            log_destination=group.arn,
            iam_role_arn=role.arn,
            tags={"Name": group_name(scope)},
            opts=child,
        )
        self.register_outputs({})
