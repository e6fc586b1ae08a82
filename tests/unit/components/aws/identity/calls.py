"""What the AWS provider calls for each resource of a stack: the tables in `calls/`, applied to a recording."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from components.aws.scope import default_tags, scope_of
from components.settings.aws import AccountSettings
from tests.conftest import Recording, settings_of
from tests.unit.components.aws.identity.authorization_reference import action as reference
from tests.unit.components.aws.identity.iam_evaluator import Context
from tools.resource import Resource

FOLDER = Path(__file__).with_name("calls")
PHASES = ("create", "read", "update", "tag", "delete")
ACCOUNT, REGION = "111122223333", "eu-central-1"
"""Where the recordings of all stacks are, as the mocks have it."""
NEW, SELF, ANY = "new", "self", "any"
KEY = "aws:kms/key:Key"
ADDED_TAG = "Team"
"""The tag that is set later, and removed."""


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request. key_policy: the policy of the KMS key that is asked for."""

    label: str
    action: str
    arn: str
    context: Context
    key_policy: str | None = None

    def __str__(self) -> str:
        return f"{self.label}: {self.action} on {self.arn} with {dict(self.context)}"


@cache
def table() -> Mapping[str, Mapping[str, Any]]:
    """The entries of all files, by resource type."""
    files = sorted(FOLDER.glob("*.yaml"))
    return {type_: entry for file in files for type_, entry in yaml.safe_load(file.read_text()).items()}


def region_of(resource: Resource) -> str:
    """That of the resource's provider; the mocks answer as if all were in one region."""
    return REGION if resource.provider is None else str(resource.provider.inputs.get("region", REGION))


class Calls:
    """The calls for the resources of one stack."""

    def __init__(self, stack: str, recording: Recording, principal: str) -> None:
        account = AccountSettings.model_validate({"account": ACCOUNT, "region": REGION})
        self._scope = scope_of(stack, account, protect=False)
        extra = settings_of(stack).get("aws", {}).get("tags", {})
        self._tags, self._principal = default_tags(self._scope, extra), principal
        self._recording = recording
        self.resources = [r for r in recording.registrations if r.type.startswith("aws:")]
        self._by_name: dict[str, list[Resource]] = {}
        for resource in (r for r in self.resources if r.type in table()):
            for name in {str(resource.id), self._answered(resource), self.arn(resource)}:
                self._by_name.setdefault(name, []).append(resource)

    def of(self, resource: Resource, phase: str) -> Iterator[Call]:
        """The requests of one phase of a resource's life."""
        previous = ""
        for action, given in table()[resource.type].get(phase, {}).items():
            for request in given if isinstance(given, list) else [given]:
                spec, added = (request["to"], request.get("with", {})) if isinstance(request, dict) else (request, {})
                extra = {self._filled(k, resource): self._filled(v, resource) for k, v in added.items()}
                for target in spec.split():
                    yield from self._calls(resource, phase, action, target, {"ec2:CreateAction": previous, **extra})
            previous = previous or action.partition(":")[2]

    def arn(self, resource: Resource) -> str:
        """The ARN of a resource: from the table where it has one, else what AWS answered."""
        form = table()[resource.type].get("arn")
        if form is not None:
            return f"arn:aws:{self._filled(form, resource)}"
        return self._answered(resource).replace(f":{REGION}:", f":{region_of(resource)}:")

    def _answered(self, resource: Resource) -> str:
        """An `arn` among the inputs is that of another resource."""
        return "" if "arn" in resource.inputs else str(self._recording.resources[resource.urn].state.get("arn", ""))

    def _calls(self, resource: Resource, phase: str, action: str, target: str, extra: Context) -> Iterator[Call]:
        for arn, found, old in self._targets(resource, action, target):
            context = {
                "aws:RequestedRegion": region_of(resource),
                "aws:PrincipalArn": self._principal,
                **self._request_tags(resource, phase, action),
                **(self._tags_of(found) if found is not None and old else {}),
                **self._properties(found),
                **extra,
            }
            known = reference(action)
            held = {k: v for k, v in context.items() if known is None or known.knows(k, arn)}
            policy = found["policy"] if found is not None and found.type == KEY else None
            yield Call(label=f"{resource.label} ({phase})", action=action, arn=arn, context=held, key_policy=policy)

    def _targets(self, resource: Resource, action: str, target: str) -> Iterator[tuple[str, Resource | None, bool]]:
        """ARNs, the resource where it is one of the stack, and whether its tags count."""
        if target == ANY:
            yield "*", None, False
        elif target in (NEW, SELF):
            yield self.arn(resource), resource, target == SELF
        elif target.startswith("@"):
            for value in _at(resource.inputs, target[1:].split(".")):
                found = self._named(value, action)
                # Tags of a key count after up to five minutes (KMS guide, ABAC): it must work with and without them.
                for old in (True, False) if found.type == KEY else (True,):
                    yield self.arn(found), found, old
        else:
            yield f"arn:aws:{self._filled(target, resource)}", None, True

    def _named(self, value: str, action: str) -> Resource:
        """The resource with this id, name or ARN. Several types may share a name: the action takes one of them."""
        found, known = self._by_name.get(value, []), reference(action)
        fitting = [r for r in found if known is not None and known.kinds_of(self.arn(r))]
        if len(fitting) != 1:
            there = ", ".join(r.label for r in found) or "no resource of the stack"
            raise LookupError(f"{action} is asked for {value}, which is the name of: {there}")
        return fitting[0]

    def _request_tags(self, resource: Resource, phase: str, action: str) -> Context:
        if phase == "create" and table()[resource.type]["tag"]:
            tags = self._all_tags(resource)
            return {**{f"aws:RequestTag/{key}": value for key, value in tags.items()}, "aws:TagKeys": list(tags)}
        if phase != "tag":
            return {}
        removes = any(word in action for word in ("Untag", "DeleteTags", "RemoveTags"))
        return {"aws:TagKeys": [ADDED_TAG], **({} if removes else {f"aws:RequestTag/{ADDED_TAG}": "any"})}

    def _tags_of(self, resource: Resource) -> Context:
        takes_tags = table()[resource.type].get("tag")
        return {f"aws:ResourceTag/{k}": v for k, v in self._all_tags(resource).items()} if takes_tags else {}

    def _all_tags(self, resource: Resource) -> Mapping[str, str]:
        return {**self._tags, **resource.inputs.get("tags", {})}

    def _properties(self, resource: Resource | None) -> Context:
        if resource is not None and "permissionsBoundary" in resource.inputs:
            return {"iam:PermissionsBoundary": resource["permissionsBoundary"]}
        return {}

    def _filled(self, form: str, resource: Resource) -> str:
        return form.format(
            here=f"{region_of(resource)}:{ACCOUNT}", region=region_of(resource), account=ACCOUNT,
            stack=self._scope.name, environment=self._scope.environment, i=resource.inputs,
        )  # fmt: skip


def _at(value: Any, path: Sequence[str]) -> Iterator[str]:
    """The texts at a path of inputs, through lists; nothing where the input is not given."""
    if isinstance(value, list):
        for element in value:
            yield from _at(element, path)
    elif value is not None:
        if path:
            yield from _at(value.get(path[0]), path[1:])
        else:
            yield value
