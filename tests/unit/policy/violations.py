"""What the rules of the policy pack say of resources, as text."""

from collections.abc import Sequence

from policy.rules import RULES, STACK_RULES
from policy.rules.model import Message, Rule, Stack, StackRule
from tools.resource import Resource

BY_NAME: dict[str, Rule | StackRule] = {rule.name: rule for rule in [*RULES, *STACK_RULES]}


def violations(rule: Rule | StackRule, resources: Sequence[Resource]) -> list[Message]:
    """What a rule finds wrong with resources, each message behind the resource that it is about."""
    if isinstance(rule, Rule):
        return [f"{r.label}: {message}" for r in resources if rule.about(r.type) for message in rule.check(r)]
    found = rule.check(Stack(resources))
    return [f"{v.resource.label}: {v.message}" if v.resource else v.message for v in found]
