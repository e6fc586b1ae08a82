"""Tags: whose a resource is."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from policy.rules.model import Message, Rule, at, given, is_
from tools.resource import UNKNOWN, Resource

REQUIRED = ("Project", "Environment", "ManagedBy")


def default_tags(r: Resource) -> Any:
    """What the provider adds to every resource; a provider's inputs are JSON."""
    defaults = None if r.provider is None else r.provider.inputs.get("defaultTags")
    return at(json.loads(defaults) if isinstance(defaults, str) else defaults, "tags")


def _tags(r: Resource) -> Iterator[Message]:
    defaults = default_tags(r)
    own = r.inputs.get("tags")
    if defaults is UNKNOWN:
        return
    tags = {**(defaults if isinstance(defaults, Mapping) else {}), **(own if isinstance(own, Mapping) else {})}
    missing = [name for name in REQUIRED if not given(tags.get(name))]
    if missing:
        yield f"lacks the tags {', '.join(missing)}: name the stack's AWS provider, whose default tags have them"
    elif not is_(tags["Environment"], r.stack):
        yield f"Environment is {tags['Environment']!r} in stack {r.stack!r}: let the stack's provider set it"


RULES = [
    Rule(
        name="tags",
        description=f"Resources in AWS carry the tags {', '.join(REQUIRED)}.",
        types=["aws:"],
        check=_tags,
    )
]
