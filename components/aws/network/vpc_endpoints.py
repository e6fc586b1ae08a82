"""VPC endpoints: private connections from the VPC to AWS services, without the internet or a NAT gateway."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.aws.identity.iam import Statement, policy_document
from components.aws.scope import Scope
from components.settings.aws import Endpoint

HTTPS = 443
ECR_SERVICES: Sequence[Endpoint] = ("ecr.api", "ecr.dkr")


def endpoint_policy(service: Endpoint, scope: Scope) -> Statement | None:
    """The endpoint policy of a service, or None for the default one, which allows everything that IAM allows.

    Through the ECR endpoints, the account's principals may only pull images, from registries of any account, because
    the images of EKS add-ons are in accounts of AWS. CI pushes from outside the VPC. The other services have the
    default policy, because a `pulumi up` that runs inside the VPC needs them.
    """
    if service not in ECR_SERVICES:
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
class VpcEndpointsArgs:
    """Arguments of VpcEndpoints.

    scope: account, region and name prefix.
    vpc_id: the VPC that gets the endpoints.
    services: services with an interface endpoint, such as "ecr.api"; may be empty. S3 always has a gateway endpoint.
    subnet_ids: subnets for the interface endpoints, one in each zone.
    route_table_ids: route tables that get a route to the S3 gateway endpoint.
    client_cidrs: IPv4 networks that may connect to the interface endpoints.
    """

    scope: Scope
    vpc_id: pulumi.Input[str]
    services: Sequence[Endpoint]
    subnet_ids: Sequence[pulumi.Input[str]]
    route_table_ids: Sequence[pulumi.Input[str]]
    client_cidrs: Sequence[str]


class VpcEndpoints(pulumi.ComponentResource):
    """A gateway endpoint for S3 and an interface endpoint for each service.

    resources: endpoints and security group rules. Clients such as nodes depend on them.
    """

    resources: Sequence[pulumi.Resource]

    def __init__(self, name: str, args: VpcEndpointsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:aws/network:VpcEndpoints", name, {}, opts)
        self._name, self._args = name, args
        self.resources = [self._create_gateway_endpoint(), *self._create_interface_endpoints()]
        self.register_outputs({})

    def _create_gateway_endpoint(self) -> aws.ec2.VpcEndpoint:
        return aws.ec2.VpcEndpoint(
            "s3",
            vpc_id=self._args.vpc_id,
            vpc_endpoint_type="Gateway",
            service_name=self._service_name("s3"),
            route_table_ids=list(self._args.route_table_ids),
            tags=self._tags("s3"),
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _create_interface_endpoints(self) -> list[pulumi.Resource]:
        if not self._args.services:
            return []
        group = self._create_security_group()
        interfaces = [self._create_interface_endpoint(service, group) for service in self._args.services]
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

    def _create_interface_endpoint(self, service: Endpoint, group: aws.ec2.SecurityGroup) -> aws.ec2.VpcEndpoint:
        policy = endpoint_policy(service, self._args.scope)
        return aws.ec2.VpcEndpoint(
            service,
            vpc_id=self._args.vpc_id,
            vpc_endpoint_type="Interface",
            service_name=self._service_name(service),
            subnet_ids=list(self._args.subnet_ids),
            security_group_ids=[group.id],
            private_dns_enabled=True,
            policy=None if policy is None else policy_document(policy),
            tags=self._tags(service),
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _service_name(self, service: str) -> str:
        return f"com.amazonaws.{self._args.scope.region}.{service}"

    def _tags(self, service: str) -> dict[str, str]:
        return {"Name": f"{self._args.scope.name}-{service}"}
