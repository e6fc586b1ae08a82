"""IAM policy documents, read."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Statement:
    """A statement, every single value made a list. negated: NotAction, NotResource, NotPrincipal, as far as used."""

    effect: str
    actions: Sequence[str]
    resources: Sequence[str]
    principals: Mapping[str, Sequence[str]]
    conditions: Mapping[str, Mapping[str, Sequence[str]]]
    negated: Sequence[str]


def statements(document: Any) -> list[Statement] | None:
    """The statements of a document, JSON or parsed; None when it is not known yet. Raises ValueError."""
    if isinstance(document, str):
        document = json.loads(document)
    if not isinstance(document, Mapping):
        return None
    return [_statement(element) for element in _listed(document.get("Statement"))]


def _statement(element: Mapping[str, Any]) -> Statement:
    principal = element.get("Principal", {})
    if isinstance(principal, str):
        principal = {"AWS": principal}
    return Statement(
        effect=element.get("Effect", ""),
        actions=_listed(element.get("Action")),
        resources=_listed(element.get("Resource")),
        principals={kind: _listed(names) for kind, names in principal.items()},
        conditions={o: {k: _listed(v) for k, v in c.items()} for o, c in element.get("Condition", {}).items()},
        negated=[name for name in ("NotAction", "NotResource", "NotPrincipal") if name in element],
    )


def _listed(value: Any) -> list[Any]:
    return [] if value is None else list(value) if isinstance(value, list | tuple) else [value]
