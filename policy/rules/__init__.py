"""All rules, by topic."""

from policy.rules import (
    dns,
    encryption,
    identity,
    images,
    namespaces,
    network,
    nodes,
    oversight,
    pods,
    providers,
    storage,
    tags,
    volumes,
)
from policy.rules.model import Rule, StackRule

RULES: list[Rule] = [
    rule
    for topic in (
        network,
        encryption,
        storage,
        identity,
        oversight,
        nodes,
        pods,
        images,
        namespaces,
        dns,
        tags,
        providers,
    )
    for rule in topic.RULES
]
STACK_RULES: list[StackRule] = [
    rule for topic in (network, encryption, storage, volumes, pods, namespaces) for rule in topic.STACK_RULES
]

__all__ = ["RULES", "STACK_RULES"]
