"""VPC flow logs: a record of every connection, delivered to CloudWatch Logs."""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.aws.identity.iam import Role, RoleArgs, Statement, trust_service
from components.aws.scope import Scope
from components.settings.aws import LogDays

SERVICE = "vpc-flow-logs.amazonaws.com"


def log_group_name(scope: Scope) -> str:
    """`<scope>-flow-logs`."""
    return f"{scope.name}-flow-logs"


def delivery_policy(scope: Scope) -> tuple[Statement, ...]:
    """Lets the flow logs service write to the log group (VPC guide, IAM role for publishing flow logs).

    The guide's CreateLogGroup is left out: a late record must not recreate the group after Pulumi has deleted it.
    """
    group = scope.arn("logs", f"log-group:{log_group_name(scope)}")
    return (
        Statement(
            sid="Write",
            actions=["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
            resources=[group, f"{group}:*"],
        ),
        Statement(
            sid="Find",
            actions=["logs:DescribeLogGroups"],
            resources=["*"],
            reason="it supports no resource-level permissions (Service Authorization Reference, CloudWatch Logs)",
        ),
    )


@dataclass(kw_only=True)
class FlowLogsArgs:
    """Arguments of FlowLogs.

    scope: account, region and name prefix; with `scope.protect`, Pulumi refuses to delete the log group.
    vpc_id: the VPC whose traffic is logged.
    retention_days: how many days CloudWatch Logs keeps a record.
    key_arn: the KMS key that encrypts the log group.
    """

    scope: Scope
    vpc_id: pulumi.Input[str]
    retention_days: LogDays
    key_arn: pulumi.Input[str]


class FlowLogs(pulumi.ComponentResource):
    """Logs the accepted and rejected traffic of a VPC to the log group `<scope>-flow-logs`."""

    def __init__(self, name: str, args: FlowLogsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:aws/network:FlowLogs", name, {}, opts)
        child, scope = pulumi.ResourceOptions(parent=self), args.scope
        group = aws.cloudwatch.LogGroup(
            name,
            name=log_group_name(scope),
            retention_in_days=args.retention_days,
            kms_key_id=args.key_arn,
            opts=pulumi.ResourceOptions(parent=self, protect=scope.protect),
        )
        role = Role(
            name,
            RoleArgs(scope=scope, trust=[trust_service(SERVICE, scope)], statements=delivery_policy(scope)),
            opts=child,
        )
        aws.ec2.FlowLog(
            name,
            vpc_id=args.vpc_id,
            traffic_type="ALL",
            log_destination_type="cloud-watch-logs",
            log_destination=group.arn,
            iam_role_arn=role.arn,
            tags={"Name": log_group_name(scope)},
            opts=child,
        )
        self.register_outputs({})
