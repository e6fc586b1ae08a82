"""The stack `shared`: what an AWS account has once for all environments, and how environments read its outputs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import pulumi
import pulumi_aws as aws

from components.aws.edge.dns import HostedZone, HostedZoneArgs
from components.aws.encryption import EncryptionKey, EncryptionKeyArgs
from components.aws.identity.github import GithubRoles, GithubRolesArgs
from components.aws.oversight.oversight import Oversight, OversightArgs, key_statements
from components.aws.registry import Registry, RegistryArgs
from components.aws.scope import Scope
from components.settings.shared import SharedSettings

BACKUP_OPT_IN = {"EBS": True, "EKS": True}
"""Resource types that AWS Backup protects in this region (AWS Backup guide, Service opt-in)."""


@dataclass(kw_only=True)
class SharedOutputs:
    """The outputs of the stack `shared`. Each output has the name of its field.

    registry: host of the image registry, without a scheme.
    domain: the DNS zone's domain, in which the environments have their hosts.
    zone_id: ID of the Route 53 hosted zone.
    name_servers: the zone's name servers; the domain's registrar must delegate to them.
    boundary_arn: the permissions boundary that every IAM role of an environment carries.
    preview_role_arns, audit_role_arns: by stack, roles of the GitHub environments `preview-…` and `audit-…`.
    images_role_arn: role of the GitHub environment `images`.
    deploy_role_arns: the role that deploys an environment, by environment.
    """

    registry: pulumi.Output[str]
    domain: pulumi.Output[str]
    zone_id: pulumi.Output[str]
    name_servers: pulumi.Output[Sequence[str]]
    boundary_arn: pulumi.Output[str]
    preview_role_arns: pulumi.Output[dict[str, str]]
    audit_role_arns: pulumi.Output[dict[str, str]]
    images_role_arn: pulumi.Output[str]
    deploy_role_arns: pulumi.Output[dict[str, str]]


class SharedStackReference(SharedOutputs):
    """The outputs of the stack `shared`, read from another stack.

    name: the stack's full name, `organization/journal/shared`.
    Raises pulumi.RunError while the program runs if the stack lacks an output; the message names it.
    """

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        reference = pulumi.StackReference("shared", stack_name=name, opts=opts)
        self._stack = name
        super().__init__(**{field.name: self._read(reference, field.name) for field in fields(SharedOutputs)})

    def deploy_role_arn(self, environment: str) -> pulumi.Output[str]:
        """The role that deploys `environment`. Raises pulumi.RunError while the program runs if there is none."""
        return self._role_arn("deploy", self.deploy_role_arns, environment)

    def preview_role_arn(self, environment: str) -> pulumi.Output[str]:
        """The role that previews pull requests of `environment`; raises like deploy_role_arn."""
        return self._role_arn("preview", self.preview_role_arns, environment)

    def audit_role_arn(self, environment: str) -> pulumi.Output[str]:
        """The role that looks for drift in `environment`; raises like deploy_role_arn."""
        return self._role_arn("audit", self.audit_role_arns, environment)

    def _role_arn(self, kind: str, arns: pulumi.Output[dict[str, str]], environment: str) -> pulumi.Output[str]:
        def of(arns: Mapping[str, str]) -> str:
            if environment not in arns:
                raise pulumi.RunError(
                    f"stack {self._stack} has no {kind} role for {environment}; add {environment} to "
                    "journal:github.environments in its file, then run `pulumi up` on it"
                )
            return arns[environment]

        return arns.apply(of)

    def zone_id_of(self, host: str) -> pulumi.Output[str]:
        """The zone that gets a host's records. Raises pulumi.RunError while the program runs if it is not the host's.

        A preview raises it too. The settings compare the host with the file of stack `shared`, which may be ahead.
        """

        def of(zone: Mapping[str, str]) -> str:
            if not host.endswith(f".{zone['domain']}"):
                raise pulumi.RunError(
                    f"host {host} is not in {zone['domain']}, the domain of stack {self._stack}; name one in "
                    "it, or change journal:domain in its file and run `pulumi up` on it"
                )
            return zone["id"]

        return pulumi.Output.all(domain=self.domain, id=self.zone_id).apply(of)

    def _read(self, reference: pulumi.StackReference, output: str) -> pulumi.Output[Any]:
        def required(value: Any) -> Any:
            if value is None:
                raise pulumi.RunError(f"stack {self._stack} has no output {output}; run `pulumi up` on it first")
            return value

        return reference.get_output(output).apply(required)


@dataclass(kw_only=True)
class AccountArgs:
    """Arguments of Account.

    scope: account, region and name prefix of the stack `shared`.
    settings: the stack's settings.
    """

    scope: Scope
    settings: SharedSettings


class Account(pulumi.ComponentResource):
    """Image repositories, the DNS zone, the roles of GitHub Actions, what is backed up, what watches the account.

    outputs: the stack's outputs by name, those of SharedOutputs.
    """

    outputs: Mapping[str, pulumi.Output[Any]]

    def __init__(self, name: str, args: AccountArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:aws:Account", name, {}, opts)
        scope, settings, child = args.scope, args.settings, pulumi.ResourceOptions(parent=self)
        key = EncryptionKey(
            "encryption",
            EncryptionKeyArgs(scope=scope, services=key_statements(scope, settings.oversight)),
            opts=child,
        )
        Oversight("oversight", OversightArgs(scope=scope, settings=settings.oversight, key_arn=key.key_arn), opts=child)
        registry = Registry(
            "registry", RegistryArgs(scope=scope, settings=settings.registry, key_arn=key.key_arn), opts=child
        )
        zone = HostedZone("zone", HostedZoneArgs(scope=scope, domain=settings.domain), opts=child)
        roles = GithubRoles(
            "github",
            GithubRolesArgs(
                scope=replace(scope, copy_regions=tuple(settings.copy_regions)),
                settings=settings.github,
                state=settings.pulumi_state,
                domain=settings.domain,
                zone_id=zone.zone_id,
                repository_arns=registry.repository_arns,
            ),
            opts=child,
        )
        # AWS returns every resource type it knows, which would be a difference in each preview.
        aws.backup.RegionSettings(
            name,
            resource_type_opt_in_preference=BACKUP_OPT_IN,
            opts=pulumi.ResourceOptions(parent=self, ignore_changes=["resourceTypeOptInPreference"]),
        )
        outputs = SharedOutputs(
            registry=pulumi.Output.from_input(registry.host),
            domain=pulumi.Output.from_input(settings.domain),
            zone_id=zone.zone_id,
            name_servers=zone.name_servers,
            boundary_arn=roles.boundary_arn,
            preview_role_arns=pulumi.Output.all(**roles.preview_role_arns),
            audit_role_arns=pulumi.Output.all(**roles.audit_role_arns),
            images_role_arn=roles.images_role_arn,
            deploy_role_arns=pulumi.Output.all(**roles.deploy_role_arns),
        )
        self.outputs = {field.name: getattr(outputs, field.name) for field in fields(SharedOutputs)}
        self.register_outputs({})
