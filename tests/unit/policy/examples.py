"""Resources that break no rule, each by a short name; tests change one thing about them."""

import copy
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from tools.resource import Resource

GONE = object()
KEY = "arn:aws:kms:eu-central-1:111122223333:key/0e0f"
TAGS = {"Project": "journal", "Environment": "prod", "ManagedBy": "pulumi"}
GITHUB = "token.actions.githubusercontent.com"


def resource(type_: str, name: str, inputs: dict[str, Any], provider: Resource | None = None) -> Resource:
    """A resource of production that nobody can delete by mistake."""
    urn = f"urn:pulumi:prod::journal::{type_}::{name}"
    return Resource(urn, type_, name, inputs, id=f"id of {name}", provider=provider, protect=True)


def aws_provider(name: str, **inputs: Any) -> Resource:
    return resource("pulumi:providers:aws", name, inputs)


AWS = aws_provider("aws", region="eu-central-1", defaultTags=json.dumps({"tags": TAGS}))
KUBERNETES = resource("pulumi:providers:kubernetes", "cluster", {})


def statement(**changes: Any) -> dict[str, Any]:
    """A statement of an IAM policy that allows one thing."""
    own = {"Effect": "Allow", "Action": ["s3:PutObject"], "Resource": ["arn:aws:s3:::journal/*"]}
    return {k: v for k, v in {**own, **changes}.items() if v is not GONE}


def document(*statements: Mapping[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


TRUST = {
    "Effect": "Allow",
    "Action": ["sts:AssumeRoleWithWebIdentity"],
    "Principal": {"Federated": [f"arn:aws:iam::111122223333:oidc-provider/{GITHUB}"]},
    "Condition": {
        "StringEquals": {f"{GITHUB}:aud": ["sts.amazonaws.com"], f"{GITHUB}:sub": ["repo:o@1/n@2:environment:prod"]}
    },
}
POD = {
    "serviceAccountName": "web",
    "automountServiceAccountToken": False,
    "securityContext": {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
    "volumes": [{"name": "tmp", "emptyDir": {}}],
    "containers": [
        {
            "name": "web",
            "image": "docker.io/library/traefik:v3.6.12",
            "ports": [{"containerPort": 8080}],
            "env": [{"name": "LEVEL", "value": "info"}],
            "envFrom": [{"configMapRef": {"name": "web"}}],
            "resources": {"requests": {"cpu": "1m", "memory": "1Mi"}, "limits": {"cpu": "1", "memory": "1Gi"}},
            "securityContext": {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            },
            "readinessProbe": {"httpGet": {"path": "/readyz"}},
            "livenessProbe": {"httpGet": {"path": "/livez"}},
        }
    ],
}
IN_WEB = {"name": "web", "namespace": "web"}
_INPUTS: dict[str, tuple[str, dict[str, Any]]] = {
    "cluster": (
        "aws:eks/cluster:Cluster",
        {
            "vpcConfig": {"endpointPrivateAccess": True, "endpointPublicAccess": False},
            "encryptionConfig": {"resources": ["secrets"], "provider": {"keyArn": KEY}},
            "accessConfig": {"authenticationMode": "API", "bootstrapClusterCreatorAdminPermissions": False},
            "enabledClusterLogTypes": ["api", "audit", "authenticator", "controllerManager", "scheduler"],
            "deletionProtection": True,
            "bootstrapSelfManagedAddons": False,
        },
    ),
    "node group": (
        "aws:eks/nodeGroup:NodeGroup",
        {
            "nodeRepairConfig": {"enabled": True},
            "launchTemplate": {"id": "lt-1", "version": "1"},
            "subnetIds": ["subnet-a"],
            "taints": [],
        },
    ),
    "launch template": (
        "aws:ec2/launchTemplate:LaunchTemplate",
        {
            "metadataOptions": {"httpTokens": "required", "httpPutResponseHopLimit": 1, "httpEndpoint": "enabled"},
            "blockDeviceMappings": [{"deviceName": "/dev/xvda", "ebs": {"encrypted": "true", "kmsKeyId": KEY}}],
            "tagSpecifications": [{"resourceType": what, "tags": TAGS} for what in ("instance", "volume")],
        },
    ),
    "vpc": ("aws:ec2/vpc:Vpc", {"cidrBlock": "10.0.0.0/16"}),
    "flow log": ("aws:ec2/flowLog:FlowLog", {"vpcId": "id of vpc"}),
    "default security group": ("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup", {"vpcId": "id of vpc"}),
    "subnet": ("aws:ec2/subnet:Subnet", {"vpcId": "id of vpc", "mapPublicIpOnLaunch": False}),
    "security group": ("aws:ec2/securityGroup:SecurityGroup", {"vpcId": "id of vpc"}),
    "ingress rule": (
        "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
        {
            "securityGroupId": "id of security group",
            "ipProtocol": "tcp",
            "cidrIpv4": "0.0.0.0/0",
            "fromPort": 443,
            "toPort": 443,
        },
    ),
    "load balancer": (
        "aws:lb/loadBalancer:LoadBalancer",
        {
            "securityGroups": ["id of security group"],
            "accessLogs": {"enabled": True, "bucket": "logs"},
            "enableDeletionProtection": True,
        },
    ),
    "key": ("aws:kms/key:Key", {"enableKeyRotation": True, "policy": document(statement(Resource=["*"]))}),
    "log group": ("aws:cloudwatch/logGroup:LogGroup", {"kmsKeyId": KEY, "retentionInDays": 90}),
    "volume": ("aws:ebs/volume:Volume", {"encrypted": True}),
    "repository": (
        "aws:ecr/repository:Repository",
        {
            "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
            "imageTagMutabilityExclusionFilters": [{"filter": "deployed-*", "filterType": "WILDCARD"}],
            "imageScanningConfiguration": {"scanOnPush": True},
            "encryptionConfigurations": [{"encryptionType": "KMS", "kmsKey": KEY}],
        },
    ),
    "vault": ("aws:backup/vault:Vault", {"kmsKeyArn": KEY}),
    "backup plan": ("aws:backup/plan:Plan", {"rules": [{"ruleName": "daily", "lifecycle": {"deleteAfter": 35}}]}),
    "topic": ("aws:sns/topic:Topic", {"kmsMasterKeyId": KEY}),
    "topic policy": ("aws:sns/topicPolicy:TopicPolicy", {"policy": document(statement())}),
    "trail": (
        "aws:cloudtrail/trail:Trail",
        {
            "kmsKeyId": KEY,
            "isMultiRegionTrail": True,
            "enableLogFileValidation": True,
            "includeGlobalServiceEvents": True,
            "enableLogging": True,
        },
    ),
    "detector": ("aws:guardduty/detector:Detector", {"enable": True}),
    "bucket": ("aws:s3/bucket:Bucket", {"bucket": "journal-logs"}),
    "bucket encryption": (
        "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
        {"bucket": "id of bucket", "rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "aws:kms"}}]},
    ),
    "public access block": (
        "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
        {
            "bucket": "journal-logs",
            "blockPublicAcls": True,
            "blockPublicPolicy": True,
            "ignorePublicAcls": True,
            "restrictPublicBuckets": True,
        },
    ),
    "bucket policy": (
        "aws:s3/bucketPolicy:BucketPolicy",
        {
            "bucket": "id of bucket",
            "policy": document(
                statement(
                    Effect="Deny",
                    Action="s3:*",
                    Principal="*",
                    Condition={"Bool": {"aws:SecureTransport": "false"}},
                )
            ),
        },
    ),
    "role": (
        "aws:iam/role:Role",
        {"assumeRolePolicy": document(TRUST), "permissionsBoundary": "arn:aws:iam::1:policy/b"},
    ),
    "role policy": ("aws:iam/rolePolicy:RolePolicy", {"policy": document(statement())}),
    "attachment": (
        "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
        {"policyArn": "arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy"},
    ),
    "record": (
        "aws:route53/record:Record",
        {"name": "journal.example.com", "type": "A", "aliases": [{"name": "nlb", "zoneId": "Z1"}]},
    ),
    "storage class": (
        "kubernetes:storage.k8s.io/v1:StorageClass",
        {
            "metadata": {"name": "gp3"},
            "provisioner": "ebs.csi.aws.com",
            "reclaimPolicy": "Retain",
            "parameters": {"encrypted": "true"},
        },
    ),
    "claim": (
        "kubernetes:core/v1:PersistentVolumeClaim",
        {"metadata": IN_WEB, "spec": {"storageClassName": "gp3"}},
    ),
    "stateful set": (
        "kubernetes:apps/v1:StatefulSet",
        {
            "metadata": IN_WEB,
            "spec": {
                "template": {"spec": POD},
                "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": {"storageClassName": "gp3"}}],
                "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
            },
        },
    ),
    "deployment": ("kubernetes:apps/v1:Deployment", {"metadata": IN_WEB, "spec": {"template": {"spec": POD}}}),
    "service account": (
        "kubernetes:core/v1:ServiceAccount",
        {"metadata": IN_WEB, "automountServiceAccountToken": False},
    ),
    "service": ("kubernetes:core/v1:Service", {"metadata": IN_WEB, "spec": {"type": "ClusterIP"}}),
    "ingress": (
        "kubernetes:networking.k8s.io/v1:Ingress",
        {"spec": {"rules": [{"host": "journal.example.com"}], "tls": [{"hosts": ["journal.example.com"]}]}},
    ),
    "namespace": (
        "kubernetes:core/v1:Namespace",
        {
            "metadata": {
                "name": "web",
                "labels": {f"pod-security.kubernetes.io/{m}": "restricted" for m in ("enforce", "audit", "warn")},
            }
        },
    ),
    "quota": ("kubernetes:core/v1:ResourceQuota", {"metadata": IN_WEB}),
    "network policy": (
        "kubernetes:networking.k8s.io/v1:NetworkPolicy",
        {"metadata": IN_WEB, "spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}},
    ),
    "cluster role": (
        "kubernetes:rbac.authorization.k8s.io/v1:ClusterRole",
        {"rules": [{"apiGroups": [""], "resources": ["nodes"], "verbs": ["list"]}]},
    ),
    "role binding": (
        "kubernetes:rbac.authorization.k8s.io/v1:RoleBinding",
        {"roleRef": {"name": "reader"}, "subjects": [{"kind": "ServiceAccount", "name": "reader", "namespace": "web"}]},
    ),
    "release": (
        "kubernetes:helm.sh/v3:Release",
        {"chart": "oci://quay.io/jetstack/charts/cert-manager", "version": "1"},
    ),
    "aws provider": ("pulumi:providers:aws", {"region": "eu-central-1", "allowedAccountIds": json.dumps(["1"])}),
}


def good(name: str) -> Resource:
    """A resource of production, by its short name."""
    type_, inputs = _INPUTS[name]
    return resource(type_, name, inputs, {"aws": AWS, "kubernetes": KUBERNETES}.get(type_.partition(":")[0]))


def in_stack(resource: Resource, stack: str) -> Resource:
    """The same resource in another stack."""
    return replace(resource, urn=resource.urn.replace(":prod::", f":{stack}::"))


def everything() -> list[Resource]:
    return [good(name) for name in _INPUTS]


def changed(resource: Resource, path: str, value: Any) -> Resource:
    """The same with another value at a path of its inputs; GONE takes it away."""
    inputs = copy.deepcopy(dict(resource.inputs))
    *way, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    place: Any = inputs
    for part in way:
        place = place[part]
    if value is GONE:
        del place[last]
    else:
        place[last] = value
    return replace(resource, inputs=inputs)


def paths(inputs: Any, way: str = "") -> Iterator[str]:
    """Where something stands in inputs, as `changed` takes it."""
    for key, value in inputs.items() if isinstance(inputs, Mapping) else enumerate(inputs):
        path = f"{way}.{key}" if way else str(key)
        if "." not in str(key) and "/" not in str(key):  # such a key is no path of ours
            yield path
            if isinstance(value, Mapping | list):
                yield from paths(value, path)
