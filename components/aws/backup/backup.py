"""AWS Backup of a cluster: its resources and its volumes, kept for a while, restored each week as a test."""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.aws.identity.iam import Role, RoleArgs, trust
from components.aws.scope import Scope
from components.settings.aws import BackupSettings

SERVICE = "backup.amazonaws.com"
MANAGED = (
    "service-role/AWSBackupServiceRolePolicyForBackup",
    "service-role/AWSBackupServiceRolePolicyForRestores",
)
"""What EKS and EBS need; EKS asks for no more where the cluster authenticates by API (EKS guide, AWS Backup)."""
START_MINUTES, COMPLETE_MINUTES = 60, 8 * 60
TEST_SCHEDULE = "cron(0 6 ? * SUN *)"
TEST_WINDOW_DAYS = 7


def volume_tags(scope: Scope) -> dict[str, str]:
    """Tags that the volumes of a cluster's claims have, and nothing else: the CSI driver's own, and the environment's,
    which the driver is told to set (`controller.extraVolumeTags` of the add-on)."""
    return {"ebs.csi.aws.com/cluster": "true", "Environment": scope.environment}


def restore_test_name(scope: Scope) -> str:
    """Restore testing takes no hyphens in names."""
    return scope.name.replace("-", "_")


@dataclass(kw_only=True)
class BackupArgs:
    """What backups need to be told.

    key_arn: the KMS key that encrypts them.
    """

    scope: Scope
    settings: BackupSettings
    cluster_arn: pulumi.Input[str]
    key_arn: pulumi.Input[str]


class Backup(pulumi.ComponentResource):
    """A vault, the plan that fills it, and, where the settings say so, the plan that restores from it."""

    def __init__(self, name: str, args: BackupArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:aws:Backup", name, {}, opts)
        self._name, self._args, self._scope = name, args, args.scope
        role = Role(
            name,
            RoleArgs(scope=args.scope, trust=[trust(SERVICE, args.scope)], managed=MANAGED),
            opts=pulumi.ResourceOptions(parent=self),
        )
        vault = self._create_vault()
        plan = self._create_plan(vault)
        self._select("cluster", plan, role, args.cluster_arn)
        # A backup of the cluster has the volumes of its claims; this one has those whose claim is gone, too.
        self._select("volumes", plan, role, args.scope.arn("ec2", "volume/*"), tags=volume_tags(args.scope))
        if args.settings.restore_testing:
            self._test_restores(vault, role)
        self.register_outputs({"vault_name": vault.name})

    def _create_vault(self) -> aws.backup.Vault:
        return aws.backup.Vault(
            self._name,
            name=self._scope.name,
            kms_key_arn=self._args.key_arn,
            force_destroy=not self._scope.protect,
            opts=pulumi.ResourceOptions(parent=self, protect=self._scope.protect),
        )

    def _create_plan(self, vault: aws.backup.Vault) -> aws.backup.Plan:
        settings = self._args.settings
        rule = aws.backup.PlanRuleArgs(
            rule_name="scheduled",
            target_vault_name=vault.name,
            schedule=settings.schedule,
            start_window=START_MINUTES,
            completion_window=COMPLETE_MINUTES,
            lifecycle=aws.backup.PlanRuleLifecycleArgs(delete_after=settings.retention_days),
            recovery_point_tags={"Environment": self._scope.environment},
        )
        return aws.backup.Plan(
            self._name, name=self._scope.name, rules=[rule], opts=pulumi.ResourceOptions(parent=self)
        )

    def _select(
        self,
        what: str,
        plan: aws.backup.Plan,
        role: Role,
        arn: pulumi.Input[str],
        *,
        tags: dict[str, str] | None = None,
    ) -> None:
        """What the plan backs up: all that fits the ARN and has each of the tags."""
        conditions = [
            aws.backup.SelectionConditionStringEqualArgs(key=f"aws:ResourceTag/{key}", value=value)
            for key, value in (tags or {}).items()
        ]
        aws.backup.Selection(
            f"{self._name}-{what}",
            name=f"{self._scope.name}-{what}",
            plan_id=plan.id,
            iam_role_arn=role.arn,
            resources=[arn],
            conditions=[aws.backup.SelectionConditionArgs(string_equals=conditions)] if conditions else None,
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _test_restores(self, vault: aws.backup.Vault, role: Role) -> None:
        """Each week a volume is made of each volume's latest backup, and deleted; AWS tests no restore of a cluster."""
        plan = aws.backup.RestoreTestingPlan(
            self._name,
            name=restore_test_name(self._scope),
            schedule_expression=TEST_SCHEDULE,
            recovery_point_selection=aws.backup.RestoreTestingPlanRecoveryPointSelectionArgs(
                algorithm="LATEST_WITHIN_WINDOW",
                include_vaults=[vault.arn],
                recovery_point_types=["SNAPSHOT"],
                selection_window_days=TEST_WINDOW_DAYS,
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
        aws.backup.RestoreTestingSelection(
            f"{self._name}-volumes",
            name="volumes",
            restore_testing_plan_name=plan.name,
            protected_resource_type="EBS",
            protected_resource_arns=["*"],
            iam_role_arn=role.arn,
            opts=pulumi.ResourceOptions(parent=self),
        )
