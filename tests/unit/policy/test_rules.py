"""Each rule speaks when one thing about a good resource is wrong, and then alone of it."""

from dataclasses import replace
from typing import Any

import pytest

from policy.rules import RULES, STACK_RULES
from tests.unit.policy.examples import (
    GITHUB,
    GONE,
    TRUST,
    aws_provider,
    changed,
    document,
    everything,
    good,
    in_stack,
    paths,
    statement,
)
from tests.unit.policy.violations import BY_NAME, violations
from tools.resource import UNKNOWN, Resource

WEB = "spec.template.spec"
CONTAINER = f"{WEB}.containers.0"
SECURITY = f"{CONTAINER}.securityContext"
LOAD_BALANCED = {"type": "LoadBalancer"}
SUBJECT = {"StringEquals": {f"{GITHUB}:aud": "sts.amazonaws.com", f"{GITHUB}:sub": "repo:owner/name:*"}}
ANY_BRANCH = {"StringLike": SUBJECT["StringEquals"]}
NAMES, IDS = "repo:owner/name:environment:prod", "repo:owner@12/name@34:environment:prod"


def taken(*subjects: str) -> str:
    """A trust policy for jobs of these subjects."""
    condition = {"StringEquals": {f"{GITHUB}:aud": "sts.amazonaws.com", f"{GITHUB}:sub": list(subjects)}}
    return document({**TRUST, "Condition": condition})


# rule, what is good, where it is changed, what stands there then
BAD: list[tuple[str, str, str, Any]] = [
    ("api-endpoint-private", "cluster", "vpcConfig.endpointPrivateAccess", False),
    ("api-endpoint-private", "cluster", "vpcConfig.endpointPublicAccess", True),
    ("api-endpoint-private", "cluster", "vpcConfig.endpointPublicAccess", GONE),
    (
        "api-endpoint-private",
        "cluster",
        "vpcConfig",
        {"endpointPrivateAccess": True, "publicAccessCidrs": ["0.0.0.0/0"]},
    ),
    ("open-ports", "ingress rule", "toPort", 65535),
    ("open-ports", "ingress rule", "ipProtocol", "-1"),
    (
        "open-ports",
        "security group",
        "ingress",
        [{"protocol": "tcp", "fromPort": 22, "toPort": 22, "ipv6CidrBlocks": ["::/0"]}],
    ),
    ("no-public-addresses", "subnet", "mapPublicIpOnLaunch", True),
    ("no-public-addresses", "launch template", "networkInterfaces", [{"associatePublicIpAddress": "true"}]),
    ("default-security-group-empty", "default security group", "egress", [{"protocol": "-1"}]),
    ("load-balancer-logs", "load balancer", "accessLogs.enabled", False),
    ("key-rotation", "key", "enableKeyRotation", GONE),
    ("cluster-secrets-encrypted", "cluster", "encryptionConfig", GONE),
    ("cluster-secrets-encrypted", "cluster", "encryptionConfig.provider.keyArn", ""),
    ("node-zones", "node group", "subnetIds", ["subnet-a", "subnet-b"]),
    ("node-volumes-encrypted", "launch template", "blockDeviceMappings.0.ebs.encrypted", "false"),
    ("node-volumes-encrypted", "launch template", "blockDeviceMappings", GONE),
    ("volumes-encrypted", "volume", "encrypted", False),
    ("logs-encrypted", "log group", "kmsKeyId", GONE),
    ("logs-kept-for-a-time", "log group", "retentionInDays", 0),
    ("images-encrypted", "repository", "encryptionConfigurations.0.encryptionType", "AES256"),
    ("backups-encrypted", "vault", "kmsKeyArn", GONE),
    ("notices-encrypted", "topic", "kmsMasterKeyId", GONE),
    ("trail-encrypted", "trail", "kmsKeyId", GONE),
    ("trail-complete", "trail", "isMultiRegionTrail", False),
    ("trail-complete", "trail", "enableLogFileValidation", GONE),
    ("trail-complete", "trail", "includeGlobalServiceEvents", False),
    ("trail-complete", "trail", "enableLogging", False),
    ("detector-on", "detector", "enable", False),
    ("no-public-principal", "topic policy", "policy", document(statement(Principal="*"))),
    ("storage-class-encrypted", "storage class", "parameters.encrypted", "false"),
    ("bucket-encryption", "bucket encryption", "rules", []),
    ("bucket-encryption", "bucket encryption", "rules.0.applyServerSideEncryptionByDefault.sseAlgorithm", "none"),
    ("public-access-blocked", "public access block", "restrictPublicBuckets", False),
    ("no-public-acl", "bucket", "acl", "public-read"),
    ("image-tags-immutable", "repository", "imageTagMutability", "MUTABLE"),
    ("image-tags-immutable", "repository", "imageTagMutabilityExclusionFilters.0.filter", "v*"),
    ("images-scanned", "repository", "imageScanningConfiguration.scanOnPush", False),
    ("backups-end", "backup plan", "rules.0.lifecycle", GONE),
    ("no-forced-delete", "bucket", "forceDestroy", True),
    ("volumes-retained", "storage class", "reclaimPolicy", "Delete"),
    ("no-iam-wildcard", "role policy", "policy", document(statement(Action="s3:Get*"))),
    ("no-iam-wildcard", "role policy", "policy", document(statement(Action=GONE, NotAction="iam:CreateUser"))),
    ("no-iam-wildcard", "key", "policy", document(statement(Action="kms:*", Resource="*"))),
    ("no-write-to-everything", "role policy", "policy", document(statement(Resource="*"))),
    ("no-public-principal", "bucket policy", "policy", document(statement(Principal="*"))),
    ("github-by-environment", "role", "assumeRolePolicy", document({**TRUST, "Condition": SUBJECT})),
    ("github-by-environment", "role", "assumeRolePolicy", document({**TRUST, "Condition": ANY_BRANCH})),
    ("github-by-environment", "role", "assumeRolePolicy", document({**TRUST, "Condition": {}})),
    ("github-by-environment", "role", "assumeRolePolicy", taken(NAMES, IDS)),
    ("github-by-environment", "role", "assumeRolePolicy", taken("repo:owner/*:environment:prod")),
    ("github-by-environment", "role", "assumeRolePolicy", taken("repo:owner@12/*:environment:prod")),
    ("github-by-environment", "role", "assumeRolePolicy", taken("repo:owner@*/name@34:environment:prod")),
    ("github-by-environment", "role", "assumeRolePolicy", taken("repo:owner@12/name@34:environment:*")),
    ("github-by-environment", "role", "assumeRolePolicy", taken("repo:owner@12/name:environment:prod")),
    ("github-by-environment", "role", "assumeRolePolicy", taken("repo:owner/name@34:environment:prod")),
    ("github-by-environment", "role", "assumeRolePolicy", taken("repo:owner@12/name@34:pull_request")),
    ("roles-bounded", "role", "permissionsBoundary", GONE),
    ("no-administrators", "attachment", "policyArn", "arn:aws:iam::aws:policy/AdministratorAccess"),
    ("access-entries", "cluster", "accessConfig.authenticationMode", "API_AND_CONFIG_MAP"),
    ("no-rbac-wildcard", "cluster role", "rules.0.verbs", ["*"]),
    ("no-rbac-wildcard", "cluster role", "rules.0.resources", ["secrets"]),
    ("no-rbac-administrators", "role binding", "roleRef.name", "cluster-admin"),
    ("no-rbac-administrators", "role binding", "subjects.0", {"kind": "Group", "name": "system:authenticated"}),
    ("instance-metadata", "launch template", "metadataOptions.httpTokens", "optional"),
    ("instance-metadata", "launch template", "metadataOptions.httpPutResponseHopLimit", 2),
    ("control-plane-logs", "cluster", "enabledClusterLogTypes", ["api", "audit"]),
    ("deletion-protection", "cluster", "deletionProtection", False),
    ("deletion-protection", "load balancer", "enableDeletionProtection", GONE),
    ("own-add-ons", "cluster", "bootstrapSelfManagedAddons", GONE),
    ("node-repair", "node group", "nodeRepairConfig.enabled", False),
    ("node-template", "node group", "launchTemplate", GONE),
    ("node-template", "node group", "remoteAccess", {"ec2SshKey": "mine"}),
    ("node-tags", "launch template", "tagSpecifications.1.tags.Project", ""),
    ("requests-and-limits", "deployment", f"{CONTAINER}.resources.limits.memory", GONE),
    ("requests-and-limits", "deployment", f"{CONTAINER}.resources", GONE),
    ("no-host-access", "deployment", f"{WEB}.hostNetwork", True),
    ("no-host-access", "deployment", f"{WEB}.hostPID", True),
    ("no-host-access", "deployment", f"{WEB}.volumes.0", {"name": "etc", "hostPath": {"path": "/etc"}}),
    ("no-host-access", "deployment", f"{CONTAINER}.ports.0.hostPort", 80),
    ("no-privileges", "deployment", f"{SECURITY}.privileged", True),
    ("no-privileges", "deployment", f"{SECURITY}.allowPrivilegeEscalation", GONE),
    ("no-privileges", "deployment", f"{SECURITY}.capabilities.add", ["NET_ADMIN"]),
    ("no-privileges", "deployment", f"{SECURITY}.capabilities.drop", ["NET_RAW"]),
    ("non-root", "deployment", f"{WEB}.securityContext.runAsNonRoot", False),
    ("non-root", "deployment", f"{SECURITY}.runAsUser", 0),
    ("read-only-root", "deployment", f"{SECURITY}.readOnlyRootFilesystem", GONE),
    ("seccomp", "deployment", f"{WEB}.securityContext.seccompProfile", {"type": "Unconfined"}),
    (
        "no-secret-in-environment",
        "deployment",
        f"{CONTAINER}.env.0",
        {"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "redis"}}},
    ),
    ("no-secret-in-environment", "deployment", f"{CONTAINER}.envFrom.0", {"secretRef": {"name": "redis"}}),
    ("probes", "deployment", f"{CONTAINER}.livenessProbe", GONE),
    ("own-service-account", "deployment", f"{WEB}.serviceAccountName", "default"),
    ("no-token-by-default", "service account", "automountServiceAccountToken", GONE),
    ("image-pinned", "deployment", f"{CONTAINER}.image", "docker.io/library/traefik"),
    ("image-pinned", "deployment", f"{CONTAINER}.image", "docker.io/library/traefik:latest"),
    ("image-registry", "deployment", f"{CONTAINER}.image", "example.com/traefik:v3.6.12"),
    ("image-registry", "deployment", f"{CONTAINER}.image", "localhost/journal/frontend:v1.0.0"),
    ("chart-pinned", "release", "version", GONE),
    ("chart-pinned", "release", "chart", "oci://example.com/charts/cert-manager"),
    ("namespace-restricted", "namespace", "metadata.labels", {"pod-security.kubernetes.io/enforce": "baseline"}),
    ("no-external-addresses", "service", "spec.externalIPs", ["192.0.2.7"]),
    ("ingress-tls", "ingress", "spec.tls", []),
    ("dns-names-declared", "record", "name", "*.example.com"),
    ("dns-no-overwrite", "record", "allowOverwrite", True),
    ("tags", "vpc", "tags", {"Environment": "dev"}),
    ("one-account", "aws provider", "allowedAccountIds", "[]"),
    # rules about resources together: everything else of the stack is good
    ("open-to-load-balancers-alone", "load balancer", "securityGroups", ["another"]),
    ("vpc-watched", "flow log", "vpcId", "another"),
    ("vpc-watched", "default security group", "vpcId", "another"),
    ("every-bucket-encrypted", "bucket encryption", "bucket", "another"),
    ("every-bucket-private", "public access block", "bucket", "another"),
    ("every-bucket-over-tls", "bucket policy", "bucket", "another"),
    ("claims-retained", "claim", "spec.storageClassName", "gp2"),
    ("claims-retained", "stateful set", "spec.volumeClaimTemplates.0.spec.storageClassName", "gp2"),
    ("claims-retained", "stateful set", "spec.persistentVolumeClaimRetentionPolicy", GONE),
    ("claims-retained", "stateful set", "spec.persistentVolumeClaimRetentionPolicy.whenDeleted", "Delete"),
    ("claims-retained", "stateful set", "spec.persistentVolumeClaimRetentionPolicy.whenScaled", "Delete"),
    ("tokens-granted", "deployment", f"{WEB}.automountServiceAccountToken", True),
    ("default-deny", "network policy", "spec.policyTypes", ["Ingress"]),
    ("default-deny", "network policy", "spec.podSelector", {"matchLabels": {"app": "web"}}),
    ("default-deny", "network policy", "spec.egress", [{}]),
    ("quota", "quota", "metadata.namespace", "another"),
    ("no-load-balancer-by-controller", "service", "spec", LOAD_BALANCED),
    (
        "no-load-balancer-by-controller",
        "service",
        "spec",
        {**LOAD_BALANCED, "loadBalancerClass": "service.k8s.aws/nlb"},
    ),
]


# rule, resources that no input alone makes bad
OTHERWISE_BAD: list[tuple[str, list[Resource]]] = [
    ("no-public-repository", [replace(good("repository"), type="aws:ecrpublic/repository:Repository")]),
    ("data-protected", [replace(good("vault"), protect=False)]),
    ("namespace-of-volumes-protected", [good("claim"), replace(good("namespace"), protect=False)]),
    ("namespace-of-volumes-protected", [good("stateful set"), replace(good("namespace"), protect=False)]),
    ("no-long-lived-credentials", [replace(good("role"), type="aws:iam/accessKey:AccessKey")]),
    ("explicit-provider", [replace(good("deployment"), provider=None)]),
    ("explicit-provider", [replace(good("vpc"), provider=aws_provider("default_7_51_1"))]),
    ("tags", [replace(good("vpc"), provider=aws_provider("aws"))]),
]


@pytest.mark.parametrize("rule", [*RULES, *STACK_RULES], ids=lambda rule: rule.name)
def test_what_is_good_breaks_no_rule(rule: Any) -> None:
    assert violations(rule, everything()) == []


@pytest.mark.parametrize(("rule", "name", "path", "value"), BAD)
def test_a_rule_speaks(rule: str, name: str, path: str, value: Any) -> None:
    bad = changed(good(name), path, value)
    messages = violations(BY_NAME[rule], [bad if r.name == name else r for r in everything()])
    assert messages
    assert all(": " in message.partition(": ")[2] for message in messages), "what is wrong, then what to do"


@pytest.mark.parametrize(("rule", "resources"), OTHERWISE_BAD)
def test_a_rule_speaks_of_more_than_inputs(rule: str, resources: list[Resource]) -> None:
    assert len(violations(BY_NAME[rule], resources)) == 1


@pytest.mark.parametrize("subject", [NAMES, IDS])
def test_a_role_for_workflows_takes_either_form_of_subject(subject: str) -> None:
    role = changed(good("role"), "assumeRolePolicy", taken(subject))
    assert violations(BY_NAME["github-by-environment"], [role]) == []


def test_every_rule_has_a_bad_example() -> None:
    assert {rule for rule, *_ in [*BAD, *OTHERWISE_BAD]} == set(BY_NAME)


@pytest.mark.parametrize("resource", everything(), ids=lambda resource: resource.name)
def test_what_a_preview_cannot_know_breaks_no_rule(resource: Resource) -> None:
    """Pulumi asks again when the value is there."""
    places = list(paths(resource.inputs))
    assert places
    for path in places:
        unknown = changed(resource, path, UNKNOWN)
        stack = [unknown if r.name == resource.name else r for r in everything()]
        assert [message for rule in BY_NAME.values() for message in violations(rule, stack)] == [], path


def test_what_production_needs_is_not_asked_of_dev() -> None:
    bad = [in_stack(changed(good("cluster"), "deletionProtection", False), "dev")]
    assert violations(BY_NAME["deletion-protection"], bad) == []
    assert violations(BY_NAME["data-protected"], [replace(in_stack(good("key"), "dev"), protect=False)]) == []


def test_outside_aws_the_cluster_decides_what_becomes_of_a_claim() -> None:
    bad = changed(good("claim"), "spec.storageClassName", "local-path")
    assert violations(BY_NAME["claims-retained"], [in_stack(bad, "local")]) == []
    assert violations(BY_NAME["namespace-of-volumes-protected"], [in_stack(good("claim"), "local")]) == []


def test_what_is_built_here_runs_in_local_alone() -> None:
    built = changed(good("deployment"), f"{CONTAINER}.image", "localhost/journal/frontend:v1.0.0")
    assert violations(BY_NAME["image-registry"], [in_stack(built, "local")]) == []


def test_where_no_aws_is_a_controller_may_make_a_load_balancer() -> None:
    assert (
        violations(BY_NAME["no-load-balancer-by-controller"], [changed(good("service"), "spec", LOAD_BALANCED)]) == []
    )
