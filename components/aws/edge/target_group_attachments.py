"""The ingress nodes as targets: every node of their autoscaling group joins the load balancer's target groups."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws


@dataclass(kw_only=True)
class TargetsArgs:
    """What is attached to what.

    target_group_arns: by entry point.
    autoscaling_group_name: of the ingress node group.
    """

    target_group_arns: Mapping[str, pulumi.Input[str]]
    autoscaling_group_name: pulumi.Input[str]


class Targets(pulumi.ComponentResource):
    """The attachments; `resources` must be there before the world reaches the ingress controller."""

    resources: Sequence[pulumi.Resource]

    def __init__(self, name: str, args: TargetsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("journal:aws:Targets", name, {}, opts)
        self.resources = [
            aws.autoscaling.Attachment(
                f"{name}-{entry_point}",
                autoscaling_group_name=args.autoscaling_group_name,
                lb_target_group_arn=arn,
                opts=pulumi.ResourceOptions(parent=self),
            )
            for entry_point, arn in args.target_group_arns.items()
        ]
        self.register_outputs({})
