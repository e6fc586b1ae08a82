"""The policy pack: no stack breaks a rule, and Pulumi's engine is handed the same rules."""

import runpy
import sys
from pathlib import Path
from typing import Any

import pulumi_aws
import pulumi_kubernetes
import pulumi_policy
import pytest

from policy.rules import RULES, STACK_RULES
from policy.rules.model import Rule, StackRule
from tests.conftest import ROOT, Recording
from tests.unit.policies import said, stack_of


@pytest.mark.parametrize("rule", [*RULES, *STACK_RULES], ids=lambda rule: rule.name)
def test_no_stack_breaks_a_rule(rule: Rule | StackRule, recording: Recording, stack: str) -> None:
    assert said(rule, stack_of(recording, stack).resources, stack) == []


def test_names_are_unique_and_descriptions_are_sentences() -> None:
    names = [rule.name for rule in [*RULES, *STACK_RULES]]
    assert len(names) == len(set(names))
    assert all(rule.description.endswith(".") for rule in [*RULES, *STACK_RULES])


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_every_type_is_one_that_a_provider_has(rule: Rule) -> None:
    """A misspelt token would make a rule that never speaks."""
    known = "".join(Path(str(sdk.__file__)).read_text() for sdk in (pulumi_aws, pulumi_kubernetes))
    for type_ in rule.types:
        if type_.endswith(":"):
            assert type_ in ("aws:", "kubernetes:", "random:")
        elif type_.startswith("pulumi:providers:"):
            assert f'"token": "{type_}"' in known
        else:
            assert f'"{type_}"' in known, type_


def test_the_pack_lists_every_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    packs: list[dict[str, Any]] = []
    monkeypatch.setattr(pulumi_policy, "PolicyPack", lambda **arguments: packs.append(arguments))
    monkeypatch.setattr(sys, "path", [*sys.path])
    runpy.run_path(str(ROOT / "policy"), run_name="__main__")
    (pack,) = packs
    listed = {(p.name, p.description, p.enforcement_level.value) for p in pack["policies"]}
    assert listed == {(rule.name, rule.description, rule.enforcement) for rule in [*RULES, *STACK_RULES]}
