"""What the deployment of an environment may change in the services that raise alarms: Prometheus, CloudWatch, SNS."""

from components.aws.identity.iam import (
    ENVIRONMENT_TAG,
    NO_ARN_YET,
    Statement,
    has_environment_tag,
    requests_environment_tag,
)
from components.aws.scope import Scope


def alarm_statements(scope: Scope) -> tuple[Statement, ...]:
    """Lets it manage the environment's workspace, collector and rules, and the alarms and topics `<scope>-*`.

    A workspace and a collector are known by their tags: AWS chooses their ids. Rules are known by their name, which is
    the scope's (Service Authorization Reference, Amazon Managed Service for Prometheus).
    """
    workspaces, scrapers = scope.arn("aps", "workspace/*"), scope.arn("aps", "scraper/*")
    own = has_environment_tag(scope)
    return (
        Statement(
            sid="MakeWorkspace",
            actions=["aps:CreateWorkspace"],
            resources=["*"],
            reason=NO_ARN_YET,
            conditions=requests_environment_tag(scope),
        ),
        Statement(
            sid="MakeCollector",
            actions=["aps:CreateScraper"],
            resources=[scope.arn("eks", f"cluster/{scope.name}"), workspaces],
            conditions={"StringEquals": {**requests_environment_tag(scope)["StringEquals"], **own["StringEquals"]}},
        ),
        Statement(
            sid="Prometheus",
            actions=[
                "aps:CreateAlertManagerDefinition",
                "aps:DeleteAlertManagerDefinition",
                "aps:DeleteScraper",
                "aps:DeleteWorkspace",
                "aps:PutAlertManagerDefinition",
                "aps:UpdateScraper",
                "aps:UpdateWorkspaceAlias",
            ],
            resources=[workspaces, scrapers],
            conditions=own,
        ),
        Statement(
            sid="TagPrometheus",
            actions=["aps:TagResource", "aps:UntagResource"],
            resources=[workspaces, scrapers],
            conditions={**own, "ForAllValues:StringNotEquals": {"aws:TagKeys": ENVIRONMENT_TAG}},
        ),
        # CreateWorkspace and CreateScraper ask for it, of what has no tag yet.
        Statement(
            sid="TagNewPrometheus",
            actions=["aps:TagResource"],
            resources=[workspaces, scrapers],
            conditions={
                **requests_environment_tag(scope),
                "Null": {f"aws:ResourceTag/{ENVIRONMENT_TAG}": "true"},
            },
        ),
        Statement(
            sid="Rules",
            actions=[
                "aps:CreateRuleGroupsNamespace",
                "aps:DeleteRuleGroupsNamespace",
                "aps:PutRuleGroupsNamespace",
                "aps:TagResource",
                "aps:UntagResource",
            ],
            resources=[scope.arn("aps", f"rulegroupsnamespace/*/{scope.name}")],
        ),
        Statement(
            sid="Alarms",
            actions=[
                "cloudwatch:DeleteAlarms",
                "cloudwatch:PutMetricAlarm",
                "cloudwatch:TagResource",
                "cloudwatch:UntagResource",
            ],
            resources=[scope.arn("cloudwatch", f"alarm:{scope.name}-*")],
        ),
        Statement(
            sid="Topics",
            actions=[
                "sns:CreateTopic",
                "sns:DeleteTopic",
                "sns:SetSubscriptionAttributes",
                "sns:SetTopicAttributes",
                "sns:Subscribe",
                "sns:TagResource",
                "sns:Unsubscribe",
                "sns:UntagResource",
            ],
            resources=[scope.arn("sns", f"{scope.name}-*")],
        ),
    )
