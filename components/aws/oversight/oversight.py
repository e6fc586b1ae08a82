"""What an empty account lacks: a budget, CloudTrail, GuardDuty, and mail about failed backups."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from components.aws.identity.iam import Statement
from components.aws.oversight import notices, trail
from components.aws.oversight.notices import Notices, NoticesArgs
from components.aws.oversight.trail import Trail, TrailArgs
from components.aws.scope import Scope
from components.settings.shared import OversightSettings

ALARMS = (("ACTUAL", 80.0), ("ACTUAL", 100.0), ("FORECASTED", 100.0))
"""When the budget sends mail: what is spent or forecast, in percent of the month's amount."""
EVENTS: Mapping[str, Mapping[str, Any]] = {"failed-backups": notices.FAILED_BACKUPS, "findings": notices.FINDINGS}
"""What sends mail, by the name of its rule. A detector that an organisation made has findings too."""


def key_statements(scope: Scope, settings: OversightSettings) -> tuple[Statement, ...]:
    """What the policy of the stack's key needs for the services that use it by themselves."""
    return (notices.key_statement(), *([trail.key_statement(scope)] if settings.trail else []))


@dataclass(kw_only=True)
class OversightArgs:
    """Arguments of Oversight.

    scope: account, region and name prefix of the stack `shared`.
    settings: what is made here, and who gets mail.
    key_arn: the stack's KMS key. Its policy has `key_statements()`.
    """

    scope: Scope
    settings: OversightSettings
    key_arn: pulumi.Input[str]


class Oversight(pulumi.ComponentResource):
    """A budget, a trail, GuardDuty and notices, each but the last unless the settings leave it to others."""

    def __init__(self, name: str, args: OversightArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:aws/oversight:Oversight", name, {}, opts)
        scope, settings, child = args.scope, args.settings, pulumi.ResourceOptions(parent=self)
        Notices(
            "notices",
            NoticesArgs(scope=scope, email=settings.email, events=EVENTS, key_arn=args.key_arn),
            opts=child,
        )
        if settings.trail:
            Trail("trail", TrailArgs(scope=scope, retention_days=settings.trail_days, key_arn=args.key_arn), opts=child)
        if settings.guard_duty:
            self._create_guard_duty(name)
        if settings.monthly_budget is not None:
            self._create_budget(name, scope, settings.monthly_budget, settings.email)
        self.register_outputs({})

    def _create_guard_duty(self, name: str) -> None:
        """A detector of the region. It reads trails, DNS and flow logs from AWS itself, and clusters' audit logs."""
        detector = aws.guardduty.Detector(
            name,
            enable=True,
            finding_publishing_frequency="FIFTEEN_MINUTES",
            opts=pulumi.ResourceOptions(parent=self),
        )
        aws.guardduty.DetectorFeature(
            f"{name}-eks",
            detector_id=detector.id,
            name="EKS_AUDIT_LOGS",
            status="ENABLED",
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _create_budget(self, name: str, scope: Scope, amount: int, email: str) -> None:
        """Mail comes from AWS Budgets directly and needs no confirmation."""
        aws.budgets.Budget(
            name,
            name=scope.name,
            budget_type="COST",
            time_unit="MONTHLY",
            limit_amount=str(amount),
            limit_unit="USD",
            notifications=[
                aws.budgets.BudgetNotificationArgs(
                    comparison_operator="GREATER_THAN",
                    notification_type=kind,
                    threshold=percent,
                    threshold_type="PERCENTAGE",
                    subscriber_email_addresses=[email],
                )
                for kind, percent in ALARMS
            ],
            opts=pulumi.ResourceOptions(parent=self),
        )
