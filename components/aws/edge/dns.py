"""The journal's DNS name: it leads to the load balancer, and says who may vouch for it."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

CAA_TTL = 3600
CERTIFICATE_AUTHORITY = "letsencrypt.org"
"""What Let's Encrypt calls itself in a CAA record, for staging and production alike."""


@dataclass(kw_only=True)
class DnsArgs:
    """What the name needs to be told.

    host: a name in the zone `zone_id`.
    target, target_zone_id: the load balancer's DNS name, and the zone AWS has it in.
    """

    host: str
    zone_id: pulumi.Input[str]
    target: pulumi.Input[str]
    target_zone_id: pulumi.Input[str]


class Dns(pulumi.ComponentResource):
    """The records; `resources` must be there before a certificate is asked for."""

    resources: Sequence[pulumi.Resource]

    def __init__(self, name: str, args: DnsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:aws:Dns", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        alias = aws.route53.RecordAliasArgs(name=args.target, zone_id=args.target_zone_id, evaluate_target_health=True)
        self.resources = [
            aws.route53.Record(name, name=args.host, type="A", zone_id=args.zone_id, aliases=[alias], opts=child),
            aws.route53.Record(
                f"{name}-caa",
                name=args.host,
                type="CAA",
                zone_id=args.zone_id,
                ttl=CAA_TTL,
                records=[f'0 issue "{CERTIFICATE_AUTHORITY}"', '0 issuewild ";"'],
                opts=child,
            ),
        ]
        self.register_outputs({})
