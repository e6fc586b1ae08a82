"""The policy pack: no stack breaks a rule, and Pulumi's engine is handed the same rules."""

import runpy
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pulumi_aws
import pulumi_kubernetes
import pulumi_policy
import pytest
from pulumi_policy import (
    PolicyCustomTimeouts,
    PolicyProviderResource,
    PolicyResource,
    PolicyResourceOptions,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.proxy import UNKNOWN_ARRAY_VALUE, UNKNOWN_STRING_VALUE, unknown_checking_proxy

from policy import pack
from policy.rules import RULES, STACK_RULES
from policy.rules.model import Rule, StackRule
from tests.conftest import ROOT, Recording
from tests.unit.policy.examples import changed, good
from tests.unit.policy.violations import violations
from tools.resource import UNKNOWN, Resource


@pytest.mark.parametrize("rule", [*RULES, *STACK_RULES], ids=lambda rule: rule.name)
def test_no_stack_breaks_a_rule(rule: Rule | StackRule, recording: Recording) -> None:
    declared = [r for r in recording.registrations if not r.is_read]
    assert declared
    assert violations(rule, declared) == []


def test_names_are_unique_and_descriptions_are_sentences() -> None:
    names = [rule.name for rule in [*RULES, *STACK_RULES]]
    assert len(names) == len(set(names))
    assert all(rule.description.endswith(".") for rule in [*RULES, *STACK_RULES])


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_every_type_is_one_that_a_provider_has(rule: Rule) -> None:
    """A misspelt token would make a rule that never speaks."""
    known = "".join(Path(str(sdk.__file__)).read_text() for sdk in (pulumi_aws, pulumi_kubernetes))
    prefixes = {type_ for type_ in rule.types if type_.endswith(":")}
    assert rule.types
    assert prefixes <= {"aws:", "kubernetes:", "random:"}
    assert [type_ for type_ in rule.types if type_ not in prefixes and f'"{type_}"' not in known] == []


def test_the_pack_lists_every_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    packs: list[dict[str, Any]] = []
    monkeypatch.setattr(pulumi_policy, "PolicyPack", lambda **arguments: packs.append(arguments))
    monkeypatch.setattr(sys, "path", [*sys.path])
    runpy.run_path(str(ROOT / "policy"), run_name="__main__")
    (listed,) = packs
    policies = {(p.name, p.description, p.enforcement_level.value) for p in listed["policies"]}
    assert policies == {(rule.name, rule.description, rule.enforcement) for rule in [*RULES, *STACK_RULES]}


def test_what_the_engine_hands_over_is_made_plain() -> None:
    handed = unknown_checking_proxy({"a": [UNKNOWN_STRING_VALUE, {"b": 1.0}], "c": UNKNOWN_ARRAY_VALUE, "d": "text"})
    assert pack.plain(handed) == {"a": [UNKNOWN, {"b": 1.0}], "c": UNKNOWN, "d": "text"}


def test_the_pack_reports_what_a_rule_says() -> None:
    wrong = changed(good("node group"), "nodeRepairConfig.enabled", False)
    assert reported("node-repair", [wrong]) == [
        ("nodeRepairConfig.enabled is false; broken nodes stay: set it to true", None)
    ]
    assert reported("node-repair", [good("node group"), good("cluster")]) == []


def test_the_pack_reports_what_a_rule_says_of_a_stack() -> None:
    ((message, urn),) = reported("quota", [good("namespace")])
    assert message.startswith("may fill the cluster")
    assert urn == "urn:pulumi:prod::journal::kubernetes:core/v1:Namespace::namespace"


def test_the_pack_hands_a_rule_the_same_resource_as_a_recording() -> None:
    handed = good("vpc")
    rebuilt = pack.resource_of(_handed(handed))
    assert rebuilt == replace(handed, inputs={**handed.inputs, "id": handed.id}, provider=rebuilt.provider)
    assert rebuilt.provider is not None
    assert handed.provider is not None
    assert (rebuilt.provider.name, rebuilt.provider.inputs) == (handed.provider.name, handed.provider.inputs)


def reported(rule: str, resources: list[Resource]) -> list[tuple[str, str | None]]:
    """What the pack's policy of a rule tells the engine of resources."""
    found: list[tuple[str, str | None]] = []
    (policy,) = [p for p in pack.policies() if p.name == rule]
    handed = [_handed(r) for r in resources]
    if isinstance(policy, StackValidationPolicy):
        policy.validate(StackValidationArgs(handed), lambda message, urn: found.append((message, urn)))
    elif isinstance(policy, ResourceValidationPolicy):
        for r in handed:
            args = ResourceValidationArgs(r.resource_type, r.props, r.urn, r.name, r.opts, r.provider)
            policy.validate(args, lambda message, urn: found.append((message, urn)))
    return found


def _handed(r: Resource) -> PolicyResource:
    options = PolicyResourceOptions(r.protect, [], None, [], PolicyCustomTimeouts(0, 0, 0), [])
    provider = None
    if r.provider is not None:
        its_inputs = unknown_checking_proxy(dict(r.provider.inputs))
        provider = PolicyProviderResource(r.provider.type, its_inputs, r.provider.urn, r.provider.name)
    inputs = unknown_checking_proxy({**r.inputs, "id": r.id})
    return PolicyResource(r.type, inputs, r.urn, r.name, options, provider, None, [], {})
