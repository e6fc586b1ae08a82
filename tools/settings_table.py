"""How the stacks differ: every setting that is not the same in all of them."""

from collections.abc import Iterator, Mapping
from typing import Any

from components import settings
from tools import stack

ORDER = ("local", "dev", "staging", "prod")
NAMES = ("name", "key")
"""What tells the items of a list apart: a node group's name, a taint's key."""


def environments() -> list[str]:
    """The stacks with settings of one kind, from the smallest environment to production: all but `shared`."""
    names = [name for name in stack.names() if isinstance(stack.checked(stack.read(name)), settings.Settings)]
    return sorted(names, key=lambda name: (ORDER.index(name) if name in ORDER else len(ORDER), name))


def settings_of(name: str) -> dict[str, str]:
    """A stack's settings, defaults among them, as text by dotted key. Raises StackError and SettingsError."""
    return dict(flat(stack.checked(stack.read(name)).model_dump(mode="json", by_alias=True)))


def flat(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Each leaf by its dotted key. Nothing and empty lists have no line; lists of plain values have one."""
    if isinstance(value, Mapping):
        for name, part in value.items():
            yield from flat(part, f"{key}.{name}" if key else str(name))
    elif isinstance(value, list) and value and isinstance(value[0], Mapping):
        for number, item in enumerate(value, 1):
            own = next((str(item[n]) for n in NAMES if n in item), str(number))
            yield from flat({k: v for k, v in item.items() if v != own}, f"{key}.{own}")
    elif isinstance(value, list):
        if value:
            yield key, ", ".join(map(str, value))
    elif isinstance(value, bool):
        yield key, "yes" if value else "no"
    elif value is not None:
        yield key, str(value)


def table(stacks: Mapping[str, Mapping[str, str]]) -> list[tuple[str, list[str]]]:
    """Key and value by stack (empty where a stack has none) of each setting that differs, by section.

    A stack without a section at all (`local` has no `aws`) differs in that alone: its cells are empty.
    """
    sections = {name: {_section(key) for key in each} | _optional(stacks) for name, each in stacks.items()}
    keys = list(dict.fromkeys(key for each in stacks.values() for key in each))
    order = {section: number for number, section in reversed(list(enumerate(map(_section, keys))))}
    rows: list[tuple[str, list[str]]] = []
    for key in sorted(keys, key=lambda k: (order[_section(k)], k.split(".")[:-1])):
        compared = {each.get(key, "") for name, each in stacks.items() if _section(key) in sections[name]}
        if len(compared) > 1:
            rows.append((key, [each.get(key, "") for each in stacks.values()]))
    return rows


def _section(key: str) -> str:
    return key.partition(".")[0]


def _optional(stacks: Mapping[str, Mapping[str, str]]) -> set[str]:
    """Settings at the top that are values themselves: a stack that lacks one differs in it."""
    return {key for each in stacks.values() for key in each if "." not in key}
