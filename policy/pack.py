"""The rules as Pulumi's engine asks them."""

from collections.abc import Mapping, Sequence
from typing import Any

from pulumi_policy import (
    EnforcementLevel,
    Policy,
    PolicyResource,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.proxy import UnknownValueError

from policy.rules import RULES, STACK_RULES
from policy.rules.model import Rule, Stack, StackRule
from tools.resource import UNKNOWN, Resource

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
            for message in rule.check(resource_of(args)):
                report(message, None)

    return ResourceValidationPolicy(rule.name, rule.description, validate, EnforcementLevel(rule.enforcement))


def _stack_policy(rule: StackRule) -> Policy:
    def validate(args: StackValidationArgs, report: ReportViolation) -> None:
        for violation in rule.check(Stack([resource_of(r) for r in args.resources])):
            report(violation.message, None if violation.resource is None else violation.resource.urn)

    return StackValidationPolicy(rule.name, rule.description, validate, EnforcementLevel(rule.enforcement))


def resource_of(r: ResourceValidationArgs | PolicyResource) -> Resource:
    """A resource as the engine hands it over, as rules read it."""
    inputs, provider = plain(r.props), r.provider
    return Resource(
        urn=r.urn,
        type=r.resource_type,
        name=r.name,
        inputs=inputs,
        id=inputs.get("id", UNKNOWN),
        provider=None
        if provider is None
        else Resource(provider.urn, provider.resource_type, provider.name, plain(provider.props)),
        protect=r.opts.protect,
    )
