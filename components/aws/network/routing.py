"""Routes: how traffic leaves the subnets of a VPC."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import pulumi
import pulumi_aws as aws

from components.aws.scope import Scope

ANYWHERE = "0.0.0.0/0"
Nat = Literal["none", "single", "perZone"]
Subnets = Mapping[str, aws.ec2.Subnet]
"""Subnets of one kind, by zone."""


def nat_zone_of(mode: Nat, zones: Sequence[str]) -> dict[str, str]:
    """By zone, the zone whose NAT gateway its traffic leaves through; empty where nothing leaves."""
    match mode:
        case "none":
            return {}
        case "single":
            return dict.fromkeys(zones, zones[0])
        case "perZone":
            return {zone: zone for zone in zones}


@dataclass(kw_only=True)
class RoutingArgs:
    """What the routes need to be told.

    nat: NAT gateways: none, one in the first zone, or one in each. pods: may be empty.
    """

    scope: Scope
    vpc_id: pulumi.Input[str]
    nat: Nat
    public: Subnets
    private: Subnets
    pods: Subnets


class Routing(pulumi.ComponentResource):
    """Internet gateway, NAT gateways, route tables: one for public subnets, one a zone for private and pod subnets.

    A zone has its table however many NAT gateways there are, so a change of `nat` edits routes and moves no subnet.
    resources: what nodes and load balancers need until they are gone.
    """

    private_tables: Sequence[aws.ec2.RouteTable]
    resources: Sequence[pulumi.Resource]

    def __init__(self, name: str, args: RoutingArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:aws:Routing", name, {}, opts)
        self._name, self._args = name, args
        self._nat_zones = nat_zone_of(args.nat, list(args.public))
        public = self._create_public_routes()
        nat_gateways = self._create_nat_gateways(after=public)
        tables = {zone: self._create_table(f"private-{zone}") for zone in args.private}
        associations = [
            self._associate(tier, zone, subnet, tables[zone])
            for tier, subnets in (("private", args.private), ("pods", args.pods))
            for zone, subnet in subnets.items()
        ]
        routes = [self._create_nat_route(z, tables[z], nat_gateways[nat]) for z, nat in self._nat_zones.items()]
        self.private_tables = list(tables.values())
        self.resources = [*public, *nat_gateways.values(), *associations, *routes]
        self.register_outputs({})

    def _create_public_routes(self) -> list[pulumi.Resource]:
        gateway = aws.ec2.InternetGateway(
            self._name, vpc_id=self._args.vpc_id, tags=self._tags("internet"), opts=self._options()
        )
        table = self._create_table("public")
        route = aws.ec2.Route(
            "public",
            route_table_id=table.id,
            destination_cidr_block=ANYWHERE,
            gateway_id=gateway.id,
            opts=self._options(),
        )
        return [route, *(self._associate("public", zone, s, table) for zone, s in self._args.public.items())]

    def _create_nat_gateways(self, after: list[pulumi.Resource]) -> dict[str, aws.ec2.NatGateway]:
        """By the zone they are in. They and their addresses need the public routes until they are gone."""
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

    def _create_table(self, name: str) -> aws.ec2.RouteTable:
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
