"""DNS in Route 53: the hosted zone of the domain, and the records of one host in it."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.aws.scope import Scope

CAA_TTL_SECONDS = 3600
CERTIFICATE_AUTHORITY = "letsencrypt.org"
"""The domain that Let's Encrypt looks for in CAA records, in staging and production (Let's Encrypt, CAA)."""


@dataclass(kw_only=True)
class HostedZoneArgs:
    """Arguments of HostedZone.

    scope: account and region; with `scope.protect`, Pulumi refuses to delete the zone.
    domain: the zone's domain, "example.com".
    """

    scope: Scope
    domain: str


class HostedZone(pulumi.ComponentResource):
    """A public hosted zone. It serves names once the domain's registrar delegates to its `name_servers`."""

    zone_id: pulumi.Output[str]
    name_servers: pulumi.Output[Sequence[str]]

    def __init__(self, name: str, args: HostedZoneArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:aws/edge:HostedZone", name, {}, opts)
        zone = aws.route53.Zone(
            name,
            name=args.domain,
            comment="The journal's environments",
            force_destroy=False,
            opts=pulumi.ResourceOptions(parent=self, protect=args.scope.protect),
        )
        self.zone_id, self.name_servers = zone.id, zone.name_servers
        self.register_outputs({"zone_id": self.zone_id, "name_servers": self.name_servers})


@dataclass(kw_only=True)
class DnsRecordsArgs:
    """Arguments of DnsRecords.

    host: a name within the zone, "journal.example.com".
    zone_id: ID of the hosted zone that gets the records.
    load_balancer_dns_name: DNS name of the load balancer that the host is an alias of.
    load_balancer_zone_id: ID of the hosted zone in which AWS keeps that name; an output of the load balancer.
    """

    host: str
    zone_id: pulumi.Input[str]
    load_balancer_dns_name: pulumi.Input[str]
    load_balancer_zone_id: pulumi.Input[str]


class DnsRecords(pulumi.ComponentResource):
    """An alias record that points a host to the load balancer, and a CAA record that allows only Let's Encrypt.

    resources: the records. A certificate for the host can be issued once they are there.
    """

    resources: Sequence[pulumi.Resource]

    def __init__(self, name: str, args: DnsRecordsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:aws/edge:DnsRecords", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        alias = aws.route53.RecordAliasArgs(
            name=args.load_balancer_dns_name, zone_id=args.load_balancer_zone_id, evaluate_target_health=True
        )
        self.resources = [
            aws.route53.Record(name, name=args.host, type="A", zone_id=args.zone_id, aliases=[alias], opts=child),
            aws.route53.Record(
                f"{name}-caa",
                name=args.host,
                type="CAA",
                zone_id=args.zone_id,
                ttl=CAA_TTL_SECONDS,
                records=[f'0 issue "{CERTIFICATE_AUTHORITY}"', '0 issuewild ";"'],
                opts=child,
            ),
        ]
        self.register_outputs({})
