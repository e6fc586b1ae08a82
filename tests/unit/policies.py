"""What the tests of the policy pack share: recorded resources as rules take them, and what rules say of them."""

from collections.abc import Sequence

from policy.rules import RULES, STACK_RULES
from policy.rules.model import UNKNOWN, Message, Provider, Resource, Rule, Stack, StackRule
from tools import cloud
from tools.recording import Recorder, Registration

BY_NAME: dict[str, Rule | StackRule] = {rule.name: rule for rule in [*RULES, *STACK_RULES]}


def stack_of(recording: Recorder, name: str) -> Stack:
    """All that a stack registers, as the engine would hand it to the pack."""
    return Stack(name=name, resources=[_resource(r, recording, name) for r in recording.registrations if not r.read_id])


def said(rule: Rule | StackRule, resources: Sequence[Resource], stack: str = "prod") -> list[Message]:
    """What a rule finds wrong with resources, each message behind the resource that it is about."""
    if isinstance(rule, Rule):
        return [f"{r.kind} {r.name}: {message}" for r in resources if rule.about(r.type) for message in rule.check(r)]
    found = rule.check(Stack(name=stack, resources=resources))
    return [f"{v.resource.kind} {v.resource.name}: {v.message}" if v.resource else v.message for v in found]


def _resource(r: Registration, recording: Recorder, stack: str) -> Resource:
    custom = r.custom and not r.type.startswith("pulumi:")
    urn = r.provider.rpartition("::")[0]
    provider = recording.by_urn(urn) if urn else None
    return Resource(
        type=r.type,
        name=r.name,
        inputs=r.inputs,
        stack=stack,
        urn=r.urn,
        id=cloud.Cloud()(r).get("id", UNKNOWN) if custom else UNKNOWN,
        provider=Provider(name=provider.name, inputs=provider.inputs) if custom and provider else None,
        protect=r.protect,
    )
