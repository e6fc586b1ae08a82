"""Route tables, internet gateway and NAT gateways: how traffic leaves the subnets of a VPC."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import pulumi
import pulumi_aws as aws

from components.aws.scope import Scope

ANYWHERE = "0.0.0.0/0"
NatMode = Literal["none", "single", "perZone"]
Subnets = Mapping[str, aws.ec2.Subnet]
"""The subnets of one tier, by availability zone."""


def nat_gateway_zones(mode: NatMode, zones: Sequence[str]) -> dict[str, str]:
    """For each zone, the zone of the NAT gateway that its private subnets use; empty if there are no NAT gateways."""
    match mode:
        case "none":
            return {}
        case "single":
            return dict.fromkeys(zones, zones[0])
        case "perZone":
            return {zone: zone for zone in zones}


@dataclass(kw_only=True)
class RoutingArgs:
    """Arguments of Routing.

    scope: account, region and name prefix.
    vpc_id: the VPC of the subnets.
    nat: "none", "single" (one NAT gateway, in the first zone) or "perZone" (one in each zone).
    public, private, pods: the subnets by zone; `pods` may be empty.
    """

    scope: Scope
    vpc_id: pulumi.Input[str]
    nat: NatMode
    public: Subnets
    private: Subnets
    pods: Subnets


class Routing(pulumi.ComponentResource):
    """Internet gateway, NAT gateways, one route table for the public subnets and one in each zone for the others.

    Each zone has its own route table even with a single NAT gateway, so a change of `nat` changes routes only.
    private_route_tables: in the order of the zones.
    resources: gateways, routes and associations. Nodes and load balancers depend on them.
    """

    private_route_tables: Sequence[aws.ec2.RouteTable]
    resources: Sequence[pulumi.Resource]

    def __init__(self, name: str, args: RoutingArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:aws/network:Routing", name, {}, opts)
        self._name, self._args = name, args
        self._nat_zones = nat_gateway_zones(args.nat, list(args.public))
        public = self._create_public_routes()
        nat_gateways = self._create_nat_gateways(after=public)
        route_tables = {zone: self._create_route_table(f"private-{zone}") for zone in args.private}
        associations = [
            self._associate(tier, zone, subnet, route_tables[zone])
            for tier, subnets in (("private", args.private), ("pods", args.pods))
            for zone, subnet in subnets.items()
        ]
        routes = [
            self._create_nat_route(zone, route_tables[zone], nat_gateways[nat_zone])
            for zone, nat_zone in self._nat_zones.items()
        ]
        self.private_route_tables = list(route_tables.values())
        self.resources = [*public, *nat_gateways.values(), *associations, *routes]
        self.register_outputs({})

    def _create_public_routes(self) -> list[pulumi.Resource]:
        gateway = aws.ec2.InternetGateway(
            self._name, vpc_id=self._args.vpc_id, tags=self._tags("internet"), opts=self._options()
        )
        table = self._create_route_table("public")
        route = aws.ec2.Route(
            "public",
            route_table_id=table.id,
            destination_cidr_block=ANYWHERE,
            gateway_id=gateway.id,
            opts=self._options(),
        )
        return [route, *(self._associate("public", zone, subnet, table) for zone, subnet in self._args.public.items())]

    def _create_nat_gateways(self, after: list[pulumi.Resource]) -> dict[str, aws.ec2.NatGateway]:
        """The NAT gateways by zone.

        AWS detaches an internet gateway only after the Elastic IPs in the VPC are released, so gateways and addresses
        depend on the public routes.
        """
        gateways = {}
        for zone in dict.fromkeys(self._nat_zones.values()):
            tags, options = self._tags(f"nat-{zone}"), self._options(depends_on=after)
            address = aws.ec2.Eip(f"nat-{zone}", domain="vpc", tags=tags, opts=options)
            gateways[zone] = aws.ec2.NatGateway(
                f"nat-{zone}",
                subnet_id=self._args.public[zone].id,
                allocation_id=address.id,
                tags=tags,
                opts=options,
            )
        return gateways

    def _create_nat_route(self, zone: str, table: aws.ec2.RouteTable, gateway: aws.ec2.NatGateway) -> aws.ec2.Route:
        return aws.ec2.Route(
            f"private-{zone}",
            route_table_id=table.id,
            destination_cidr_block=ANYWHERE,
            nat_gateway_id=gateway.id,
            opts=self._options(),
        )

    def _create_route_table(self, name: str) -> aws.ec2.RouteTable:
        return aws.ec2.RouteTable(name, vpc_id=self._args.vpc_id, tags=self._tags(name), opts=self._options())

    def _associate(
        self, tier: str, zone: str, subnet: aws.ec2.Subnet, table: aws.ec2.RouteTable
    ) -> aws.ec2.RouteTableAssociation:
        return aws.ec2.RouteTableAssociation(
            f"{tier}-{zone}", subnet_id=subnet.id, route_table_id=table.id, opts=self._options()
        )

    def _tags(self, name: str) -> dict[str, str]:
        return {"Name": f"{self._args.scope.name}-{name}"}

    def _options(self, *, depends_on: list[pulumi.Resource] | None = None) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, depends_on=depends_on)
