"""Who may do what: IAM's policies and trust, the cluster's access, Kubernetes' roles."""

import re
from collections.abc import Iterator

from policy.rules.documents import Statement, statements
from policy.rules.model import ACCOUNT_WIDE, Message, Rule, at, elements, given, is_, require
from tools.resource import Resource

ROLE = "aws:iam/role:Role"
POLICIES = {
    # type: the inputs that hold a document about resources other than the one it is attached to
    "aws:iam/policy:Policy": "policy",
    "aws:iam/rolePolicy:RolePolicy": "policy",
}
RESOURCE_POLICIES = {
    "aws:kms/key:Key": "policy",
    "aws:s3/bucketPolicy:BucketPolicy": "policy",
    "aws:ecr/repositoryPolicy:RepositoryPolicy": "policy",
    "aws:backup/vaultPolicy:VaultPolicy": "policy",
    "aws:ec2/vpcEndpoint:VpcEndpoint": "policy",
    "aws:sns/topicPolicy:TopicPolicy": "policy",
    ROLE: "assumeRolePolicy",
}
USERS = ["aws:iam/user:User", "aws:iam/accessKey:AccessKey", "aws:iam/userPolicy:UserPolicy", "aws:iam/group:Group"]
ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
TOO_MUCH = ("AdministratorAccess", "PowerUserAccess", "IAMFullAccess")
CLUSTER = "aws:eks/cluster:Cluster"
KUBERNETES_ROLES = [
    "kubernetes:rbac.authorization.k8s.io/v1:Role",
    "kubernetes:rbac.authorization.k8s.io/v1:ClusterRole",
]
BINDINGS = [
    "kubernetes:rbac.authorization.k8s.io/v1:RoleBinding",
    "kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding",
]
READS = re.compile(r"(Describe|Get|List|View|Lookup|Search|Simulate|BatchGet|BatchCheck)\w*$")
GITHUB = "token.actions.githubusercontent.com"
SUBJECT = re.compile(r"repo:(?:[\w.-]+@\d+/[\w.-]+@\d+|[\w.-]+/[\w.-]+):environment:[\w-]+")
"""With the ids of owner and repository, or by names as repositories from before 2026-07-15 send it (GitHub docs,
OpenID Connect reference)."""


def _known(r: Resource) -> list[Statement]:
    name = {**POLICIES, **RESOURCE_POLICIES}[r.type]
    found = statements(r.inputs.get(name))
    inline = [s for p in elements(r.inputs.get("inlinePolicies")) for s in statements(at(p, "policy")) or []]
    return [*(found or []), *inline]


def _no_wildcards(r: Resource) -> Iterator[Message]:
    for s in _known(r):
        if s.effect != "Allow":
            continue
        for action in (a for a in s.actions if "*" in a):
            yield f"allows {action}: name each action"
        for name in s.negated:
            yield f"allows all but what {name} names: name what is allowed"


def _resources(r: Resource) -> Iterator[Message]:
    for s in _known(r):
        writes = sorted(a for a in s.actions if not READS.match(a.partition(":")[2]))
        if s.effect == "Allow" and "*" in s.resources and writes and not s.conditions:
            yield f"allows {', '.join(writes)} on everything: name resources, or set a condition"


def _principals(r: Resource) -> Iterator[Message]:
    for s in _known(r):
        anybody = [name for names in s.principals.values() for name in names if name == "*"]
        if s.effect == "Allow" and anybody and not s.conditions:
            yield "lets anybody in (Principal *): name principals, or set a condition"


def _trusts_an_environment(r: Resource) -> Iterator[Message]:
    for s in statements(r.inputs.get("assumeRolePolicy")) or []:
        if not any(GITHUB in name for name in s.principals.get("Federated", [])):
            continue
        exact = s.conditions.get("StringEquals", {})
        if list(exact.get(f"{GITHUB}:aud", [])) != ["sts.amazonaws.com"]:
            yield f"takes tokens meant for others: set StringEquals {GITHUB}:aud to sts.amazonaws.com"
        subjects = exact.get(f"{GITHUB}:sub", [])
        if len(subjects) != 1 or not SUBJECT.fullmatch(str(subjects[0])):
            yield (
                f"is taken by more than one environment's workflows: set StringEquals {GITHUB}:sub to one "
                "repo:OWNER@ID/NAME@ID:environment:NAME, or to the form without ids if the repository sends it"
            )


def _boundary(r: Resource) -> Iterator[Message]:
    if r.stack != ACCOUNT_WIDE and not given(r.inputs.get("permissionsBoundary")):
        yield "has no limit: set permissionsBoundary to the boundary of stack shared"


def _no_users(r: Resource) -> Iterator[Message]:
    yield f"{r.kind}: credentials that do not end; let people and CI take roles"


def _no_administrators(r: Resource) -> Iterator[Message]:
    name = str(r.inputs.get("policyArn")).rpartition("/")[2]
    if name in TOO_MUCH:
        yield f"attaches {name}: write a policy with the few actions that are needed"


def _access_entries(r: Resource) -> Iterator[Message]:
    wanted = {
        "accessConfig.authenticationMode": "API",
        "accessConfig.bootstrapClusterCreatorAdminPermissions": False,
    }
    yield from require(r, wanted, "access is by access entries that the stack declares")


def _kubernetes_role(r: Resource) -> Iterator[Message]:
    for rule in elements(r.inputs.get("rules")):
        for part in ("verbs", "resources", "apiGroups"):
            if "*" in elements(at(rule, part)):
                yield f"{part} is *: name each"
        everywhere = r.kind == "ClusterRole" and not elements(at(rule, "resourceNames"))
        if everywhere and "secrets" in elements(at(rule, "resources")):
            yield "reads the Secrets of every namespace: grant it by a Role in the one that is needed"


def _kubernetes_binding(r: Resource) -> Iterator[Message]:
    role = at(r.inputs, "roleRef", "name")
    if role in ("cluster-admin", "admin", "edit"):
        yield f"binds {role}: write a role with the few verbs that are needed"
    for subject in elements(r.inputs.get("subjects")):
        if is_(at(subject, "kind"), "Group") and str(at(subject, "name")).startswith("system:"):
            yield f"binds everybody in {at(subject, 'name')}: name a service account, or a group of ours"


RULES = [
    Rule(
        name="no-iam-wildcard",
        description="IAM policies name each action that they allow.",
        types=[*POLICIES, *RESOURCE_POLICIES],
        check=_no_wildcards,
    ),
    Rule(
        name="no-write-to-everything",
        description="What changes something is allowed on named resources.",
        types=[*POLICIES],
        check=_resources,
    ),
    Rule(
        name="no-public-principal",
        description="No policy of a resource lets anybody in.",
        types=[*RESOURCE_POLICIES],
        check=_principals,
    ),
    Rule(
        name="github-by-environment",
        description="A role that GitHub's workflows take is for one environment of one repository.",
        types=[ROLE],
        check=_trusts_an_environment,
    ),
    Rule(
        name="roles-bounded",
        description="Roles of an environment carry the account's permissions boundary.",
        types=[ROLE],
        check=_boundary,
    ),
    Rule(name="no-long-lived-credentials", description="Nobody has access keys.", types=USERS, check=_no_users),
    Rule(
        name="no-administrators",
        description="No role carries AWS's policies for administrators.",
        types=[ATTACHMENT],
        check=_no_administrators,
    ),
    Rule(
        name="access-entries",
        description="Access to a cluster is by access entries alone.",
        types=[CLUSTER],
        check=_access_entries,
    ),
    Rule(
        name="no-rbac-wildcard",
        description="Kubernetes roles name verbs and resources; Secrets are granted by namespace.",
        types=KUBERNETES_ROLES,
        check=_kubernetes_role,
    ),
    Rule(
        name="no-rbac-administrators",
        description="Nobody is bound to a role that may do everything.",
        types=BINDINGS,
        check=_kubernetes_binding,
    ),
]
