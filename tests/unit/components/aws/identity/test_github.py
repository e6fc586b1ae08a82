"""GitHub's roles: who takes them, that each stays in its environment, and that AWS takes their policies."""

import json
import re
from typing import Any

import pytest

from components.aws.identity.github import (
    SESSION_MINUTES,
    GithubRoles,
    GithubRolesArgs,
    trust_github_environment,
)
from components.aws.scope import Scope
from components.settings.shared import GithubSettings, PulumiStateSettings
from tests.unit.components.aws.identity.iam_evaluator import Context, allowed
from tools.recording import Recorder, run

ACCOUNT, REGION, BUCKET = "111122223333", "eu-central-1", "journal-pulumi-state-111122223333"
ENVIRONMENTS = ["dev", "staging", "prod"]
PAIRS = [(own, other) for own in ENVIRONMENTS for other in ENVIRONMENTS if own != other]
STACKS = ["shared", *ENVIRONMENTS]
READERS = [f"{kind}-{stack}" for kind in ("preview", "audit") for stack in STACKS]
ROLES = [*READERS, "images", *(f"deploy-{environment}" for environment in ENVIRONMENTS)]
GITHUB: dict[str, Any] = {"repository": "acme/journal", "ownerId": 1234, "repositoryId": 567890}
BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/journal-shared-boundary"
MANAGED_LIMIT, INLINE_LIMIT, ATTACHED_LIMIT = 6_144, 10_240, 10
"""Characters without white space, and attached policies (IAM guide, Quotas)."""
READING = re.compile(r"\w+(-\w+)*:(Get|List|Describe|View)\w+|kms:Decrypt")
SCOPE = Scope(name="journal-shared", environment="shared", account=ACCOUNT, region=REGION, protect=True)


@pytest.fixture(scope="module")
def recorded() -> Recorder:
    recorder = Recorder(
        outputs={
            "aws:iam/policy:Policy": lambda r: {"arn": f"arn:aws:iam::{ACCOUNT}:policy/{r['name']}"},
            "aws:iam/role:Role": lambda r: {"arn": f"arn:aws:iam::{ACCOUNT}:role/{r['name']}"},
        }
    )
    state = PulumiStateSettings.model_validate({"bucket": BUCKET, "keyAlias": "alias/journal-pulumi"})
    args = GithubRolesArgs(
        scope=SCOPE,
        settings=GithubSettings.model_validate({**GITHUB, "environments": ENVIRONMENTS}),
        state=state,
        domain="example.com",
        zone_id="Z0123456789ABCDEFGHIJ",
        repository_arns=[f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/journal/frontend"],
    )
    run(lambda: GithubRoles("github", args), recorder, project="journal", stack="shared", fail_on_warnings=True)
    return recorder


def inline(recorder: Recorder, role: str) -> list[str]:
    return [r["policy"] for r in recorder.all("RolePolicy") if r["role"] == f"journal-shared-{role}"]


def attached(recorder: Recorder, role: str) -> list[str]:
    by_arn = {f"arn:aws:iam::{ACCOUNT}:policy/{r['name']}": r["policy"] for r in recorder.all("Policy")}
    return [
        by_arn[r["policyArn"]] for r in recorder.all("RolePolicyAttachment") if r["role"] == f"journal-shared-{role}"
    ]


def may(recorder: Recorder, role: str, action: str, resource: str, context: Context | None = None) -> bool:
    return allowed([*inline(recorder, role), *attached(recorder, role)], action, resource, context)


def actions(text: str) -> list[str]:
    return [action for statement in json.loads(text)["Statement"] for action in statement["Action"]]


def arn(service: str, resource: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}"


@pytest.mark.parametrize("role", ROLES)
def test_only_jobs_of_its_github_environment_take_a_role(recorded: Recorder, role: str) -> None:
    (statement,) = json.loads(recorded.one("aws:iam/role:Role", role)["assumeRolePolicy"])["Statement"]
    subject = f"repo:acme@1234/journal@567890:environment:{role.removeprefix('deploy-')}"
    assert statement["Action"] == ["sts:AssumeRoleWithWebIdentity"]
    assert statement["Condition"] == {
        "StringEquals": {
            "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
            "token.actions.githubusercontent.com:sub": subject,
        }
    }
    (provider,) = statement["Principal"]["Federated"]
    assert "openIdConnectProvider" in provider


@pytest.mark.parametrize("role", ROLES)
def test_aws_takes_the_policies_of_a_role(recorded: Recorder, role: str) -> None:
    own, managed = inline(recorded, role), attached(recorded, role)
    assert len(own) == 1
    assert sum(len(re.sub(r"\s", "", text)) for text in own) <= INLINE_LIMIT
    assert len(managed) == (1 if role in READERS else {"images": 0}.get(role, 4))
    assert max((len(re.sub(r"\s", "", text)) for text in managed), default=0) <= MANAGED_LIMIT
    assert len(managed) <= ATTACHED_LIMIT


def test_aws_takes_the_boundary(recorded: Recorder) -> None:
    assert len(re.sub(r"\s", "", recorded.one("Policy", "boundary")["policy"])) <= MANAGED_LIMIT


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        ("ids", "repo:acme@1234/journal@567890:environment:audit-prod"),
        ("names", "repo:acme/journal:environment:audit-prod"),
    ],
)
def test_a_trust_takes_the_one_form_of_subject_that_the_repository_sends(subject: str, expected: str) -> None:
    settings = GithubSettings.model_validate({**GITHUB, "subject": subject})
    trust = trust_github_environment(settings, "audit-prod", "arn:aws:iam::111122223333:oidc-provider/github")
    assert trust.conditions["StringEquals"]["token.actions.githubusercontent.com:sub"] == expected


@pytest.mark.parametrize("role", ROLES)
def test_no_environment_has_a_character_that_github_escapes_in_a_subject(role: str) -> None:
    assert re.fullmatch(r"[a-z-]+", role)


@pytest.mark.parametrize("role", READERS)
def test_what_reads_changes_nothing(recorded: Recorder, role: str) -> None:
    texts = [*inline(recorded, role), *attached(recorded, role)]
    assert len(texts) == 2
    assert [action for text in texts for action in actions(text) if not READING.fullmatch(action)] == []
    assert may(recorded, role, "s3:GetObject", f"arn:aws:s3:::{BUCKET}/.pulumi/stacks/journal/prod.json")
    assert not may(recorded, role, "s3:GetObject", "arn:aws:s3:::journal-prod-access-logs/any")


PULUMI_KEY = {"kms:ResourceAliases": ["alias/journal-pulumi"]}


@pytest.mark.parametrize("role", READERS)
def test_what_reads_decrypts_its_stack_and_shared_with_pulumis_key_alone(recorded: Recorder, role: str) -> None:
    key, own = arn("kms", "key/1"), role.partition("-")[2]
    contexts = {stack: {"kms:EncryptionContext:stack": stack} for stack in STACKS}
    read = {stack for stack in STACKS if may(recorded, role, "kms:Decrypt", key, {**PULUMI_KEY, **contexts[stack]})}
    assert read == {"shared", own}
    other = {"kms:ResourceAliases": [f"alias/journal-{own}"], **contexts[own]}
    assert not may(recorded, role, "kms:Decrypt", key, other)


@pytest.mark.parametrize("role", ROLES)
def test_a_session_lasts_as_long_as_a_deployment_may_take(recorded: Recorder, role: str) -> None:
    """AWS takes one hour to twelve (IAM reference, CreateRole)."""
    expected = SESSION_MINUTES.get(role.removeprefix("deploy-"), 60)
    assert recorded.one("aws:iam/role:Role", role)["maxSessionDuration"] == expected * 60
    assert 60 <= expected <= 720


def test_images_go_to_our_repositories_alone(recorded: Recorder) -> None:
    ours, other = (arn("ecr", f"repository/{name}") for name in ("journal/frontend", "other"))
    assert may(recorded, "images", "ecr:PutImage", ours)
    assert not may(recorded, "images", "ecr:PutImage", other)
    assert "ecr:BatchDeleteImage" not in actions(*inline(recorded, "images"))


def probes(owner: str) -> list[tuple[str, str, dict[str, Any]]]:
    """What its own deployment must be able to do, and nobody else's."""
    tag, name = {"aws:ResourceTag/Environment": owner}, f"journal-{owner}"
    state = f"arn:aws:s3:::{BUCKET}/.pulumi"
    bounded = {"iam:PermissionsBoundary": BOUNDARY}
    host = f"journal.{owner}.example.com" if owner != "prod" else "journal.example.com"
    stack = {**PULUMI_KEY, "kms:EncryptionContext:stack": owner}
    return [
        ("eks:CreateCluster", "*", {"aws:RequestTag/Environment": owner}),
        ("eks:DeleteCluster", arn("eks", f"cluster/{name}"), {}),
        ("eks:CreateAccessEntry", arn("eks", f"cluster/{name}"), {}),
        ("eks:DeleteNodegroup", arn("eks", f"nodegroup/{name}/apps/1"), {}),
        ("ec2:DeleteVpc", arn("ec2", "vpc/vpc-1"), tag),
        ("ec2:CreateSubnet", arn("ec2", "vpc/vpc-1"), tag),
        ("ec2:RunInstances", arn("ec2", "subnet/subnet-1"), tag),
        (
            "ec2:AuthorizeSecurityGroupIngress",
            arn("ec2", "security-group/sg-1"),
            {f"aws:ResourceTag/kubernetes.io/cluster/{name}": "owned"},
        ),
        ("ec2:CreateTags", arn("ec2", "vpc/vpc-1"), tag),
        ("elasticloadbalancing:DeleteLoadBalancer", arn("elasticloadbalancing", f"loadbalancer/net/{name}/1"), {}),
        ("elasticloadbalancing:DeleteTargetGroup", arn("elasticloadbalancing", f"targetgroup/{name}-web-1/2"), {}),
        (
            "autoscaling:AttachLoadBalancerTargetGroups",
            arn("autoscaling", "autoScalingGroup:1:autoScalingGroupName/eks-ingress-1"),
            {"aws:ResourceTag/eks:cluster-name": name},
        ),
        ("s3:DeleteBucket", f"arn:aws:s3:::{name}-access-logs-{ACCOUNT}", {}),
        ("logs:DeleteLogGroup", arn("logs", f"log-group:/aws/eks/{name}/cluster"), {}),
        ("backup:DeleteBackupVault", arn("backup", f"backup-vault:{name}"), {}),
        ("backup:DeleteBackupPlan", arn("backup", "backup-plan:1"), tag),
        ("backup:DeleteRecoveryPoint", f"arn:aws:ec2:{REGION}::snapshot/snap-1", tag),
        ("iam:PutRolePolicy", f"arn:aws:iam::{ACCOUNT}:role/{name}-nodes", bounded),
        ("iam:DeleteRole", f"arn:aws:iam::{ACCOUNT}:role/{name}-nodes", {}),
        ("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/{name}-nodes", {"iam:PassedToService": "eks.amazonaws.com"}),
        (
            "route53:ChangeResourceRecordSets",
            "arn:aws:route53:::hostedzone/Z0123456789ABCDEFGHIJ",
            {"route53:ChangeResourceRecordSetsNormalizedRecordNames": [host]},
        ),
        ("s3:PutObject", f"{state}/stacks/journal/{owner}.json", {}),
        ("s3:PutObject", f"{state}/locks/organization/journal/{owner}/1.json", {}),
        ("kms:Decrypt", arn("kms", "key/2"), stack),
        ("kms:Encrypt", arn("kms", "key/2"), stack),
    ]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_a_deployment_may_change_its_environment(recorded: Recorder, environment: str) -> None:
    refused = [p for p in probes(environment) if not may(recorded, f"deploy-{environment}", *p)]
    assert refused == []


@pytest.mark.parametrize(("own", "other"), PAIRS)
def test_a_deployment_may_not_touch_another_environment(recorded: Recorder, own: str, other: str) -> None:
    reached = [p for p in probes(other) if may(recorded, f"deploy-{own}", *p)]
    assert reached == []


def test_a_deployment_changes_nothing_of_the_stack_shared(recorded: Recorder) -> None:
    for resource in (f"arn:aws:iam::{ACCOUNT}:role/journal-shared-deploy-dev", f"arn:aws:iam::{ACCOUNT}:role/any"):
        assert not may(recorded, "deploy-dev", "iam:PutRolePolicy", resource, {"iam:PermissionsBoundary": BOUNDARY})
    assert not may(recorded, "deploy-dev", "s3:PutObject", f"arn:aws:s3:::{BUCKET}/.pulumi/stacks/journal/shared.json")
    assert may(recorded, "deploy-dev", "s3:GetObject", f"arn:aws:s3:::{BUCKET}/.pulumi/stacks/journal/shared.json")


AWS_MANAGED = {"iam:PolicyARN": "arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy"}
ROLE = f"arn:aws:iam::{ACCOUNT}:role/journal-dev-nodes"


@pytest.mark.parametrize(
    ("action", "context", "expected"),
    [
        ("iam:CreateRole", {"iam:PermissionsBoundary": BOUNDARY}, True),
        ("iam:CreateRole", {}, False),
        ("iam:CreateRole", {"iam:PermissionsBoundary": "arn:aws:iam::aws:policy/AdministratorAccess"}, False),
        ("iam:DeleteRolePermissionsBoundary", {"iam:PermissionsBoundary": BOUNDARY}, False),
        ("iam:PutRolePermissionsBoundary", {"iam:PermissionsBoundary": BOUNDARY}, False),
        ("iam:PassRole", {"iam:PassedToService": "lambda.amazonaws.com"}, False),
        ("iam:AttachRolePolicy", {"iam:PermissionsBoundary": BOUNDARY, **AWS_MANAGED}, True),
        ("iam:AttachRolePolicy", AWS_MANAGED, False),
        ("iam:AttachRolePolicy", {"iam:PermissionsBoundary": BOUNDARY, "iam:PolicyARN": BOUNDARY}, False),
        ("iam:PutRolePolicy", {}, False),
    ],
)
def test_no_role_escapes_the_boundary(recorded: Recorder, action: str, context: Context, expected: bool) -> None:
    assert may(recorded, "deploy-dev", action, ROLE, context) is expected


REQUESTED, OWN = {"aws:RequestTag/Environment": "dev"}, {"aws:ResourceTag/Environment": "dev"}
GROUP, KEY = arn("ec2", "security-group/sg-1"), arn("kms", "key/1")


@pytest.mark.parametrize(
    ("action", "resource", "context", "expected"),
    [
        ("ec2:CreateVpc", arn("ec2", "vpc/new"), REQUESTED, True),
        ("ec2:CreateVpc", arn("ec2", "vpc/new"), {}, False),
        ("ec2:CreateVpc", arn("ec2", "vpc/new"), {"aws:RequestTag/Environment": "prod"}, False),
        ("ec2:CreateTags", arn("ec2", "vpc/new"), {"ec2:CreateAction": "CreateVpc", **REQUESTED}, True),
        ("ec2:CreateTags", GROUP, REQUESTED, True),
        ("ec2:CreateTags", GROUP, {**REQUESTED, "aws:ResourceTag/Name": "eks-cluster-sg-journal-prod-1"}, False),
        ("ec2:CreateTags", GROUP, {**REQUESTED, "aws:ResourceTag/Environment": "prod"}, False),
        ("ec2:CreateTags", arn("ec2", "vpc/other"), REQUESTED, False),
        ("ec2:CreateTags", GROUP, {**OWN, "aws:RequestTag/Environment": "prod"}, False),
        ("ec2:DeleteTags", GROUP, {**OWN, "aws:TagKeys": ["Name"]}, True),
        ("ec2:DeleteTags", GROUP, {**OWN, "aws:TagKeys": ["Name", "Environment"]}, False),
        ("kms:CreateKey", "*", REQUESTED, True),
        ("kms:CreateKey", "*", {}, False),
        ("kms:TagResource", KEY, REQUESTED, True),
        ("kms:TagResource", KEY, {**REQUESTED, **PULUMI_KEY}, False),
        ("kms:TagResource", KEY, {**REQUESTED, "aws:ResourceTag/Environment": "prod"}, False),
        ("kms:UntagResource", KEY, {**OWN, "aws:TagKeys": ["Environment"]}, False),
    ],
)
def test_a_tag_is_set_on_what_is_made_and_never_on_anothers(
    recorded: Recorder, action: str, resource: str, context: Context, expected: bool
) -> None:
    assert may(recorded, "deploy-dev", action, resource, context) is expected
