"""What is kept is encrypted, with keys that change."""

from collections.abc import Iterator

from policy.rules.model import (
    Message,
    Rule,
    Stack,
    StackRule,
    Violation,
    at,
    elements,
    given,
    is_,
    require,
    uncovered,
    unknown_in,
)
from tools.resource import Resource

BUCKET = "aws:s3/bucket:Bucket"
BUCKET_ENCRYPTION = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
CLUSTER, TEMPLATE = "aws:eks/cluster:Cluster", "aws:ec2/launchTemplate:LaunchTemplate"
KEY, LOG_GROUP = "aws:kms/key:Key", "aws:cloudwatch/logGroup:LogGroup"
REPOSITORY, VAULT, VOLUME = "aws:ecr/repository:Repository", "aws:backup/vault:Vault", "aws:ebs/volume:Volume"
STORAGE_CLASS = "kubernetes:storage.k8s.io/v1:StorageClass"
TOPIC, TRAIL = "aws:sns/topic:Topic", "aws:cloudtrail/trail:Trail"
EBS = "ebs.csi.aws.com"


def _key_rotates(r: Resource) -> Iterator[Message]:
    if is_(r.inputs.get("keyUsage", "ENCRYPT_DECRYPT"), "ENCRYPT_DECRYPT"):
        yield from require(r, {"enableKeyRotation": True}, "a key that never changes is broken for good once it leaks")


def _cluster_secrets(r: Resource) -> Iterator[Message]:
    resources = at(r.inputs, "encryptionConfig", "resources")
    if not unknown_in(resources) and resources != ["secrets"]:
        yield 'Secrets in etcd have no key of ours: set encryptionConfig.resources to ["secrets"] and name a KMS key'
    if not given(at(r.inputs, "encryptionConfig", "provider", "keyArn")):
        yield "encryptionConfig names no key: set encryptionConfig.provider.keyArn to a KMS key's ARN"


def _template_volumes(r: Resource) -> Iterator[Message]:
    mappings = elements(r.inputs.get("blockDeviceMappings"))
    if not mappings and not unknown_in(r.inputs.get("blockDeviceMappings")):
        yield "names no volume, so nodes get the plain ones of the image: set blockDeviceMappings with ebs.encrypted"
    for mapping in mappings:
        encrypted = at(mapping, "ebs", "encrypted")
        if not (is_(encrypted, "true") or is_(encrypted, True)):
            yield f"volume {at(mapping, 'deviceName')} is not encrypted: set ebs.encrypted to true"


def _volume(r: Resource) -> Iterator[Message]:
    yield from require(r, {"encrypted": True}, "what is on it can be read from its snapshots")


def _log_group_key(r: Resource) -> Iterator[Message]:
    if not given(r.inputs.get("kmsKeyId")):
        yield "logs have no key of ours: set kmsKeyId to a KMS key's ARN"


def _log_group_retention(r: Resource) -> Iterator[Message]:
    days = r.inputs.get("retentionInDays")
    if not given(days) or days == 0:
        yield "logs are kept for ever: set retentionInDays"


def _repository_key(r: Resource) -> Iterator[Message]:
    configurations = elements(r.inputs.get("encryptionConfigurations"))
    if not unknown_in(r.inputs.get("encryptionConfigurations")) and not any(
        is_(at(c, "encryptionType"), "KMS") and given(at(c, "kmsKey")) for c in configurations
    ):
        yield "images have no key of ours: set encryptionConfigurations to type KMS and name a key"


def _vault_key(r: Resource) -> Iterator[Message]:
    if not given(r.inputs.get("kmsKeyArn")):
        yield "backups have no key of ours: set kmsKeyArn to a KMS key's ARN"


def _topic_key(r: Resource) -> Iterator[Message]:
    if not given(r.inputs.get("kmsMasterKeyId")):
        yield "notices have no key of ours: set kmsMasterKeyId to a KMS key's ARN"


def _trail_key(r: Resource) -> Iterator[Message]:
    if not given(r.inputs.get("kmsKeyId")):
        yield "the record of calls has no key of ours: set kmsKeyId to a KMS key's ARN"


def _storage_class(r: Resource) -> Iterator[Message]:
    if r.inputs.get("provisioner") == EBS:
        yield from require(r, {"parameters.encrypted": "true"}, "volumes of pods hold what users wrote")


def _bucket_default(r: Resource) -> Iterator[Message]:
    defaults = [at(rule, "applyServerSideEncryptionByDefault") for rule in elements(r.inputs.get("rules"))]
    for default in defaults:
        if not any(is_(at(default, "sseAlgorithm"), algorithm) for algorithm in ("AES256", "aws:kms", "aws:kms:dsse")):
            yield f"sseAlgorithm {at(default, 'sseAlgorithm')!r} encrypts nothing: set it to aws:kms, or to AES256"
    if not defaults and not unknown_in(r.inputs.get("rules")):
        yield "has no rule: set applyServerSideEncryptionByDefault.sseAlgorithm"


def _every_bucket(stack: Stack) -> Iterator[Violation]:
    for bucket in uncovered(stack, BUCKET, stack.of(BUCKET_ENCRYPTION), "bucket"):
        yield Violation(bucket, f"says nothing of encryption: declare a {BUCKET_ENCRYPTION} for it")


RULES = [
    Rule(name="key-rotation", description="KMS keys rotate every year.", types=[KEY], check=_key_rotates),
    Rule(
        name="cluster-secrets-encrypted",
        description="Kubernetes Secrets are encrypted with a KMS key of ours.",
        types=[CLUSTER],
        check=_cluster_secrets,
    ),
    Rule(
        name="node-volumes-encrypted",
        description="Volumes of nodes are encrypted.",
        types=[TEMPLATE],
        check=_template_volumes,
    ),
    Rule(name="volumes-encrypted", description="EBS volumes are encrypted.", types=[VOLUME], check=_volume),
    Rule(
        name="logs-encrypted",
        description="Log groups are encrypted with a KMS key of ours.",
        types=[LOG_GROUP],
        check=_log_group_key,
    ),
    Rule(
        name="logs-kept-for-a-time",
        description="Log groups say how long they keep logs.",
        types=[LOG_GROUP],
        check=_log_group_retention,
    ),
    Rule(
        name="images-encrypted",
        description="Image repositories are encrypted with a KMS key of ours.",
        types=[REPOSITORY],
        check=_repository_key,
    ),
    Rule(
        name="backups-encrypted",
        description="Backup vaults are encrypted with a KMS key of ours.",
        types=[VAULT],
        check=_vault_key,
    ),
    Rule(
        name="notices-encrypted",
        description="Topics are encrypted with a KMS key of ours.",
        types=[TOPIC],
        check=_topic_key,
    ),
    Rule(
        name="trail-encrypted",
        description="CloudTrail's files are encrypted with a KMS key of ours.",
        types=[TRAIL],
        check=_trail_key,
    ),
    Rule(
        name="storage-class-encrypted",
        description="EBS volumes that Kubernetes makes are encrypted.",
        types=[STORAGE_CLASS],
        check=_storage_class,
    ),
    Rule(
        name="bucket-encryption",
        description="Buckets encrypt by default.",
        types=[BUCKET_ENCRYPTION],
        check=_bucket_default,
    ),
]

STACK_RULES = [
    StackRule(name="every-bucket-encrypted", description="Every bucket says how it encrypts.", check=_every_bucket),
]
