"""The rules as Pulumi's engine asks them."""

from collections.abc import Mapping, Sequence
from typing import Any

from pulumi_policy import (
    EnforcementLevel,
    Policy,
    PolicyProviderResource,
    PolicyResource,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.proxy import UnknownValueError

from policy.rules import RULES, STACK_RULES
from policy.rules.model import UNKNOWN, Provider, Resource, Rule, Stack, StackRule

NAME = "journal"


def policies() -> list[Policy]:
    return [*map(_resource_policy, RULES), *map(_stack_policy, STACK_RULES)]


def plain(value: Any) -> Any:
    """A property value as rules take it: dicts and lists, UNKNOWN where a preview can't know."""
    if isinstance(value, Mapping):
        return {key: _plain_at(value, key) for key in value}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_plain_at(value, index) for index in range(len(value))]
    return value


def _plain_at(container: Any, key: Any) -> Any:
    try:
        return plain(container[key])
    except UnknownValueError:
        return UNKNOWN


def _resource_policy(rule: Rule) -> Policy:
    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        if rule.about(args.resource_type):
            for message in rule.check(_resource(args)):
                report(message, None)

    return ResourceValidationPolicy(rule.name, rule.description, validate, EnforcementLevel(rule.enforcement))


def _stack_policy(rule: StackRule) -> Policy:
    def validate(args: StackValidationArgs, report: ReportViolation) -> None:
        resources = [_resource(r) for r in args.resources]
        if not resources:
            return
        for violation in rule.check(Stack(name=resources[0].stack, resources=resources)):
            report(violation.message, None if violation.resource is None else violation.resource.urn)

    return StackValidationPolicy(rule.name, rule.description, validate, EnforcementLevel(rule.enforcement))


def _resource(r: ResourceValidationArgs | PolicyResource) -> Resource:
    inputs = plain(r.props)
    return Resource(
        type=r.resource_type,
        name=r.name,
        inputs=inputs,
        stack=r.urn.split("::")[0].rpartition(":")[2],
        urn=r.urn,
        id=inputs.get("id", UNKNOWN),
        provider=_provider(r.provider),
        protect=r.opts.protect,
    )


def _provider(provider: PolicyProviderResource | None) -> Provider | None:
    return None if provider is None else Provider(name=provider.name, inputs=plain(provider.props))
