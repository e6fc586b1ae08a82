"""Mail about what happens in the account: failed backups and findings of GuardDuty."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from components.aws import encryption
from components.aws.identity.iam import Statement, policy_document
from components.aws.scope import Scope

SERVICE = "events.amazonaws.com"
FAILED = ["FAILED", "ABORTED", "EXPIRED", "PARTIAL"]
"""States in which a job of AWS Backup leaves no complete backup. PARTIAL is that of a cluster with parts missing."""
FAILED_BACKUPS: Mapping[str, Any] = {
    "source": ["aws.backup"],
    "detail-type": ["Backup Job State Change", "Copy Job State Change", "Restore Job State Change"],
    "detail": {"$or": [{"state": FAILED}, {"status": FAILED}]},
}
"""Events of restore jobs have the state in `status` (AWS Backup guide, Monitoring events using EventBridge)."""
HIGH = 7
"""GuardDuty calls findings of this severity and above high or critical (GuardDuty guide, Finding severity levels)."""
FINDINGS: Mapping[str, Any] = {
    "source": ["aws.guardduty"],
    "detail-type": ["GuardDuty Finding"],
    "detail": {"severity": [{"numeric": [">=", HIGH]}]},
}


def key_statement() -> Statement:
    """Lets EventBridge publish to a topic that the key encrypts.

    It has no condition: EventBridge sends neither aws:SourceAccount nor aws:SourceArn to encrypted topics (SNS guide,
    Enable compatibility between event sources from AWS services and encrypted topics).
    """
    return encryption.key_statement("Notices", ["kms:Decrypt", "kms:GenerateDataKey"], {"Service": [SERVICE]})


def publish_statement(topic_arn: pulumi.Input[str]) -> Statement:
    """Lets EventBridge publish. Condition blocks are not supported (EventBridge guide, Amazon SNS permissions)."""
    return Statement(sid="Events", actions=["sns:Publish"], principals={"Service": [SERVICE]}, resources=[topic_arn])


@dataclass(kw_only=True)
class NoticesArgs:
    """Arguments of Notices.

    scope: account, region and name prefix; events of other regions are not seen.
    email: who gets the mail. AWS asks that mailbox once to confirm.
    events: patterns of EventBridge by a name for the rule.
    key_arn: the KMS key that encrypts the topic. Its policy has `key_statement()`.
    """

    scope: Scope
    email: str
    events: Mapping[str, Mapping[str, Any]]
    key_arn: pulumi.Input[str]


class Notices(pulumi.ComponentResource):
    """An encrypted SNS topic with a mailbox, and the events that are published to it."""

    topic_arn: pulumi.Output[str]

    def __init__(self, name: str, args: NoticesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:aws/oversight:Notices", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        topic = aws.sns.Topic(name, name=f"{args.scope.name}-{name}", kms_master_key_id=args.key_arn, opts=child)
        policy = aws.sns.TopicPolicy(
            name, arn=topic.arn, policy=policy_document(publish_statement(topic.arn)), opts=child
        )
        aws.sns.TopicSubscription(name, topic=topic.arn, protocol="email", endpoint=args.email, opts=child)
        for event, pattern in args.events.items():
            rule = aws.cloudwatch.EventRule(
                event, name=f"{args.scope.name}-{event}", event_pattern=json.dumps(pattern), opts=child
            )
            aws.cloudwatch.EventTarget(
                event,
                rule=rule.name,
                arn=topic.arn,
                target_id=name,
                opts=pulumi.ResourceOptions(parent=self, depends_on=[policy]),
            )
        self.topic_arn = topic.arn
        self.register_outputs({"topic_arn": self.topic_arn})
