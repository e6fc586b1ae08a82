"""A small evaluator of IAM's policies: enough of the guide's rules to ask what a role may do."""

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

Context = Mapping[str, str | Sequence[str]]


def allowed(documents: Sequence[str], action: str, resource: str, context: Context | None = None) -> bool:
    """Whether some statement allows it and none denies it (IAM guide, Policy evaluation logic)."""
    return _effects(documents, None, action, resource, {} if context is None else context) == {"Allow"}


def allowed_with_key(
    role: str, documents: Sequence[str], key_policy: str, action: str, resource: str, context: Context
) -> bool:
    """The same for a KMS key, whose policy has a say (KMS guide, Determining access to KMS keys).

    A statement that names the role is enough. One that names the account leaves it to the policies of the role.
    """
    account = role.split(":")[4]
    by_name = _effects([key_policy], role, action, resource, context)
    by_account = _effects([key_policy], f"arn:aws:iam::{account}:root", action, resource, context)
    by_role = _effects(documents, None, action, resource, context)
    if "Deny" in by_name | by_account | by_role:
        return False
    return by_name == {"Allow"} or (by_account == {"Allow"} and by_role == {"Allow"})


def _effects(documents: Sequence[str], principal: str | None, action: str, resource: str, context: Context) -> set[str]:
    """The effects of all statements that apply to a request."""
    return {
        statement["Effect"]
        for text in documents
        for statement in _by_action(text).get(action.lower(), [])
        if _names(statement, principal) and _applies(statement, resource, context)
    }


@cache
def _by_action(text: str) -> Mapping[str, Sequence[Mapping[str, Any]]]:
    found: dict[str, list[Mapping[str, Any]]] = {}
    for statement in json.loads(text)["Statement"]:
        for action in statement["Action"]:
            found.setdefault(action.lower(), []).append(statement)
    return found


def _names(statement: Mapping[str, Any], principal: str | None) -> bool:
    return principal is None or principal in statement["Principal"].get("AWS", [])


def _applies(statement: Mapping[str, Any], resource: str, context: Context) -> bool:
    return any(_like(pattern, resource) for pattern in statement["Resource"]) and all(
        _holds(operator, key, _values(wanted), context)
        for operator, keys in statement.get("Condition", {}).items()
        for key, wanted in keys.items()
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
        case "StringEquals" | "Bool" | "ArnEquals":
            return value in wanted
        case "StringNotEquals" | "ArnNotEquals":
            return value not in wanted
        case "StringLike" | "ArnLike":
            return any(_like(pattern, value) for pattern in wanted)
    raise ValueError(f"the evaluator knows no condition operator {operator}; add it here, as the IAM guide has it")


def _values(value: str | Sequence[str]) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def _like(pattern: str, text: str) -> bool:
    return _pattern(pattern).fullmatch(text) is not None


@cache
def _pattern(pattern: str) -> re.Pattern[str]:
    return re.compile(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."))
