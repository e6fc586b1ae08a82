"""The DNS zone that the environments' hosts are names in."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.aws.scope import Scope


@dataclass(kw_only=True)
class ZoneArgs:
    """What the zone needs to be told."""

    scope: Scope
    domain: str


class Zone(pulumi.ComponentResource):
    """A public zone. The domain's registrar must name its `name_servers`."""

    zone_id: pulumi.Output[str]
    name_servers: pulumi.Output[Sequence[str]]

    def __init__(self, name: str, args: ZoneArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:aws:Zone", name, {}, opts)
        zone = aws.route53.Zone(
            name,
            name=args.domain,
            comment="The journal's environments",
            force_destroy=False,
            opts=pulumi.ResourceOptions(parent=self, protect=args.scope.protect),
        )
        self.zone_id, self.name_servers = zone.id, zone.name_servers
        self.register_outputs({"zone_id": self.zone_id, "name_servers": self.name_servers})
