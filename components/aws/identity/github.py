"""GitHub's workflows in AWS: they prove who they are by OpenID Connect and take a role for an hour; no key is kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pulumi
import pulumi_aws as aws

from components.aws.identity.iam import Role, RoleArgs, Statement, document
from components.aws.identity.permissions import cluster, data, github, network, roles
from components.aws.identity.permissions.boundary import boundary
from components.aws.identity.permissions.reads import reads
from components.aws.provider import PROJECT
from components.aws.scope import Scope
from components.settings.shared import GithubSettings, PulumiStateSettings

PREVIEW, DRIFT, IMAGES = "preview", "drift", "images"
"""GitHub environments beside those that are deployed to."""


@dataclass(kw_only=True)
class GithubArgs:
    """What the roles need to be told.

    domain, zone_id: the zone in which a deployment may change its environment's names.
    repository_arns: where images may be pushed.
    """

    scope: Scope
    settings: GithubSettings
    state: PulumiStateSettings
    domain: str
    zone_id: pulumi.Input[str]
    repository_arns: Sequence[pulumi.Input[str]]


class Github(pulumi.ComponentResource):
    """A role for each GitHub environment: `preview` and `drift` read, `images` pushes, each other one deploys itself.

    boundary_arn: the boundary without which no deployment can make a role.
    """

    boundary_arn: pulumi.Output[str]
    preview_role_arn: pulumi.Output[str]
    drift_role_arn: pulumi.Output[str]
    images_role_arn: pulumi.Output[str]
    deploy_role_arns: Mapping[str, pulumi.Output[str]]

    def __init__(self, name: str, args: GithubArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:aws:Github", name, {}, opts)
        self._args, self._scope = args, args.scope
        # AWS knows GitHub's certificates; a thumbprint would not be looked at.
        self._issuer = aws.iam.OpenIdConnectProvider(
            name,
            url=f"https://{github.ISSUER}",
            client_id_lists=[github.AUDIENCE],
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.boundary_arn = self._create_policy("boundary", *boundary(self._scope)).arn
        self._reads = self._create_policy("read", *reads(self._scope))
        self.preview_role_arn = self._create_reading_role(PREVIEW)
        # The same in AWS. Clusters let it read Secrets, which a refresh does; pull requests can't take it.
        self.drift_role_arn = self._create_reading_role(DRIFT)
        self.images_role_arn = self._create_role(IMAGES, IMAGES, github.images(args.repository_arns)).arn
        self.deploy_role_arns = {
            environment: self._create_deploy_role(environment) for environment in args.settings.environments
        }
        self.register_outputs({"boundary_arn": self.boundary_arn})

    def _create_reading_role(self, environment: str) -> pulumi.Output[str]:
        stacks = [github.SHARED, *self._args.settings.environments]
        state = github.state(self._scope, self._args.state, stacks)
        return self._attach(environment, self._create_role(environment, environment, state), self._reads)

    def _create_deploy_role(self, environment: str) -> pulumi.Output[str]:
        """Its policies are three, for AWS takes 6,144 characters in one."""
        args, name = self._args, f"deploy-{environment}"
        own = replace(self._scope, name=f"{PROJECT}-{environment}", environment=environment)
        others = [other for other in args.settings.environments if other != environment]
        role = self._create_role(
            name,
            environment,
            [
                *github.state(own, args.state, [github.SHARED, environment]),
                *github.state_writing(own, args.state, environment),
                *cluster.cluster(own),
                *cluster.edge(own, args.domain, args.zone_id, others),
                *roles.roles(own, self.boundary_arn),
            ],
        )
        changes = [
            self._create_policy(f"{name}-network", *network.network(own)),
            self._create_policy(f"{name}-data", *data.data(own)),
        ]
        return self._attach(name, role, self._reads, *changes)

    def _create_role(self, name: str, environment: str, statements: Sequence[Statement]) -> Role:
        trust = github.trust(self._args.settings.repository, environment, self._issuer.arn)
        return Role(
            name,
            RoleArgs(scope=self._scope, trust=[trust], statements=statements),
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _create_policy(self, name: str, *statements: Statement) -> aws.iam.Policy:
        return aws.iam.Policy(
            name,
            name=f"{self._scope.name}-{name}",
            policy=document(*statements),
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _attach(self, name: str, role: Role, *policies: aws.iam.Policy) -> pulumi.Output[str]:
        """The role's ARN, known once it has the policies."""
        attached = [
            aws.iam.RolePolicyAttachment(
                f"{name}-{number}",
                role=role.role_name,
                policy_arn=policy.arn,
                opts=pulumi.ResourceOptions(parent=self),
            ).id
            for number, policy in enumerate(policies)
        ]
        return pulumi.Output.all(role.arn, *attached).apply(lambda known: known[0])
