"""Buckets, image repositories and backups: who reads them, and what is kept."""

from collections.abc import Iterator

from policy.rules.documents import statements
from policy.rules.model import (
    ACCOUNT_WIDE,
    PRODUCTION,
    Message,
    Rule,
    Stack,
    StackRule,
    Violation,
    at,
    elements,
    given,
    require,
    uncovered,
)
from tools.resource import UNKNOWN, Resource

BUCKET, BUCKET_POLICY = "aws:s3/bucket:Bucket", "aws:s3/bucketPolicy:BucketPolicy"
PUBLIC_ACCESS_BLOCK = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
ACLS = ("aws:s3/bucketAcl:BucketAcl", "aws:s3/bucketAclV2:BucketAclV2", BUCKET)
REPOSITORY, PUBLIC_REPOSITORY = "aws:ecr/repository:Repository", "aws:ecrpublic/repository:Repository"
VAULT, PLAN, KEY, ZONE = "aws:backup/vault:Vault", "aws:backup/plan:Plan", "aws:kms/key:Key", "aws:route53/zone:Zone"
MARKS = "deployed-"
"""What tags begin with that name what a stack runs, and by which no stack runs anything."""
STORAGE_CLASS = "kubernetes:storage.k8s.io/v1:StorageClass"
HOLDS_DATA = (VAULT, KEY, REPOSITORY, ZONE)


def _public_access(r: Resource) -> Iterator[Message]:
    names = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
    yield from require(r, dict.fromkeys(names, True), "the bucket may become public")


def _acl(r: Resource) -> Iterator[Message]:
    acl = r.inputs.get("acl")
    if isinstance(acl, str) and (acl.startswith("public") or acl == "authenticated-read"):
        yield f"acl {acl} lets anybody in: leave it out, and grant by a policy"


def _every_bucket_private(stack: Stack) -> Iterator[Violation]:
    for bucket in uncovered(stack, BUCKET, stack.of(PUBLIC_ACCESS_BLOCK), "bucket"):
        yield Violation(bucket, f"may become public: declare a {PUBLIC_ACCESS_BLOCK} for it")


def _every_bucket_over_tls(stack: Stack) -> Iterator[Violation]:
    for bucket in uncovered(stack, BUCKET, filter(_denies_plain, stack.of(BUCKET_POLICY)), "bucket"):
        yield Violation(bucket, "answers without TLS: declare a BucketPolicy that denies aws:SecureTransport false")


def _denies_plain(r: Resource) -> bool:
    found = statements(r.inputs.get("policy"))
    return found is None or any(
        s.effect == "Deny" and str(at(s.conditions, "Bool", "aws:SecureTransport", 0)).lower() == "false" for s in found
    )


def _repository(r: Resource) -> Iterator[Message]:
    if r.inputs.get("imageTagMutability") != "IMMUTABLE_WITH_EXCLUSION":
        yield from require(r, {"imageTagMutability": "IMMUTABLE"}, "a tag that moves runs something else tomorrow")
    for excluded in elements(r.inputs.get("imageTagMutabilityExclusionFilters")):
        pattern = at(excluded, "filter")
        if pattern is not UNKNOWN and not str(pattern).startswith(MARKS):
            yield f"tags {pattern} may move, and may be what a stack runs by: exclude {MARKS}* alone"


def _scan(r: Resource) -> Iterator[Message]:
    why = "images with known holes go unseen"
    yield from require(r, {"imageScanningConfiguration.scanOnPush": True}, why)


def _public_repository(r: Resource) -> Iterator[Message]:
    yield "publishes images to the world: declare aws.ecr.Repository"


def _plan_ends(r: Resource) -> Iterator[Message]:
    for rule in elements(r.inputs.get("rules")):
        if not given(at(rule, "lifecycle", "deleteAfter")):
            yield f"rule {at(rule, 'ruleName')} keeps backups for ever: set lifecycle.deleteAfter"


def _kept(r: Resource) -> Iterator[Message]:
    if r.stack in (PRODUCTION, ACCOUNT_WIDE) and not r.protect:
        yield "holds data that nobody can make again, and may be deleted by mistake: set the option protect=True"


def _no_force(r: Resource) -> Iterator[Message]:
    if r.stack in (PRODUCTION, ACCOUNT_WIDE):
        for name in ("forceDestroy", "forceDelete"):
            if r.inputs.get(name) is True:
                yield f"{name} deletes what it holds with it: leave it out"


def _retained(r: Resource) -> Iterator[Message]:
    yield from require(r, {"reclaimPolicy": "Retain"}, "a claim that is deleted takes its data with it")


RULES = [
    Rule(
        name="public-access-blocked",
        description="S3 refuses to make a bucket public.",
        types=[PUBLIC_ACCESS_BLOCK],
        check=_public_access,
    ),
    Rule(name="no-public-acl", description="No bucket is readable by anybody.", types=ACLS, check=_acl),
    Rule(
        name="image-tags-immutable",
        description="A tag names one image for ever.",
        types=[REPOSITORY],
        check=_repository,
    ),
    Rule(name="images-scanned", description="Images are scanned when pushed.", types=[REPOSITORY], check=_scan),
    Rule(
        name="no-public-repository",
        description="Images are not published.",
        types=[PUBLIC_REPOSITORY],
        check=_public_repository,
    ),
    Rule(name="backups-end", description="Backups are kept for a time that is set.", types=[PLAN], check=_plan_ends),
    Rule(
        name="data-protected",
        description="In production, Pulumi refuses to delete what holds data.",
        types=HOLDS_DATA,
        check=_kept,
    ),
    Rule(
        name="no-forced-delete",
        description="In production, what is not empty is not deleted.",
        types=[BUCKET, *HOLDS_DATA],
        check=_no_force,
    ),
    Rule(
        name="volumes-retained",
        description="Volumes outlive their claims.",
        types=[STORAGE_CLASS],
        check=_retained,
    ),
]

STACK_RULES = [
    StackRule(
        name="every-bucket-private",
        description="Every bucket blocks public access.",
        check=_every_bucket_private,
    ),
    StackRule(
        name="every-bucket-over-tls",
        description="Every bucket refuses requests without TLS.",
        check=_every_bucket_over_tls,
    ),
]
