"""What AWS and Kubernetes would answer where nothing is created: in previews, renderings and unit tests.

Ids and ARNs have the forms that AWS gives them and follow from stack, type and name, so each run has the same ones.
"""

import hashlib
import uuid
from collections.abc import Mapping
from functools import cache
from typing import Any

import pulumi
from pulumi.runtime.mocks import MockCallArgs, MockResourceArgs

from components import settings
from tools import stack
from tools.recording import NONE, Answers, ProgramError, Recorder, run

Inputs = Mapping[str, Any]
LOAD_BALANCER_ADDRESS, CLUSTER_ADDRESS = "192.0.2.1", "10.96.0.7"
HOSTED_ZONES = {"eu-central-1": "Z3F0SRJ5LGBH90", "eu-west-1": "Z2IFOLAFXWLO4F", "us-east-1": "Z26RNL4JYFTOTI"}
"""Hosted zones of network load balancers (AWS General Reference, Elastic Load Balancing endpoints)."""
LIST_LOG_GROUPS = "aws:cloudwatch/getLogGroups:getLogGroups"
LIST_AUTOSCALING_GROUPS = "aws:autoscaling/getAmiIds:getAmiIds"
"""The SDK's name of the function that lists autoscaling groups."""

# By type: the form of the id, and of the ARN behind `arn:aws:` ("" where there is none).
# {hex} has 17 digits and {short} 16; {name} is the physical name; {here} is region:account.
FORMS: Mapping[str, tuple[str, str]] = {
    "aws:amp/alertManagerDefinition:AlertManagerDefinition": ("{workspace}", ""),
    "aws:amp/ruleGroupNamespace:RuleGroupNamespace": ("{arn}", "aps:{here}:rulegroupsnamespace/{workspace}/{name}"),
    "aws:amp/scraper:Scraper": ("s-{uuid}", "aps:{here}:scraper/{id}"),
    "aws:amp/workspace:Workspace": ("ws-{uuid}", "aps:{here}:workspace/{id}"),
    "aws:autoscaling/attachment:Attachment": ("{name}-{hex}", ""),
    "aws:backup/plan:Plan": ("{uuid}", "backup:{here}:backup-plan:{id}"),
    "aws:backup/restoreTestingPlan:RestoreTestingPlan": ("{name}", "backup:{here}:restore-testing-plan:{name}-{uuid}"),
    "aws:backup/selection:Selection": ("{uuid}", ""),
    "aws:backup/vault:Vault": ("{name}", "backup:{here}:backup-vault:{name}"),
    "aws:budgets/budget:Budget": ("{account}:{name}", "budgets::{account}:budget/{name}"),
    "aws:cloudtrail/trail:Trail": ("{arn}", "cloudtrail:{here}:trail/{name}"),
    "aws:cloudwatch/eventRule:EventRule": ("{name}", "events:{here}:rule/{name}"),
    "aws:cloudwatch/eventTarget:EventTarget": ("{name}-{hex}", ""),
    "aws:cloudwatch/metricAlarm:MetricAlarm": ("{name}", "cloudwatch:{here}:alarm:{name}"),
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
    "aws:guardduty/detector:Detector": ("{short}{short}", "guardduty:{here}:detector/{id}"),
    "aws:guardduty/detectorFeature:DetectorFeature": ("{short}/{name}", ""),
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
    "aws:sns/topic:Topic": ("{arn}", "sns:{here}:{name}"),
    "aws:sns/topicPolicy:TopicPolicy": ("{topic}", ""),
    "aws:sns/topicSubscription:TopicSubscription": ("{topic}:{uuid}", "sns:{here}:{name}:{uuid}"),
    "aws:sqs/queue:Queue": ("https://sqs.{region}.amazonaws.com/{account}/{name}", "sqs:{here}:{name}"),
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": ("sgr-{hex}", "ec2:{here}:security-group-rule/{id}"),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": ("sgr-{hex}", "ec2:{here}:security-group-rule/{id}"),
}


class Cloud(Answers):
    """The mocks of one account and region, for a Recorder. stacks: the outputs of the stacks that are referred to."""

    def __init__(
        self, account: str = "111122223333", region: str = "eu-central-1", stacks: Mapping[str, Inputs] = NONE
    ) -> None:
        super().__init__(stacks=stacks)
        self._account, self._region = account, region
        self._regions: dict[str, str] = {}

    def call(self, args: MockCallArgs) -> tuple[dict, list[tuple[str, str]] | None]:
        """There is nothing yet: no log group of the name, and no autoscaling group with the tag, that is asked for."""
        if args.token == LIST_LOG_GROUPS:
            return {"logGroupNames": [], "arns": []}, []
        if args.token == LIST_AUTOSCALING_GROUPS:
            return {"arns": [], "names": [], "id": self._region, "region": self._region}, []
        return super().call(args)

    def computed(self, args: MockResourceArgs, inputs: Inputs) -> tuple[str, Inputs]:
        if args.typ == "pulumi:providers:aws":
            self._regions[args.name] = inputs.get("region", self._region)
        if args.typ.startswith("aws:") and args.custom:
            named = self._named(args, inputs)
            return named["id"], named | self._by_kind(args, inputs, named)
        id_, computed = super().computed(args, inputs)
        match args.typ:
            case "kubernetes:core/v1:Service":
                return id_, _service(inputs)
            case "random:index/randomPassword:RandomPassword":
                return id_, {"result": "made by the real run", "bcryptHash": "made by the real run"}
        return id_, computed

    def _region_of(self, args: MockResourceArgs) -> str:
        """That of its provider, which is a URN and an id joined by `::`."""
        return self._regions.get((args.provider or "").rpartition("::")[0].rpartition("::")[2], self._region)

    def _named(self, args: MockResourceArgs, inputs: Inputs) -> dict[str, Any]:
        """Id, ARN and physical name."""
        name, region = _physical_name(args, inputs), self._region_of(args)
        form, arn_form = FORMS.get(args.typ, ("{name}-{hex}", ""))
        digest = _digest(args)
        known = {
            "account": self._account,
            "region": region,
            "here": f"{region}:{self._account}",
            "name": name,
            "hex": "0" + digest[:16],
            "short": digest[:16],
            "upper": digest[:20].upper(),
            "uuid": _uuid(args),
            "cluster": inputs.get("clusterName", ""),
            "addon": inputs.get("addonName", ""),
            "principal": inputs.get("principalArn", ""),
            "role": inputs.get("role", ""),
            "zone": inputs.get("zoneId", ""),
            "type": inputs.get("type", ""),
            "workspace": inputs.get("workspaceId", ""),
            "topic": inputs.get("arn", inputs.get("topic", "")),
            "host": str(inputs.get("url", "")).removeprefix("https://"),
        }
        if "{arn}" in form:
            arn = f"arn:aws:{arn_form.format(**known)}"
            return {"id": arn, "arn": arn, "name": name}
        id_ = form.format(**known)
        arn = {"arn": f"arn:aws:{arn_form.format(**known, id=id_)}"} if arn_form else {}
        return {"id": id_, "name": name} | arn

    def _by_kind(self, args: MockResourceArgs, inputs: Inputs, named: Inputs) -> dict[str, Any]:
        """What else AWS decides."""
        region, digest = self._region_of(args), _digest(args)
        match args.typ.rpartition(":")[2]:
            case "Cluster":
                vpc = {"clusterSecurityGroupId": f"sg-0{digest[:16]}", "vpcId": f"vpc-0{digest[:16]}"}
                return {
                    "endpoint": f"https://{digest[:32].upper()}.gr7.{region}.eks.amazonaws.com",
                    "certificateAuthority": {"data": "bW9ja2VkIGNlcnRpZmljYXRl"},
                    "vpcConfig": {**inputs.get("vpcConfig", {}), **vpc},
                    "status": "ACTIVE",
                }
            case "NodeGroup":
                group = f"eks-{named['name']}-{_uuid(args)}"
                return {"resources": [{"autoscalingGroups": [{"name": group}]}], "status": "ACTIVE"}
            case "LoadBalancer":
                host = f"{named['name']}-{digest[:16]}.elb.{region}.amazonaws.com"
                suffix = named["arn"].partition("loadbalancer/")[2]
                return {"dnsName": host, "zoneId": HOSTED_ZONES.get(region, "Z00000000000000"), "arnSuffix": suffix}
            case "TargetGroup":
                return {"arnSuffix": named["arn"].rpartition(":")[2]}
            case "Eip":
                return {"allocationId": named["id"], "publicIp": f"198.51.100.{int(digest[:2], 16)}"}
            case "Vpc":
                kinds = {"defaultSecurityGroupId": "sg", "defaultRouteTableId": "rtb", "defaultNetworkAclId": "acl"}
                return {key: f"{prefix}-0{digest[:16]}" for key, prefix in kinds.items()}
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


def record(name: str, config: Inputs | None = None, *, fail_on_warnings: bool = False) -> Recorder:
    """Run the program of a stack. config: in place of what the stack's file says.

    Where the program reads stack `shared`, the answer is what that stack's own program exports.
    Raises StackError, SettingsError and ProgramError.
    """
    config = stack.config_of(name) if config is None else config
    recorder = Recorder(_cloud_of(config, _referred_stacks(name, config)))
    return run(
        stack.ROOT, recorder, project=stack.PROJECT, stack=name, config=config, fail_on_warnings=fail_on_warnings
    )


def _cloud_of(config: Inputs, stacks: Mapping[str, Inputs]) -> Cloud:
    """The cloud of a stack's account and region; of the default ones where the stack has no AWS."""
    aws = config.get(f"{stack.PROJECT}:aws")
    if not isinstance(aws, dict):
        return Cloud(stacks=stacks)
    return Cloud(str(aws["account"]), str(aws["region"]), stacks)


def _referred_stacks(name: str, config: Inputs) -> dict[str, Inputs]:
    parsed = stack.checked(config, name)
    if isinstance(parsed, settings.SharedSettings) or parsed.aws is None:
        return {}
    reference = parsed.aws.shared_stack
    return {reference: shared_outputs(reference.rpartition("/")[2])}


@cache
def shared_outputs(name: str) -> Inputs:
    """What the program of stack `shared` exports."""
    try:
        return record(name).outputs
    except ProgramError as error:
        raise ProgramError(f"Stack {name!r}, which others read, has no outputs.", error.hint, str(error)) from error


def _service(inputs: Inputs) -> Inputs:
    """A Service's address in the cluster, and outside where the cluster makes a load balancer of its own."""
    spec = inputs.get("spec", {})
    answer: dict[str, Any] = {"spec": {"clusterIP": CLUSTER_ADDRESS, **spec}}
    if spec.get("type") == "LoadBalancer" and "loadBalancerClass" not in spec:
        answer["status"] = {"loadBalancer": {"ingress": [{"ip": LOAD_BALANCER_ADDRESS}]}}
    return answer


def _physical_name(args: MockResourceArgs, inputs: Inputs) -> str:
    for key in ("name", "bucket", "nodeGroupName", "bucketName"):
        if isinstance(inputs.get(key), str):
            return inputs[key]
    prefix = next((v for k, v in inputs.items() if k.endswith("Prefix") and isinstance(v, str)), f"{args.name}-")
    return f"{prefix}{_digest(args)[:7]}"


def _digest(args: MockResourceArgs) -> str:
    return hashlib.sha256(f"{pulumi.get_stack()} {args.typ} {args.name}".encode()).hexdigest()


def _uuid(args: MockResourceArgs) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{pulumi.get_stack()} {args.typ} {args.name}"))
