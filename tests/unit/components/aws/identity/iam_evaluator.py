"""A small evaluator of IAM's identity policies: enough of the guide's rules to ask what a role may do."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

Context = Mapping[str, str | Sequence[str]]


def allowed(documents: Sequence[str], action: str, resource: str, context: Context | None = None) -> bool:
    """Whether some statement allows it and none denies it (IAM guide, Policy evaluation logic)."""
    statements = [statement for text in documents for statement in json.loads(text)["Statement"]]
    hit = {s["Effect"] for s in statements if _applies(s, action, resource, {} if context is None else context)}
    return hit == {"Allow"}


def _applies(statement: Mapping[str, Any], action: str, resource: str, context: Context) -> bool:
    return (
        action.lower() in (a.lower() for a in statement["Action"])
        and any(_like(pattern, resource) for pattern in statement["Resource"])
        and all(
            _holds(operator, key, _values(wanted), context)
            for operator, keys in statement.get("Condition", {}).items()
            for key, wanted in keys.items()
        )
    )


def _holds(operator: str, key: str, wanted: Sequence[str], context: Context) -> bool:
    quantifier, _, name = operator.rpartition(":")
    given = None if key not in context else _values(context[key])
    if name == "Null":
        return (given is None) == (wanted == ["true"])
    if given is None:
        return name.endswith("IfExists") or quantifier == "ForAllValues" or "Not" in name
    results = [_compare(name.removesuffix("IfExists"), value, wanted) for value in given]
    return all(results) if quantifier == "ForAllValues" else any(results)


def _compare(operator: str, value: str, wanted: Sequence[str]) -> bool:
    match operator:
        case "StringEquals" | "Bool":
            return value in wanted
        case "StringNotEquals":
            return value not in wanted
        case "StringLike" | "ArnLike":
            return any(_like(pattern, value) for pattern in wanted)
    raise ValueError(f"the evaluator knows no condition operator {operator}; add it here, as the IAM guide has it")


def _values(value: str | Sequence[str]) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def _like(pattern: str, text: str) -> bool:
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), text) is not None
