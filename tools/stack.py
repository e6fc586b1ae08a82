"""The stacks' files: which there are, what each says, and in what they differ."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from components import settings
from components.settings import files
from tools.failures import Failure

ROOT = Path(__file__).resolve().parent.parent
STATE = ROOT / ".state"
PROJECT = "journal"
SMALLEST_FIRST = ("local", "dev", "staging", "prod")
NAMES = ("name", "key")
"""What tells the items of a list apart: a node group's name, a taint's key."""


def names() -> list[str]:
    """The stacks that the project has, by their files."""
    return sorted(path.name[len("Pulumi.") : -len(".yaml")] for path in ROOT.glob("Pulumi.*.yaml"))


def in_aws() -> list[str]:
    """The stacks that are in AWS."""
    return [name for name in names() if isinstance(read(name).get(f"{PROJECT}:aws"), dict)]


class StackError(Failure):
    """A stack's file is missing or no stack file."""


def read(stack: str) -> dict[str, Any]:
    """The `config` of a stack's file. Raises StackError."""
    if stack not in names():
        raise StackError(f"There is no stack {stack!r}. Stacks here: {', '.join(names())}.")
    try:
        return files.read(ROOT / f"Pulumi.{stack}.yaml", PROJECT)
    except files.FileError as error:
        raise StackError(str(error)) from None


def checked(config: Mapping[str, Any], stack: str | None = None) -> settings.Settings | settings.SharedSettings:
    """The settings in a stack's config, checked against the file of stack `shared`. Raises SettingsError.

    stack: the stack's name; without it, its environment may be any.
    """
    return settings.parse(files.own(config, PROJECT), PROJECT, stack=stack, folder=ROOT)


def _of_file(stack: str) -> settings.Settings | settings.SharedSettings:
    """The settings in a stack's file. Raises StackError, and SettingsError with the file's name: others read it too."""
    try:
        return checked(read(stack), stack)
    except settings.SettingsError as error:
        raise settings.SettingsError(f"Pulumi.{stack}.yaml: {error}") from None


def config_of(stack: str) -> dict[str, Any]:
    """A stack's config, checked whole. Raises StackError and SettingsError."""
    config = read(stack)
    _of_file(stack)
    return config


def environments() -> list[str]:
    """The stacks with settings of one kind, from the smallest environment to production: all but `shared`."""
    found = [name for name in names() if isinstance(_of_file(name), settings.Settings)]
    return sorted(found, key=lambda name: (*SMALLEST_FIRST, name).index(name))


def settings_of(name: str) -> dict[str, str]:
    """A stack's settings, defaults among them, as text by dotted key. Raises StackError and SettingsError."""
    return dict(flat(_of_file(name).model_dump(mode="json", by_alias=True)))


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


def settings_that_differ(stacks: Mapping[str, Mapping[str, str]]) -> list[tuple[str, list[str]]]:
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
