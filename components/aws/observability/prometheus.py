"""Amazon Managed Service for Prometheus (AMP): a workspace, who collects its metrics, its rules and who is told."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict

import pulumi
import pulumi_aws as aws
import yaml

from components.aws.observability.watch import Watch
from components.aws.scope import Scope

RECEIVER = "mail"
MESSAGE = (
    "{{ range .Alerts }}{{ .Status }}, {{ .Labels.severity }}: {{ .Annotations.summary }}\n"
    "What to do: {{ .Annotations.runbook_url }}\n"
    "{{ end }}"
)
"""The text of a mail: each alarm in a sentence, and its runbook."""
WAIT, AGAIN = "30s", "4h"
"""How long alarms of one name are gathered into one mail, and after how long it is sent again while they last."""


class Sigv4(TypedDict):
    region: str


class SnsConfig(TypedDict):
    topic_arn: str
    sigv4: Sigv4
    subject: str
    message: str
    send_resolved: bool


class Receiver(TypedDict):
    name: str
    sns_configs: list[SnsConfig]


class Route(TypedDict):
    receiver: str
    group_by: list[str]
    group_wait: str
    repeat_interval: str


class AlertManager(TypedDict):
    """The configuration of Alertmanager (prometheus.io, Alerting configuration); AMP takes SNS as receiver."""

    route: Route
    receivers: list[Receiver]


class Definition(TypedDict):
    """What AMP calls an alert manager definition: the configuration is a text in it (AMP guide, Alert manager)."""

    alertmanager_config: str


def definition(scope: Scope, topic_arn: str) -> str:
    """The alert manager definition that sends every alarm to the topic."""
    sns: SnsConfig = {
        "topic_arn": topic_arn,
        "sigv4": {"region": scope.region},
        "subject": f"{scope.name}: {{{{ .CommonLabels.alertname }}}} {{{{ .Status }}}}",
        "message": MESSAGE,
        "send_resolved": True,
    }
    config: AlertManager = {
        "route": {
            "receiver": RECEIVER,
            "group_by": ["alertname"],
            "group_wait": WAIT,
            "repeat_interval": AGAIN,
        },
        "receivers": [{"name": RECEIVER, "sns_configs": [sns]}],
    }
    own: Definition = {"alertmanager_config": yaml.safe_dump(config, sort_keys=False)}
    return yaml.safe_dump(own, default_style="|")


@dataclass(kw_only=True)
class WorkspaceArgs:
    """Arguments of Workspace. key_arn: the KMS key that encrypts the metrics."""

    scope: Scope
    key_arn: pulumi.Input[str]


class Workspace(pulumi.ComponentResource):
    """Where metrics are kept, for 150 days (AMP guide, Quotas)."""

    workspace_id: pulumi.Output[str]
    arn: pulumi.Output[str]

    def __init__(self, name: str, args: WorkspaceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:aws/observability:Workspace", name, {}, opts)
        workspace = aws.amp.Workspace(
            name, alias=args.scope.name, kms_key_arn=args.key_arn, opts=pulumi.ResourceOptions(parent=self)
        )
        self.workspace_id, self.arn = workspace.id, workspace.arn
        self.register_outputs({"workspace_id": self.workspace_id})


@dataclass(kw_only=True)
class CollectorArgs:
    """Arguments of Collector.

    scope: account, region and name prefix.
    watch: what is collected.
    workspace_arn: where metrics go.
    cluster_arn: the EKS cluster. subnet_ids: its private subnets, in two zones or more. Its API server has a private
    endpoint, and its VPC has DNS (AMP guide, Managed collectors).
    security_group_ids: those by which pods are reached.
    """

    scope: Scope
    watch: Watch
    workspace_arn: pulumi.Input[str]
    cluster_arn: pulumi.Input[str]
    subnet_ids: Sequence[pulumi.Input[str]]
    security_group_ids: Sequence[pulumi.Input[str]]


class Collector(pulumi.ComponentResource):
    """A managed collector: it finds pods through the API server, and reads them from addresses in the subnets.

    Its access to the cluster is made by AMP itself: an access entry for the collector's service-linked role with the
    access policy AmazonPrometheusScraperPolicy. EKS refuses to anybody else an entry whose principal is a
    service-linked role (AMP guide, Managed collectors; EKS guide, Access policy permissions).
    """

    def __init__(self, name: str, args: CollectorArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:aws/observability:Collector", name, {}, opts)
        aws.amp.Scraper(
            name,
            alias=args.scope.name,
            scrape_configuration=args.watch.scrape_configuration,
            source=aws.amp.ScraperSourceArgs(
                eks=aws.amp.ScraperSourceEksArgs(
                    cluster_arn=args.cluster_arn,
                    subnet_ids=list(args.subnet_ids),
                    security_group_ids=list(args.security_group_ids),
                )
            ),
            destination=aws.amp.ScraperDestinationArgs(
                amp=aws.amp.ScraperDestinationAmpArgs(workspace_arn=args.workspace_arn)
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({})


@dataclass(kw_only=True)
class RulesArgs:
    """Arguments of Rules. topic_arn: the SNS topic that is told of alarms."""

    scope: Scope
    watch: Watch
    workspace_id: pulumi.Input[str]
    topic_arn: pulumi.Input[str]


class Rules(pulumi.ComponentResource):
    """The alarm rules of a workspace, and its alert manager, which tells the topic."""

    def __init__(self, name: str, args: RulesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:aws/observability:Rules", name, {}, opts)
        child, scope = pulumi.ResourceOptions(parent=self), args.scope
        aws.amp.RuleGroupNamespace(
            name, name=scope.name, workspace_id=args.workspace_id, data=args.watch.rules, opts=child
        )
        aws.amp.AlertManagerDefinition(
            name,
            workspace_id=args.workspace_id,
            definition=pulumi.Output.from_input(args.topic_arn).apply(lambda arn: definition(scope, arn)),
            opts=child,
        )
        self.register_outputs({})
