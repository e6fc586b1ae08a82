"""IAM roles for GitHub Actions. Workflows assume them by OpenID Connect, so GitHub stores no AWS credentials.

Each GitHub environment has a role of its own, and only jobs in that environment may assume it. A role is for one stack:
code that a pull request runs with the preview role of dev reads no secret of prod.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pulumi
import pulumi_aws as aws

from components.aws.identity.iam import Role, RoleArgs, Statement, policy_document
from components.aws.identity.permissions.alarms import alarm_statements
from components.aws.identity.permissions.boundary import boundary_statements, role_statements
from components.aws.identity.permissions.cluster import cluster_statements, load_balancer_and_dns_statements
from components.aws.identity.permissions.data import data_statements
from components.aws.identity.permissions.network import network_statements
from components.aws.identity.permissions.reads import read_statements
from components.aws.scope import PROJECT, Scope
from components.settings.shared import CloudEnvironment, GithubSettings, PulumiStateSettings

ISSUER = "token.actions.githubusercontent.com"
AUDIENCE = "sts.amazonaws.com"
SHARED_STACK = "shared"
"""The stack whose outputs every environment reads."""
PREVIEW, AUDIT, IMAGES = "preview", "audit", "images"
"""GitHub environments that deploy nothing: `preview-<stack>`, `audit-<stack>` and `images`. Those that deploy have the
names in the settings."""
SESSION_MINUTES: Mapping[CloudEnvironment, int] = {"dev": 90, "staging": 120, "prod": 240}
"""How long a deployment of the environment may take. The workflows have the same times.

An upgrade of Kubernetes replaces the control plane's servers in about ten minutes, then the nodes, a third of a group
at a time, and a drain of one may take fifteen minutes (EKS guide, managed node update behavior). Role chaining's limit
of an hour does not apply to a role that is assumed by OpenID Connect (STS reference, AssumeRoleWithWebIdentity)."""


def subject_of(settings: GithubSettings, environment: str) -> str:
    """The subject of the tokens that jobs of a GitHub environment get (GitHub docs, OpenID Connect reference).

    With ids, the default, nobody who takes over the name of a deleted repository gets the same subject.
    environment: letters, digits and hyphens; GitHub would escape a colon.
    """
    owner, _, name = settings.repository.partition("/")
    if settings.subject == "ids":
        owner, name = f"{owner}@{settings.owner_id}", f"{name}@{settings.repository_id}"
    return f"repo:{owner}/{name}:environment:{environment}"


def trust_github_environment(settings: GithubSettings, environment: str, provider_arn: pulumi.Input[str]) -> Statement:
    """The statement of a trust policy for jobs of one GitHub environment in one repository.

    The subject names the environment, so jobs outside it, of whichever branch, tag, fork or pull request, do not match
    (GitHub docs, Configuring OpenID Connect in AWS).
    provider_arn: the account's OpenID Connect provider for GitHub.
    """
    return Statement(
        sid="GitHub",
        actions=["sts:AssumeRoleWithWebIdentity"],
        principals={"Federated": [provider_arn]},
        conditions={
            "StringEquals": {
                f"{ISSUER}:aud": AUDIENCE,
                f"{ISSUER}:sub": subject_of(settings, environment),
            }
        },
    )


def state_read_statements(scope: Scope, settings: PulumiStateSettings, stacks: Sequence[str]) -> tuple[Statement, ...]:
    """Lets a role read the Pulumi state of all stacks, and decrypt the secrets of `stacks` (Pulumi docs, State)."""
    bucket = f"arn:aws:s3:::{settings.bucket}"
    return (
        Statement(sid="StateList", actions=["s3:ListBucket", "s3:GetBucketLocation"], resources=[bucket]),
        Statement(sid="StateRead", actions=["s3:GetObject"], resources=[f"{bucket}/.pulumi/*"]),
        _secrets_statement("StateSecrets", ["kms:Decrypt"], scope, settings, stacks),
    )


def state_write_statements(scope: Scope, settings: PulumiStateSettings, stack: str) -> tuple[Statement, ...]:
    """Lets a role write checkpoint, history, backups and lock of one stack, and encrypt its secrets."""
    folder = f"arn:aws:s3:::{settings.bucket}/.pulumi"
    return (
        Statement(
            sid="StateWrite",
            actions=["s3:PutObject", "s3:DeleteObject"],
            resources=[
                f"{folder}/stacks/{PROJECT}/{stack}.json*",
                f"{folder}/history/{PROJECT}/{stack}/*",
                f"{folder}/backups/{PROJECT}/{stack}/*",
                f"{folder}/locks/organization/{PROJECT}/{stack}/*",
            ],
        ),
        _secrets_statement("StateSecretsWrite", ["kms:Encrypt"], scope, settings, [stack]),
    )


def _secrets_statement(
    sid: str, actions: Sequence[str], scope: Scope, settings: PulumiStateSettings, stacks: Sequence[str]
) -> Statement:
    """Use of the KMS key of Pulumi's state for the secrets of `stacks`.

    The secrets provider in each stack's file sets the stack's name as encryption context.
    """
    return Statement(
        sid=sid,
        actions=actions,
        resources=[scope.arn("kms", "key/*")],
        conditions={
            "ForAnyValue:StringEquals": {"kms:ResourceAliases": settings.key_alias},
            "StringEquals": {"kms:EncryptionContext:stack": list(stacks)},
        },
    )


def image_push_statements(repository_arns: Sequence[pulumi.Input[str]]) -> tuple[Statement, ...]:
    """Lets a role push images to the repositories and read them (ECR guide, IAM permissions for pushing an image)."""
    return (
        Statement(
            sid="Login",
            actions=["ecr:GetAuthorizationToken"],
            resources=["*"],
            reason="this action supports no resource-level permissions (Service Authorization Reference)",
        ),
        Statement(
            sid="Push",
            actions=[
                "ecr:BatchCheckLayerAvailability",
                "ecr:BatchGetImage",
                "ecr:CompleteLayerUpload",
                "ecr:DescribeImages",
                "ecr:GetDownloadUrlForLayer",
                "ecr:InitiateLayerUpload",
                "ecr:PutImage",
                "ecr:UploadLayerPart",
            ],
            resources=repository_arns,
        ),
    )


@dataclass(kw_only=True)
class GithubRolesArgs:
    """Arguments of GithubRoles.

    scope: account, region and name prefix of the stack `shared`.
    settings: the GitHub repository and the environments that it deploys.
    state: the S3 bucket and KMS key of Pulumi's state.
    domain, zone_id: the hosted zone in which a deployment may change the records of its environment.
    repository_arns: the ECR repositories to which images may be pushed.
    """

    scope: Scope
    settings: GithubSettings
    state: PulumiStateSettings
    domain: str
    zone_id: pulumi.Input[str]
    repository_arns: Sequence[pulumi.Input[str]]


class GithubRoles(pulumi.ComponentResource):
    """The OpenID Connect provider for GitHub, a role for each GitHub environment, and the permissions boundary.

    boundary_arn: the permissions boundary that roles created by a deployment must have.
    preview_role_arns: by stack, the role that previews pull requests. It reads the account's configuration, and
    decrypts the secrets in the state of its stack and of `shared`.
    audit_role_arns: by stack, the role of main's previews. It reads the same, and its stack's cluster lets it read
    Secrets, for the refresh that detects drift.
    images_role_arn: pushes images to ECR.
    deploy_role_arns: by environment, the role that deploys it and can change no other one.
    """

    boundary_arn: pulumi.Output[str]
    preview_role_arns: Mapping[str, pulumi.Output[str]]
    audit_role_arns: Mapping[str, pulumi.Output[str]]
    images_role_arn: pulumi.Output[str]
    deploy_role_arns: Mapping[str, pulumi.Output[str]]

    def __init__(self, name: str, args: GithubRolesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:aws/identity:GithubRoles", name, {}, opts)
        self._args, self._scope = args, args.scope
        # No thumbprint: AWS verifies GitHub's certificates by its own trusted CAs (IAM guide, OIDC identity providers).
        self._oidc_provider = aws.iam.OpenIdConnectProvider(
            name,
            url=f"https://{ISSUER}",
            client_id_lists=[AUDIENCE],
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.boundary_arn = self._create_policy("boundary", *boundary_statements(self._scope)).arn
        self._read_policy = self._create_policy("read", *read_statements(self._scope, ISSUER))
        stacks = [SHARED_STACK, *args.settings.environments]
        self.preview_role_arns = {stack: self._create_read_role(PREVIEW, stack) for stack in stacks}
        self.audit_role_arns = {stack: self._create_read_role(AUDIT, stack) for stack in stacks}
        self.images_role_arn = self._create_role(IMAGES, IMAGES, image_push_statements(args.repository_arns)).arn
        self.deploy_role_arns = {
            environment: self._create_deploy_role(environment) for environment in args.settings.environments
        }
        self.register_outputs({"boundary_arn": self.boundary_arn})

    def _create_read_role(self, kind: str, stack: str) -> pulumi.Output[str]:
        """Every stack reads the outputs of `shared`, so its role decrypts that one's secrets too."""
        environment = f"{kind}-{stack}"
        state = state_read_statements(self._scope, self._args.state, sorted({SHARED_STACK, stack}))
        return self._attach(environment, self._create_role(environment, environment, state), self._read_policy)

    def _create_deploy_role(self, environment: CloudEnvironment) -> pulumi.Output[str]:
        """A role with one inline and four managed policies, to stay within their size limits (IAM guide, Quotas)."""
        args, name = self._args, f"deploy-{environment}"
        scope = replace(self._scope, name=f"{PROJECT}-{environment}", environment=environment)
        others = [other for other in args.settings.environments if other != environment]
        role = self._create_role(
            name,
            environment,
            [
                *state_read_statements(scope, args.state, [SHARED_STACK, environment]),
                *state_write_statements(scope, args.state, environment),
                *cluster_statements(scope),
                *load_balancer_and_dns_statements(scope, args.domain, args.zone_id, others),
                *role_statements(scope, self.boundary_arn),
            ],
            SESSION_MINUTES[environment],
        )
        change_policies = [
            self._create_policy(f"{name}-network", *network_statements(scope)),
            self._create_policy(f"{name}-data", *data_statements(scope)),
            self._create_policy(f"{name}-alarms", *alarm_statements(scope)),
        ]
        return self._attach(name, role, self._read_policy, *change_policies)

    def _create_role(
        self, name: str, environment: str, statements: Sequence[Statement], session_minutes: int = 60
    ) -> Role:
        trust = trust_github_environment(self._args.settings, environment, self._oidc_provider.arn)
        return Role(
            name,
            RoleArgs(scope=self._scope, trust=[trust], statements=statements, session_minutes=session_minutes),
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _create_policy(self, name: str, *statements: Statement) -> aws.iam.Policy:
        return aws.iam.Policy(
            name,
            name=f"{self._scope.name}-{name}",
            policy=policy_document(*statements),
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _attach(self, name: str, role: Role, *policies: aws.iam.Policy) -> pulumi.Output[str]:
        """Attaches managed policies. Returns the role's ARN, known once they are attached."""
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
