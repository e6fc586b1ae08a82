"""Each resource of each stack: whether the roles that deploy, preview and refresh it may make the provider's calls.

An administrator deploys stack `shared` (docs/aws.md), so of its resources only the reads are judged, by the roles that
preview it and look for drift. The roles of GitHub have no boundary; those that they make have one, and test_boundary.py
judges them.
"""

from collections.abc import Callable

import pytest

from tests.conftest import Recording
from tests.unit.components.aws.identity.authorization_reference import action as reference
from tests.unit.components.aws.identity.calls import ACCOUNT, PHASES, Call, Calls, table
from tests.unit.components.aws.identity.iam_evaluator import allowed, allowed_with_key

ENVIRONMENTS = ["dev", "staging", "prod"]
STACKS = ["shared", *ENVIRONMENTS]


def readers(shared: Recording) -> list[str]:
    """The roles that read and do not deploy."""
    (read,) = [r.id for r in shared.of_type("aws:iam/policy:Policy") if r.name == "read"]
    attachments = shared.of_type("aws:iam/rolePolicyAttachment:RolePolicyAttachment")
    roles = sorted({r["role"].removeprefix("journal-shared-") for r in attachments if r["policyArn"] == read})
    return [role for role in roles if not role.startswith("deploy-")]


def policies(shared: Recording, role: str) -> list[str]:
    """The documents of a role of stack `shared`, inline and attached."""
    name = f"journal-shared-{role}"
    by_arn = {str(r.id): r["policy"] for r in shared.of_type("aws:iam/policy:Policy")}
    attachments = shared.of_type("aws:iam/rolePolicyAttachment:RolePolicyAttachment")
    attached = [by_arn[r["policyArn"]] for r in attachments if r["role"] == name]
    inline = [r["policy"] for r in shared.of_type("aws:iam/rolePolicy:RolePolicy") if r["role"] == name]
    assert len(inline) == 1
    assert attached
    return [*inline, *attached]


def arn_of(role: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:role/journal-shared-{role}"


def refused(role: str, documents: list[str], calls: list[Call]) -> list[str]:
    def may(call: Call) -> bool:
        if call.key_policy is not None:
            return allowed_with_key(arn_of(role), documents, call.key_policy, call.action, call.arn, call.context)
        return allowed(documents, call.action, call.arn, call.context)

    assert calls
    return [str(call) for call in calls if not may(call)]


@pytest.mark.parametrize("stack", STACKS)
def test_every_type_has_an_entry(stack: str, recorded: Callable[[str], Recording]) -> None:
    types = {r.type for r in recorded(stack).registrations if r.type.startswith("aws:")}
    assert types
    needed = dict.fromkeys(types, PHASES if stack != "shared" else ("read",))
    missing = [
        f"{type_}: write what the provider calls, and its source, into calls/; see calls/README.md"
        for type_, phases in sorted(needed.items())
        if not {"source", *phases} <= set(table().get(type_, {}))
    ]
    assert missing == []


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_a_deployment_may_do_all_to_every_resource(
    environment: str, phase: str, recorded: Callable[[str], Recording]
) -> None:
    role = f"deploy-{environment}"
    calls = Calls(environment, recorded(environment), arn_of(role))
    asked = [call for resource in calls.resources for call in calls.of(resource, phase)]
    assert refused(role, policies(recorded("shared"), role), asked) == []


@pytest.mark.parametrize("stack", STACKS)
def test_previews_and_the_search_for_drift_read_every_resource(
    stack: str, recorded: Callable[[str], Recording]
) -> None:
    shared = recorded("shared")
    roles = readers(shared)
    assert roles
    for role in roles:
        calls = Calls(stack, recorded(stack), arn_of(role))
        asked = [call for resource in calls.resources for call in calls.of(resource, "read")]
        assert refused(role, policies(shared, role), asked) == [], role


@pytest.mark.parametrize("stack", STACKS)
def test_the_table_asks_for_resources_as_iam_does(stack: str, recorded: Callable[[str], Recording]) -> None:
    """An action is asked for an ARN of a kind that it takes, or for `*` where it takes none."""
    calls = Calls(stack, recorded(stack), arn_of("any"))
    phases = PHASES if stack != "shared" else ("read",)
    asked = {(c.action, c.arn) for r in calls.resources for phase in phases for c in calls.of(r, phase)}
    assert asked
    wrong = []
    for name, arn in sorted(asked):
        action = reference(name)
        if action is None:
            wrong.append(f"{name}: there is no such action")
        elif arn == "*" and any(kind.required for kind in action.kinds):
            wrong.append(f"{name}: takes {', '.join(kind.name for kind in action.kinds)}, not *")
        elif arn != "*" and not action.kinds_of(arn):
            wrong.append(f"{name}: takes {', '.join(kind.name for kind in action.kinds) or '*'}, not {arn}")
    assert wrong == []


ONE_OF = ("listener/app", "listener/gwy", "listener/net")
"""Kinds of which the reference requires each, and a request names one."""


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_table_leaves_out_no_resource_that_an_action_needs(
    environment: str, recorded: Callable[[str], Recording]
) -> None:
    calls = Calls(environment, recorded(environment), arn_of("any"))
    named: dict[tuple[str, str, str], set[str]] = {}
    for resource in calls.resources:
        for phase in PHASES:
            for call in calls.of(resource, phase):
                if (action := reference(call.action)) is not None:
                    kinds = {kind.name for kind in action.kinds_of(call.arn)}
                    named.setdefault((resource.label, phase, call.action), set()).update(kinds)
    assert named
    missing = {
        where: needed
        for where, kinds in named.items()
        if (action := reference(where[2])) is not None
        and (needed := {kind.name for kind in action.kinds if kind.required} - kinds - {*ONE_OF})
    }
    assert missing == {}


ANYBODYS = {
    "backup-storage:MountCapsule": "the storage of AWS Backup, once per account",
    "iam:CreateServiceLinkedRole": "a role of AWS, once per account",
    "ec2:RunInstances": "images, and instances with their parts, which need a subnet and a security group to start",
}
"""What a deployment may call on behalf of another environment, and why that reaches nothing of it."""
SHARED_PARTS = ("image/", "instance/", "network-interface/", "volume/")


@pytest.mark.parametrize(("own", "other"), [(a, b) for a in ENVIRONMENTS for b in ENVIRONMENTS if a != b])
def test_a_deployment_changes_no_resource_of_another_environment(
    own: str, other: str, recorded: Callable[[str], Recording]
) -> None:
    role = f"deploy-{own}"
    calls = Calls(other, recorded(other), arn_of(role))
    writing = [
        call
        for resource in calls.resources
        for phase in PHASES
        for call in calls.of(resource, phase)
        if not call.action.partition(":")[2].startswith(("Get", "List", "Describe"))
    ]
    documents = policies(recorded("shared"), role)
    kept = set(refused(role, documents, writing))
    reached = [c for c in writing if str(c) not in kept and c.action not in ANYBODYS]
    assert [str(c) for c in reached] == []
    started = [c.arn.split(":", 5)[-1] for c in writing if c.action == "ec2:RunInstances" and str(c) not in kept]
    assert [resource for resource in started if not resource.startswith(SHARED_PARTS)] == []


@pytest.mark.parametrize("tags", [{}, {"aws:ResourceTag/Environment": "dev"}])
def test_a_key_without_tags_yet_cannot_be_taken_by_another_environment(
    tags: dict[str, str], recorded: Callable[[str], Recording]
) -> None:
    """Its policy keeps other deployments away, also where a tag says that it is theirs."""
    keys = recorded("prod").of_type("aws:kms/key:Key")
    documents, key = policies(recorded("shared"), "deploy-dev"), f"arn:aws:kms:eu-central-1:{ACCOUNT}:key/1"
    context = {"aws:PrincipalArn": arn_of("deploy-dev"), "aws:RequestTag/Environment": "dev", **tags}
    tried = ["kms:TagResource", "kms:PutKeyPolicy", "kms:ScheduleKeyDeletion", "kms:CreateGrant", "kms:Decrypt"]
    assert keys
    for policy in (r["policy"] for r in keys):
        assert not [a for a in tried if allowed_with_key(arn_of("deploy-dev"), documents, policy, a, key, context)]
    assert allowed(documents, "kms:TagResource", key, context)  # so it is the key's policy that refuses


def test_the_key_of_stack_shared_is_no_deployments(recorded: Callable[[str], Recording]) -> None:
    policy = recorded("shared").one("aws:kms/key:Key")["policy"]
    documents, key = policies(recorded("shared"), "deploy-prod"), f"arn:aws:kms:eu-central-1:{ACCOUNT}:key/1"
    context = {"aws:PrincipalArn": arn_of("deploy-prod"), "aws:RequestTag/Environment": "prod"}
    assert not allowed_with_key(arn_of("deploy-prod"), documents, policy, "kms:TagResource", key, context)


def test_the_roles_that_deploy_are_those_that_keys_keep_away(recorded: Callable[[str], Recording]) -> None:
    assert recorded("shared").outputs["deploy_role_arns"] == {e: arn_of(f"deploy-{e}") for e in ENVIRONMENTS}


LEFT = [
    ("ec2:DeleteNetworkInterface", "network-interface/eni-1", "cluster.k8s.amazonaws.com/name", "journal-dev", True),
    ("ec2:DeleteNetworkInterface", "network-interface/eni-1", "cluster.k8s.amazonaws.com/name", "journal-prod", False),
    ("ec2:DeleteNetworkInterface", "network-interface/eni-1", "Name", "any", False),
    ("ec2:DeleteSecurityGroup", "security-group/sg-1", "kubernetes.io/cluster/journal-dev", "owned", True),
    ("ec2:DeleteSecurityGroup", "security-group/sg-1", "kubernetes.io/cluster/journal-dev", "shared", False),
    ("ec2:DeleteSecurityGroup", "security-group/sg-1", "kubernetes.io/cluster/journal-prod", "owned", False),
]


@pytest.mark.parametrize(("action", "resource", "tag", "value", "expected"), LEFT)
def test_what_a_cluster_left_behind_is_deleted_by_its_own_deployment(
    action: str, resource: str, tag: str, value: str, expected: bool, recorded: Callable[[str], Recording]
) -> None:
    documents = policies(recorded("shared"), "deploy-dev")
    context = {f"aws:ResourceTag/{tag}": value}
    assert allowed(documents, action, f"arn:aws:ec2:eu-central-1:{ACCOUNT}:{resource}", context) is expected


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("eks:DescribeCluster", "eks:{here}:cluster/journal-{environment}"),
        ("logs:DeleteLogGroup", "logs:{here}:log-group:/aws/eks/journal-{environment}/cluster"),
        ("logs:DeleteLogGroup", "logs:{here}:log-group:/aws/eks/journal-{environment}/cluster:*"),
        ("backup:ListRecoveryPointsByBackupVault", "backup:{here}:backup-vault:journal-{environment}"),
        ("eks:UpdateNodegroupVersion", "eks:{here}:nodegroup/journal-{environment}/apps-a/fff01107-7941"),
        (
            "ssm:GetParameter",
            "ssm:eu-central-1::parameter/aws/service/bottlerocket/aws-k8s-1.36/x86_64/latest/image_version",
        ),
    ],
)
@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_workflows_and_runbooks_may_clean_up_with_the_role_that_deploys(
    environment: str, action: str, resource: str, recorded: Callable[[str], Recording]
) -> None:
    documents = policies(recorded("shared"), f"deploy-{environment}")
    arn = "arn:aws:" + resource.format(here=f"eu-central-1:{ACCOUNT}", environment=environment)
    assert allowed(documents, action, arn)


@pytest.mark.parametrize(
    "action",
    [
        "autoscaling:DescribeAutoScalingGroups",
        "autoscaling:DescribeTags",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSecurityGroups",
        "logs:DescribeLogGroups",
    ],
)
def test_every_role_that_runs_the_program_may_look_up_what_it_needs(
    action: str, recorded: Callable[[str], Recording]
) -> None:
    shared = recorded("shared")
    roles = [*readers(shared), *(f"deploy-{environment}" for environment in ENVIRONMENTS)]
    assert [role for role in roles if not allowed(policies(shared, role), action, "*")] == []
