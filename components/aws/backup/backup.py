"""AWS Backup of an EKS cluster and its EBS volumes, with copies in another region and weekly restore tests."""

from dataclasses import dataclass, replace

import pulumi
import pulumi_aws as aws

from components.aws.encryption import EncryptionKey, EncryptionKeyArgs
from components.aws.identity.iam import Role, RoleArgs, trust_service
from components.aws.scope import Scope, create_provider
from components.settings.aws import AccountSettings, BackupSettings

SERVICE = "backup.amazonaws.com"
MANAGED_POLICIES = (
    "service-role/AWSBackupServiceRolePolicyForBackup",
    "service-role/AWSBackupServiceRolePolicyForRestores",
)
"""Enough for EBS, and for EKS clusters with the authentication mode API (AWS Backup guide, EKS backups)."""
START_WINDOW_MINUTES, COMPLETION_WINDOW_MINUTES = 60, 8 * 60
"""A backup that has not started, or not finished, in this time is cancelled."""
RESTORE_TEST_SCHEDULE = "cron(0 6 ? * SUN *)"
"""Sundays at 6:00 UTC."""
RESTORE_TEST_WINDOW_DAYS = 7
"""A restore test takes the latest recovery point of this many days."""


def volume_tags(scope: Scope) -> dict[str, str]:
    """Tags that identify the volumes which the environment's EBS CSI driver created.

    The driver always sets the first one; the second is in `controller.extraVolumeTags` of the add-on's configuration.
    """
    return {"ebs.csi.aws.com/cluster": "true", "Environment": scope.environment}


def restore_testing_name(scope: Scope) -> str:
    """The scope's name with underscores; names of restore testing plans must not contain hyphens."""
    return scope.name.replace("-", "_")


@dataclass(kw_only=True)
class BackupArgs:
    """Arguments of Backup.

    scope: account, region and name prefix; with `scope.protect`, Pulumi refuses to delete the vault.
    settings: schedule, retention, copies, and whether restores are tested.
    account: the account and tags of the provider for the region of the copies.
    cluster_arn: the EKS cluster to back up.
    key_arn: the KMS key that encrypts the recovery points.
    """

    scope: Scope
    settings: BackupSettings
    account: AccountSettings
    cluster_arn: pulumi.Input[str]
    key_arn: pulumi.Input[str]


class Backup(pulumi.ComponentResource):
    """A backup vault, and backup plans for the cluster and for its volumes.

    If the settings say so, there are also copies in a vault of another region, and restore tests.
    """

    def __init__(self, name: str, args: BackupArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:aws/backup:Backup", name, {}, opts)
        self._name, self._args, self._scope = name, args, args.scope
        role = Role(
            name,
            RoleArgs(scope=args.scope, trust=[trust_service(SERVICE, args.scope)], managed_policies=MANAGED_POLICIES),
            opts=pulumi.ResourceOptions(parent=self),
        )
        vault = self._create_vault(name, args.key_arn, pulumi.ResourceOptions(parent=self, protect=args.scope.protect))
        region = args.settings.copy_to_region
        copies = None if region is None else self._create_copy_vault(region)
        # A backup of the cluster contains the volumes that are claimed. Restore tests take the volumes' own backups,
        # and retained volumes without a claim have no other. A resource has one job at a time (AWS Backup, Quotas).
        cluster = self._create_plan("cluster", args.settings.schedule, vault, copies)
        volumes = self._create_plan("volumes", args.settings.volume_schedule, vault, copies)
        self._create_selection("cluster", cluster, role, args.cluster_arn)
        self._create_selection(
            "volumes", volumes, role, args.scope.arn("ec2", "volume/*"), tags=volume_tags(args.scope)
        )
        if args.settings.restore_testing:
            self._create_restore_testing(vault, role)
        self.register_outputs({"vault_name": vault.name})

    def _create_vault(self, name: str, key_arn: pulumi.Input[str], opts: pulumi.ResourceOptions) -> aws.backup.Vault:
        """A vault by the scope's name. `tools.vault` empties it before it is deleted."""
        return aws.backup.Vault(
            name, name=self._scope.name, kms_key_arn=key_arn, force_destroy=not self._scope.protect, opts=opts
        )

    def _create_copy_vault(self, region: str) -> aws.backup.Vault:
        """The vault of the copies, with a key and a provider of its region: a KMS key is of one region."""
        scope, name = replace(self._scope, region=region), f"{self._name}-copies"
        provider = create_provider(
            scope, self._args.account, name=f"aws-{region}", opts=pulumi.ResourceOptions(parent=self)
        )
        key = EncryptionKey(
            name, EncryptionKeyArgs(scope=scope), opts=pulumi.ResourceOptions(parent=self, provider=provider)
        )
        return self._create_vault(
            name, key.key_arn, pulumi.ResourceOptions(parent=self, provider=provider, protect=scope.protect)
        )

    def _create_plan(
        self, suffix: str, schedule: str, vault: aws.backup.Vault, copies: aws.backup.Vault | None
    ) -> aws.backup.Plan:
        settings = self._args.settings
        rule = aws.backup.PlanRuleArgs(
            rule_name="scheduled",
            target_vault_name=vault.name,
            schedule=schedule,
            start_window=START_WINDOW_MINUTES,
            completion_window=COMPLETION_WINDOW_MINUTES,
            lifecycle=aws.backup.PlanRuleLifecycleArgs(delete_after=settings.retention_days),
            recovery_point_tags={"Environment": self._scope.environment},
            copy_actions=None if copies is None else [_copy_action(copies, settings)],
        )
        return aws.backup.Plan(
            f"{self._name}-{suffix}",
            name=f"{self._scope.name}-{suffix}",
            rules=[rule],
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _create_selection(
        self,
        suffix: str,
        plan: aws.backup.Plan,
        role: Role,
        arn: pulumi.Input[str],
        *,
        tags: dict[str, str] | None = None,
    ) -> None:
        """Adds to the plan the resources that match the ARN and have all of the tags."""
        conditions = [
            aws.backup.SelectionConditionStringEqualArgs(key=f"aws:ResourceTag/{key}", value=value)
            for key, value in ({} if tags is None else tags).items()
        ]
        aws.backup.Selection(
            f"{self._name}-{suffix}",
            name=f"{self._scope.name}-{suffix}",
            plan_id=plan.id,
            iam_role_arn=role.arn,
            resources=[arn],
            conditions=[aws.backup.SelectionConditionArgs(string_equals=conditions)] if conditions else None,
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _create_restore_testing(self, vault: aws.backup.Vault, role: Role) -> None:
        """Each week AWS restores the latest recovery point of each volume and deletes the result.

        Restore testing does not support EKS clusters (AWS Backup guide, Restore testing).
        """
        plan = aws.backup.RestoreTestingPlan(
            self._name,
            name=restore_testing_name(self._scope),
            schedule_expression=RESTORE_TEST_SCHEDULE,
            recovery_point_selection=aws.backup.RestoreTestingPlanRecoveryPointSelectionArgs(
                algorithm="LATEST_WITHIN_WINDOW",
                include_vaults=[vault.arn],
                recovery_point_types=["SNAPSHOT"],
                selection_window_days=RESTORE_TEST_WINDOW_DAYS,
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


def _copy_action(vault: aws.backup.Vault, settings: BackupSettings) -> aws.backup.PlanRuleCopyActionArgs:
    days = settings.retention_days if settings.copy_retention_days is None else settings.copy_retention_days
    return aws.backup.PlanRuleCopyActionArgs(
        destination_vault_arn=vault.arn,
        lifecycle=aws.backup.PlanRuleCopyActionLifecycleArgs(delete_after=days),
    )
