"""VPC endpoints: AWS services that are reached without leaving the VPC."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.aws.identity.iam import Statement, document
from components.aws.scope import Scope
from components.settings.aws import Endpoint

HTTPS = 443
REGISTRY: Sequence[Endpoint] = ("ecr.api", "ecr.dkr")


def endpoint_policy(service: Endpoint, scope: Scope) -> Statement | None:
    """What may be done through an endpoint; None leaves it to IAM alone, as AWS does by default.

    Images are pulled from inside, any account's (EKS add-ons are in AWS's), and pushed by CI from outside. The other
    services are also what `pulumi up` inside the VPC changes the stack through.
    """
    if service not in REGISTRY:
        return None
    return Statement(
        sid="Pull",
        actions=[
            "ecr:BatchCheckLayerAvailability",
            "ecr:BatchGetImage",
            "ecr:GetAuthorizationToken",
            "ecr:GetDownloadUrlForLayer",
        ],
        principals={"AWS": ["*"]},
        conditions={"StringEquals": {"aws:PrincipalAccount": scope.account}},
        resources=["*"],
        reason="images of EKS add-ons are in accounts of AWS, which differ by region",
    )


@dataclass(kw_only=True)
class EndpointsArgs:
    """What the endpoints need to be told.

    services: those that get an interface endpoint; S3 has a gateway endpoint whatever they are.
    subnet_ids: where the interfaces are, one subnet a zone. route_table_ids: who reaches S3 without NAT.
    client_cidrs: networks that the interfaces answer.
    """

    scope: Scope
    vpc_id: pulumi.Input[str]
    services: Sequence[Endpoint]
    subnet_ids: Sequence[pulumi.Input[str]]
    route_table_ids: Sequence[pulumi.Input[str]]
    client_cidrs: Sequence[str]


class Endpoints(pulumi.ComponentResource):
    """The endpoints of a VPC. `resources` is what clients need of them."""

    resources: Sequence[pulumi.Resource]

    def __init__(self, name: str, args: EndpointsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:aws:Endpoints", name, {}, opts)
        self._name, self._args = name, args
        self.resources = [self._create_gateway(), *self._create_interfaces()]
        self.register_outputs({})

    def _create_gateway(self) -> aws.ec2.VpcEndpoint:
        return aws.ec2.VpcEndpoint(
            "s3",
            vpc_id=self._args.vpc_id,
            vpc_endpoint_type="Gateway",
            service_name=self._service_name("s3"),
            route_table_ids=list(self._args.route_table_ids),
            tags=self._tags("s3"),
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _create_interfaces(self) -> list[pulumi.Resource]:
        if not self._args.services:
            return []
        group = self._create_security_group()
        interfaces = [self._create_interface(service, group) for service in self._args.services]
        return [*self._create_rules(group), *interfaces]

    def _create_security_group(self) -> aws.ec2.SecurityGroup:
        name = f"{self._args.scope.name}-endpoints"
        return aws.ec2.SecurityGroup(
            self._name,
            name=name,
            description="Interface endpoints: HTTPS from inside the VPC",
            vpc_id=self._args.vpc_id,
            tags={"Name": name},
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _create_rules(self, group: aws.ec2.SecurityGroup) -> list[pulumi.Resource]:
        return [
            aws.vpc.SecurityGroupIngressRule(
                f"{self._name}-{cidr}",
                security_group_id=group.id,
                description="HTTPS from inside the VPC",
                ip_protocol="tcp",
                from_port=HTTPS,
                to_port=HTTPS,
                cidr_ipv4=cidr,
                opts=pulumi.ResourceOptions(parent=self),
            )
            for cidr in self._args.client_cidrs
        ]

    def _create_interface(self, service: Endpoint, group: aws.ec2.SecurityGroup) -> aws.ec2.VpcEndpoint:
        policy = endpoint_policy(service, self._args.scope)
        return aws.ec2.VpcEndpoint(
            service,
            vpc_id=self._args.vpc_id,
            vpc_endpoint_type="Interface",
            service_name=self._service_name(service),
            subnet_ids=list(self._args.subnet_ids),
            security_group_ids=[group.id],
            private_dns_enabled=True,
            policy=None if policy is None else document(policy),
            tags=self._tags(service),
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _service_name(self, service: str) -> str:
        return f"com.amazonaws.{self._args.scope.region}.{service}"

    def _tags(self, service: str) -> dict[str, str]:
        return {"Name": f"{self._args.scope.name}-{service}"}
