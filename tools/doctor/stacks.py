"""A stack as the doctor sees it: its settings, and what its recording says beyond quotas."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from components import settings
from components.settings.aws import AwsSettings
from tools import cloud, stack
from tools.doctor import demand
from tools.doctor.quotas import Amount, Slot
from tools.failures import Failure
from tools.resource import Resource

IMAGE = re.compile(
    r"\d{12}\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com/(?P<repository>[^:@]+)"
    r"(?::(?P<tag>[^@]+))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)
"""A reference to an image in ECR."""


@dataclass(frozen=True)
class Stack:
    """One stack in AWS, with the resources of its recording."""

    name: str
    settings: settings.Settings | settings.SharedSettings
    resources: Sequence[Resource]

    @property
    def account(self) -> str:
        return self._aws.account

    @property
    def region(self) -> str:
        return self._aws.region

    @property
    def environment(self) -> str:
        return self.settings.environment

    @property
    def is_shared(self) -> bool:
        return isinstance(self.settings, settings.SharedSettings)

    @property
    def cluster(self) -> AwsSettings:
        """The settings of the stack's cluster. Only stacks that are not `shared` have one."""
        if not isinstance(self._aws, AwsSettings):
            raise TypeError(f"stack {self.name} has no cluster")
        return self._aws

    @cached_property
    def demand(self) -> Mapping[Slot, Amount]:
        return demand.of_stack(self.resources)

    @property
    def add_ons(self) -> dict[str, str]:
        """Version by add-on."""
        return {r["addonName"]: r["addonVersion"] for r in self._of("Addon") if "addonVersion" in r.inputs}

    @property
    def node_groups(self) -> dict[str, tuple[list[str], list[str]]]:
        """Instance types and zones by node group."""
        zones = {r.id: r.inputs.get("availabilityZone", "") for r in self._of("Subnet")}
        return {
            r.name: (list(r.inputs.get("instanceTypes", [])), sorted({zones[s] for s in r["subnetIds"] if s in zones}))
            for r in self._of("NodeGroup")
        }

    @property
    def principals(self) -> list[str]:
        """The ARNs that get access to the cluster."""
        return sorted({r["principalArn"] for r in self._of("AccessEntry") if isinstance(r["principalArn"], str)})

    @property
    def images(self) -> list[str]:
        """The images that are in ECR."""
        found = (image for r in self.resources if r.package == "kubernetes" for image in _images(r.inputs))
        return sorted({image for image in found if IMAGE.fullmatch(image)})

    @property
    def _aws(self) -> Any:
        if self.settings.aws is None:
            raise TypeError(f"stack {self.name} is not in AWS")
        return self.settings.aws

    def _of(self, kind: str) -> Iterator[Resource]:
        return (r for r in self.resources if r.package == "aws" and r.kind == kind and r.custom and not r.is_read)


def require_in_aws(name: str) -> None:
    """Raises Failure for a stack that is not in AWS, or nowhere."""
    names = stack.in_aws()
    stack.config_of(name)
    if name not in names:
        raise Failure(f"Stack {name} is not in AWS: there is no account to ask.", f"In AWS: {', '.join(names)}.")


def load(name: str) -> Stack:
    """Record a stack that is in AWS."""
    return Stack(name, stack.checked(stack.config_of(name)), cloud.record(name).registrations)


def shared_of(stacks: Sequence[Stack], asked: Stack) -> Stack | None:
    """The stack `shared` that a stack builds on; itself if it is that one."""
    if asked.is_shared:
        return asked
    name = asked.cluster.shared_stack.rpartition("/")[2]
    return next((each for each in stacks if each.name == name), None)


def _images(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, part in value.items():
            if key == "image" and isinstance(part, str):
                yield part
            else:
                yield from _images(part)
    elif isinstance(value, list):
        for part in value:
            yield from _images(part)
