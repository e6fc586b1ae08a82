"""docs/settings.md: every setting of a stack with its type, default and description, from the JSON schema."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from components import settings

INTRODUCTION = """# Settings

Every key of `Pulumi.<stack>.yaml`. `python -m tools schema` writes this page and `docs/stack.schema.json` from the
models in `components/settings`. Editors check and complete a stack's file by the schema.

The stack `shared` holds what an AWS account has once. Every other stack deploys the journal to a cluster.
"""
TITLES = {"else": "Stacks with a cluster", "then": "The stack `shared`"}
LINK = re.compile(r"https://\S+$")
"""The link at the end of a description."""


def markdown(namespace: str = "journal") -> str:
    """The page: a table for the keys of each kind of stack, and one for each object in their values."""
    schema = settings.schema(namespace)
    branches, models = schema["properties"]["config"], schema["$defs"]
    uses: dict[str, list[str]] = {}
    sections = [INTRODUCTION]
    for branch, title in TITLES.items():
        _find_uses(branches[branch], models, "", uses)
        sections.append(f"## {title}\n\n{_table(branches[branch], models)}")
    for name, paths in uses.items():
        places = ", ".join(f"`{path}`" for path in paths)
        sections.append(
            f"## {name}\n\n{models[name]['description']} Used at {places}.\n\n{_table(models[name], models)}"
        )
    return "\n".join(sections)


def _find_uses(model: Mapping[str, Any], models: Mapping[str, Any], path: str, uses: dict[str, list[str]]) -> None:
    """Collects the dotted paths at which each model is used, in the order of the page."""
    for key, value in model["properties"].items():
        here = f"{path}.{key}" if path else key
        for name, suffix in _references(value):
            uses.setdefault(name, []).append(here + suffix)
            _find_uses(models[name], models, here + suffix, uses)


def _references(value: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The models that a value refers to, each with "[]" if it is a list of them."""
    if "$ref" in value:
        yield _name(value), ""
    for option in value.get("anyOf", []):
        yield from _references(option)
    if "items" in value:
        yield from ((name, "[]") for name, _ in _references(value["items"]))


def _table(model: Mapping[str, Any], models: Mapping[str, Any]) -> str:
    rows = ["| Key | Type | Default | Description |", "| --- | --- | --- | --- |"]
    for key, value in model["properties"].items():
        default = "required" if key in model.get("required", []) else _default(value["default"])
        rows.append(f"| `{key}` | {_type(value)} | {default} | {_description(value, models)} |")
    return "\n".join(rows) + "\n"


def _description(value: Mapping[str, Any], models: Mapping[str, Any]) -> str:
    """A setting's description, or that of its model: Pydantic leaves out a description that repeats the model's."""
    text = value["description"] if "description" in value else models[_name(value)]["description"]
    return LINK.sub(lambda url: f"[Reference]({url.group()})", text).replace("|", r"\|")


def _name(value: Mapping[str, Any]) -> str:
    """The name of the model that a setting refers to."""
    return value["$ref"].rpartition("/")[2]


def _default(value: Any) -> str:
    match value:
        case None | "" | [] | {}:
            return "none"
        case bool():
            return f"`{str(value).lower()}`"
        case list():
            return f"`[{', '.join(map(str, value))}]`"
    return f"`{value}`"


def _type(value: Mapping[str, Any]) -> str:
    if "anyOf" in value:
        return " or ".join(_type(option) for option in value["anyOf"] if option != {"type": "null"})
    if "$ref" in value:
        return f"[{_name(value)}](#{_name(value).lower()})"
    if "const" in value:
        return f"`{value['const']}`"
    if "enum" in value:
        return ", ".join(f"`{option}`" for option in value["enum"])
    match value["type"]:
        case "array":
            items = _type(value["items"])
            return "list of strings" if items == "string" else f"list of {items}"
        case "object" if "secure" in value.get("properties", {}):
            return "secret"
        case "object":
            return "map of strings"
        case "integer" if "minimum" in value:
            return f"integer from {value['minimum']}" + (f" to {value['maximum']}" if "maximum" in value else "")
        case kind:
            return str(kind)
