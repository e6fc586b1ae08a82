"""What the cloud would answer where nothing is made: in previews, renderings and unit tests.

Ids and ARNs have the forms that AWS gives them and follow from the resource's URN, so each run has the same ones.
"""

import hashlib
import uuid
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from components import settings
from tools import stack
from tools.recording import EngineError, Recorder, Registration, Run, run

Answer = dict[str, Any]
LOAD_BALANCER_ADDRESS, CLUSTER_ADDRESS = "192.0.2.1", "10.96.0.7"
HOSTED_ZONES = {"eu-central-1": "Z3F0SRJ5LGBH90", "eu-west-1": "Z2IFOLAFXWLO4F", "us-east-1": "Z26RNL4JYFTOTI"}
"""Hosted zones of network load balancers (AWS General Reference, Elastic Load Balancing endpoints)."""

# By type: the form of the id, and of the ARN behind `arn:aws:` ("" where there is none).
# {hex} has 17 digits and {short} 16; {name} is the physical name; {here} is region:account.
FORMS: Mapping[str, tuple[str, str]] = {
    "aws:autoscaling/attachment:Attachment": ("{name}-{hex}", ""),
    "aws:backup/plan:Plan": ("{uuid}", "backup:{here}:backup-plan:{id}"),
    "aws:backup/restoreTestingPlan:RestoreTestingPlan": ("{name}", "backup:{here}:restore-testing-plan:{name}-{uuid}"),
    "aws:backup/selection:Selection": ("{uuid}", ""),
    "aws:backup/vault:Vault": ("{name}", "backup:{here}:backup-vault:{name}"),
    "aws:cloudwatch/eventRule:EventRule": ("{name}", "events:{here}:rule/{name}"),
    "aws:cloudwatch/logGroup:LogGroup": ("{name}", "logs:{here}:log-group:{name}"),
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": ("sg-{hex}", "ec2:{here}:security-group/{id}"),
    "aws:ec2/eip:Eip": ("eipalloc-{hex}", "ec2:{here}:elastic-ip/{id}"),
    "aws:ec2/flowLog:FlowLog": ("fl-{hex}", "ec2:{here}:vpc-flow-log/{id}"),
    "aws:ec2/internetGateway:InternetGateway": ("igw-{hex}", "ec2:{here}:internet-gateway/{id}"),
    "aws:ec2/launchTemplate:LaunchTemplate": ("lt-{hex}", "ec2:{here}:launch-template/{id}"),
    "aws:ec2/natGateway:NatGateway": ("nat-{hex}", "ec2:{here}:natgateway/{id}"),
    "aws:ec2/route:Route": ("r-rtb-{hex}", ""),
    "aws:ec2/routeTable:RouteTable": ("rtb-{hex}", "ec2:{here}:route-table/{id}"),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": ("rtbassoc-{hex}", ""),
    "aws:ec2/securityGroup:SecurityGroup": ("sg-{hex}", "ec2:{here}:security-group/{id}"),
    "aws:ec2/subnet:Subnet": ("subnet-{hex}", "ec2:{here}:subnet/{id}"),
    "aws:ec2/vpc:Vpc": ("vpc-{hex}", "ec2:{here}:vpc/{id}"),
    "aws:ec2/vpcEndpoint:VpcEndpoint": ("vpce-{hex}", "ec2:{here}:vpc-endpoint/{id}"),
    "aws:ec2/vpcIpv4CidrBlockAssociation:VpcIpv4CidrBlockAssociation": ("vpc-cidr-assoc-{hex}", ""),
    "aws:ecr/repository:Repository": ("{name}", "ecr:{here}:repository/{name}"),
    "aws:eks/accessEntry:AccessEntry": ("{cluster}:{principal}", "eks:{here}:access-entry/{cluster}/{uuid}"),
    "aws:eks/addon:Addon": ("{cluster}:{addon}", "eks:{here}:addon/{cluster}/{addon}/{uuid}"),
    "aws:eks/cluster:Cluster": ("{name}", "eks:{here}:cluster/{name}"),
    "aws:eks/nodeGroup:NodeGroup": ("{cluster}:{name}", "eks:{here}:nodegroup/{cluster}/{name}/{uuid}"),
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": (
        "a-{hex}",
        "eks:{here}:podidentityassociation/{cluster}/{id}",
    ),
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": ("{arn}", "iam::{account}:oidc-provider/{host}"),
    "aws:iam/policy:Policy": ("{arn}", "iam::{account}:policy/{name}"),
    "aws:iam/role:Role": ("{name}", "iam::{account}:role/{name}"),
    "aws:iam/rolePolicy:RolePolicy": ("{role}:{name}", ""),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": ("{role}-{hex}", ""),
    "aws:kms/alias:Alias": ("{name}", "kms:{here}:{name}"),
    "aws:kms/key:Key": ("{uuid}", "kms:{here}:key/{id}"),
    "aws:lb/listener:Listener": ("{arn}", "elasticloadbalancing:{here}:listener/net/{short}/{short}"),
    "aws:lb/loadBalancer:LoadBalancer": ("{arn}", "elasticloadbalancing:{here}:loadbalancer/net/{name}/{short}"),
    "aws:lb/targetGroup:TargetGroup": ("{arn}", "elasticloadbalancing:{here}:targetgroup/{name}/{short}"),
    "aws:route53/record:Record": ("{zone}_{name}_{type}", ""),
    "aws:route53/zone:Zone": ("Z{upper}", "route53:::hostedzone/{id}"),
    "aws:s3/bucket:Bucket": ("{name}", "s3:::{name}"),
    "aws:sqs/queue:Queue": ("https://sqs.{region}.amazonaws.com/{account}/{name}", "sqs:{here}:{name}"),
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": ("sgr-{hex}", "ec2:{here}:security-group-rule/{id}"),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": ("sgr-{hex}", "ec2:{here}:security-group-rule/{id}"),
}


class Cloud:
    """Answers for one account and region; hand it to a Recorder as its `outputs`."""

    def __init__(self, account: str = "111122223333", region: str = "eu-central-1") -> None:
        self._account, self._region = account, region

    def __call__(self, r: Registration) -> Answer:
        if r.package == "aws" and r.custom:
            named = self._named(r)
            return named | self._computed(r, named)
        if r.type == "kubernetes:core/v1:Service":
            return _service(r)
        if r.kind == "RandomPassword":
            return {"result": "made by the real run"}
        return {}

    def _named(self, r: Registration) -> Answer:
        """Id, ARN and physical name."""
        name = _physical_name(r)
        form, arn_form = FORMS.get(r.type, ("{name}-{hex}", ""))
        known = {
            "account": self._account,
            "region": self._region,
            "here": f"{self._region}:{self._account}",
            "name": name,
            "hex": "0" + _digest(r)[:16],
            "short": _digest(r)[:16],
            "upper": _digest(r)[:20].upper(),
            "uuid": _uuid(r),
            "cluster": r.inputs.get("clusterName", ""),
            "addon": r.inputs.get("addonName", ""),
            "principal": r.inputs.get("principalArn", ""),
            "role": r.inputs.get("role", ""),
            "zone": r.inputs.get("zoneId", ""),
            "type": r.inputs.get("type", ""),
            "host": str(r.inputs.get("url", "")).removeprefix("https://"),
        }
        if "{arn}" in form:
            arn = f"arn:aws:{arn_form.format(**known)}"
            return {"id": arn, "arn": arn, "name": name}
        id_ = form.format(**known)
        arn = {"arn": f"arn:aws:{arn_form.format(**known, id=id_)}"} if arn_form else {}
        return {"id": id_, "name": name} | arn

    def _computed(self, r: Registration, named: Answer) -> Answer:
        """What else AWS decides."""
        region, inputs = self._region, r.inputs
        match r.kind:
            case "Cluster":
                vpc = {"clusterSecurityGroupId": f"sg-0{_digest(r)[:16]}", "vpcId": f"vpc-0{_digest(r)[:16]}"}
                return {
                    "endpoint": f"https://{_digest(r)[:32].upper()}.gr7.{region}.eks.amazonaws.com",
                    "certificateAuthority": {"data": "bW9ja2VkIGNlcnRpZmljYXRl"},
                    "vpcConfig": {**inputs.get("vpcConfig", {}), **vpc},
                    "status": "ACTIVE",
                }
            case "NodeGroup":
                group = f"eks-{named['name']}-{_uuid(r)}"
                return {"resources": [{"autoscalingGroups": [{"name": group}]}], "status": "ACTIVE"}
            case "LoadBalancer":
                host = f"{named['name']}-{_digest(r)[:16]}.elb.{region}.amazonaws.com"
                suffix = named["arn"].partition("loadbalancer/")[2]
                return {"dnsName": host, "zoneId": HOSTED_ZONES.get(region, "Z00000000000000"), "arnSuffix": suffix}
            case "Eip":
                return {"allocationId": named["id"], "publicIp": f"198.51.100.{int(_digest(r)[:2], 16)}"}
            case "Vpc":
                kinds = {"defaultSecurityGroupId": "sg", "defaultRouteTableId": "rtb", "defaultNetworkAclId": "acl"}
                return {key: f"{prefix}-0{_digest(r)[:16]}" for key, prefix in kinds.items()}
            case "Key":
                return {"keyId": named["id"]}
            case "LaunchTemplate":
                return {"latestVersion": 1, "defaultVersion": 1}
            case "Repository":
                registry = f"{self._account}.dkr.ecr.{region}.amazonaws.com"
                return {"repositoryUrl": f"{registry}/{named['name']}", "registryId": self._account}
            case "Zone":
                servers = [f"ns-{n}.awsdns-{n}.{top}" for n, top in enumerate(("com", "net", "org", "co.uk"))]
                return {"zoneId": named["id"], "nameServers": servers}
            case "Bucket":
                own = f"{named['name']}.s3"
                domains = {"bucketDomainName": own, "bucketRegionalDomainName": f"{own}.{region}"}
                return {"bucket": named["name"]} | {k: f"{v}.amazonaws.com" for k, v in domains.items()}
            case "PodIdentityAssociation":
                return {"associationId": named["id"], "associationArn": named["arn"]}
        return {}


def run_stack(name: str, engine: Recorder, config: Mapping[str, Any], *, fail_on_warnings: bool = False) -> Run:
    """Run the program of a stack; where it reads stack `shared`, the answer is what that stack's program exports.

    Raises EngineError and SettingsError.
    """
    return run(
        stack.ROOT,
        engine,
        project=stack.PROJECT,
        stack=name,
        config=config,
        stacks=_references(config),
        fail_on_warnings=fail_on_warnings,
    )


def cloud_of(config: Mapping[str, Any]) -> Callable[[Registration], Answer]:
    """The cloud of a stack's account and region; of the default ones where the stack has no AWS."""
    aws = config.get(f"{stack.PROJECT}:aws")
    return Cloud(str(aws["account"]), str(aws["region"])) if isinstance(aws, dict) else Cloud()


def _references(config: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    parsed = stack.checked(config)
    if isinstance(parsed, settings.SharedSettings) or parsed.aws is None:
        return {}
    reference = parsed.aws.shared_stack
    return {reference: shared_outputs(reference.rpartition("/")[2])}


@cache
def shared_outputs(name: str) -> Mapping[str, Any]:
    """What the program of stack `shared` exports."""
    config = stack.read(name)
    try:
        return run(stack.ROOT, Recorder(cloud_of(config)), project=stack.PROJECT, stack=name, config=config).outputs
    except EngineError as error:
        raise EngineError(f"Stack {name!r}, which others read, has no outputs:\n{error}") from error


def _service(r: Registration) -> Answer:
    """A Service's address in the cluster, and outside where the cluster makes a load balancer of its own."""
    spec = r.inputs.get("spec", {})
    answer: Answer = {"spec": {"clusterIP": CLUSTER_ADDRESS, **spec}}
    if spec.get("type") == "LoadBalancer" and "loadBalancerClass" not in spec:
        answer["status"] = {"loadBalancer": {"ingress": [{"ip": LOAD_BALANCER_ADDRESS}]}}
    return answer


def _physical_name(r: Registration) -> str:
    for key in ("name", "bucket", "nodeGroupName", "bucketName"):
        if isinstance(r.inputs.get(key), str):
            return r.inputs[key]
    prefix = next((v for k, v in r.inputs.items() if k.endswith("Prefix") and isinstance(v, str)), f"{r.name}-")
    return f"{prefix}{_digest(r)[:7]}"


def _digest(r: Registration) -> str:
    return hashlib.sha256(r.urn.encode()).hexdigest()


def _uuid(r: Registration) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, r.urn))
