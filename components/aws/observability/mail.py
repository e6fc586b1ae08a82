"""An SNS topic with a mailbox, for alarms of Prometheus and of CloudWatch."""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.aws import encryption
from components.aws.identity.iam import Statement, policy_document
from components.aws.scope import Scope

PROMETHEUS, CLOUDWATCH = "aps.amazonaws.com", "cloudwatch.amazonaws.com"


def topic_name(scope: Scope) -> str:
    return f"{scope.name}-alarms"


def key_statement(scope: Scope) -> Statement:
    """Lets both services publish to the topic, which the key encrypts, and decrypt nothing else with it.

    Sources: SNS guide, Enable compatibility between event sources from AWS services and encrypted topics; AMP guide,
    Creating your Amazon SNS topic.
    """
    return encryption.key_statement(
        "Alarms",
        ["kms:Decrypt", "kms:GenerateDataKey"],
        {"Service": [PROMETHEUS, CLOUDWATCH]},
        {"StringEquals": {"kms:EncryptionContext:aws:sns:topicArn": scope.arn("sns", topic_name(scope))}},
    )


def publish_statements(
    scope: Scope, topic_arn: pulumi.Input[str], workspace_arn: pulumi.Input[str]
) -> tuple[Statement, ...]:
    """Lets the workspace and the stack's alarms publish, and those of no other account.

    Sources: AMP guide, Giving permission to send alert messages to your Amazon SNS topic; CloudWatch guide, Notifying
    users on alarm changes.
    """
    own_account = {"StringEquals": {"aws:SourceAccount": scope.account}}
    return (
        Statement(
            sid="Prometheus",
            actions=["sns:GetTopicAttributes", "sns:Publish"],
            principals={"Service": [PROMETHEUS]},
            resources=[topic_arn],
            conditions={**own_account, "ArnEquals": {"aws:SourceArn": workspace_arn}},
        ),
        Statement(
            sid="CloudWatch",
            actions=["sns:Publish"],
            principals={"Service": [CLOUDWATCH]},
            resources=[topic_arn],
            conditions={**own_account, "ArnLike": {"aws:SourceArn": scope.arn("cloudwatch", f"alarm:{scope.name}-*")}},
        ),
    )


@dataclass(kw_only=True)
class MailArgs:
    """Arguments of Mail.

    scope: account, region and name prefix; the topic is called `<scope>-alarms`.
    email: who gets the mail. AWS asks that mailbox once to confirm.
    key_arn: the KMS key that encrypts the topic. Its policy has `key_statement()`.
    workspace_arn: the workspace of Prometheus that may publish.
    """

    scope: Scope
    email: str
    key_arn: pulumi.Input[str]
    workspace_arn: pulumi.Input[str]


class Mail(pulumi.ComponentResource):
    """An encrypted topic with a mailbox. topic_arn: known once those may publish who do."""

    topic_arn: pulumi.Output[str]

    def __init__(self, name: str, args: MailArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:aws/observability:Mail", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        topic = aws.sns.Topic(name, name=topic_name(args.scope), kms_master_key_id=args.key_arn, opts=child)
        statements = publish_statements(args.scope, topic.arn, args.workspace_arn)
        policy = aws.sns.TopicPolicy(name, arn=topic.arn, policy=policy_document(*statements), opts=child)
        aws.sns.TopicSubscription(name, topic=topic.arn, protocol="email", endpoint=args.email, opts=child)
        self.topic_arn = pulumi.Output.all(topic.arn, policy.id).apply(lambda known: known[0])
        self.register_outputs({"topic_arn": self.topic_arn})
