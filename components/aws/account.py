"""What an account has once, for all environments: the stack `shared`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from components.aws.edge.zone import Zone, ZoneArgs
from components.aws.encryption import EncryptionKey, EncryptionKeyArgs
from components.aws.identity.github import Github, GithubArgs
from components.aws.registry import Registry, RegistryArgs
from components.aws.scope import Scope
from components.aws.shared_stack import SharedOutputs, by_name
from components.settings.shared import SharedSettings

BACKED_UP = {"EBS": True, "EKS": True}
"""Services that AWS Backup may back up in this region (AWS Backup guide, Service opt-in)."""


@dataclass(kw_only=True)
class AccountArgs:
    """What the account needs to be told."""

    scope: Scope
    settings: SharedSettings


class Account(pulumi.ComponentResource):
    """Image repositories, the DNS zone, GitHub's roles, and AWS Backup's services.

    outputs: what the stack puts out, by name; `SharedStack` reads them.
    """

    outputs: Mapping[str, pulumi.Output[Any]]

    def __init__(self, name: str, args: AccountArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:aws:Account", name, {}, opts)
        scope, settings, child = args.scope, args.settings, pulumi.ResourceOptions(parent=self)
        key = EncryptionKey("encryption", EncryptionKeyArgs(scope=scope), opts=child)
        registry = Registry(
            "registry", RegistryArgs(scope=scope, settings=settings.registry, key_arn=key.key_arn), opts=child
        )
        zone = Zone("zone", ZoneArgs(scope=scope, domain=settings.domain), opts=child)
        github = Github(
            "github",
            GithubArgs(
                scope=scope,
                settings=settings.github,
                state=settings.pulumi_state,
                domain=settings.domain,
                zone_id=zone.zone_id,
                repository_arns=registry.repository_arns,
            ),
            opts=child,
        )
        self._opt_in_to_backups(name)
        outputs = SharedOutputs(
            registry=pulumi.Output.from_input(registry.host),
            zone_id=zone.zone_id,
            name_servers=zone.name_servers,
            boundary_arn=github.boundary_arn,
            preview_role_arn=github.preview_role_arn,
            drift_role_arn=github.drift_role_arn,
            images_role_arn=github.images_role_arn,
            deploy_role_arns=pulumi.Output.all(**github.deploy_role_arns),
        )
        self.outputs = by_name(outputs)
        self.register_outputs({})

    def _opt_in_to_backups(self, name: str) -> None:
        """AWS answers with every service it knows, which would look like a change each time."""
        aws.backup.RegionSettings(
            name,
            resource_type_opt_in_preference=BACKED_UP,
            opts=pulumi.ResourceOptions(parent=self, ignore_changes=["resourceTypeOptInPreference"]),
        )
