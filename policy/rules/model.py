"""What a rule is, and how it reads a resource. Pulumi's engine (policy/pack.py) and tests ask the same rules."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from tools.resource import UNKNOWN, Resource

Enforcement = Literal["mandatory", "advisory"]
Message = str
"""What is wrong, and what to do."""
PRODUCTION = "prod"
ACCOUNT_WIDE = "shared"
"""The stack that holds what all environments share."""


@dataclass(frozen=True)
class Stack:
    """All resources of a stack."""

    resources: Sequence[Resource]

    def of(self, *types: str) -> Iterator[Resource]:
        return (r for r in self.resources if r.type in types)

    @property
    def in_aws(self) -> bool:
        return any(r.package == "aws" for r in self.resources)


@dataclass(frozen=True)
class Violation:
    """What is wrong with one resource, or with the stack where no resource is to blame."""

    resource: Resource | None
    message: Message


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A rule about one resource. types: the tokens it is asked about; one that ends in `:` is a prefix."""

    name: str
    description: str
    types: Sequence[str]
    check: Callable[[Resource], Iterable[Message]] = field(repr=False)
    enforcement: Enforcement = "mandatory"

    def about(self, type_: str) -> bool:
        return any(type_ == t or (t.endswith(":") and type_.startswith(t)) for t in self.types)


@dataclass(frozen=True, kw_only=True)
class StackRule:
    """A rule about resources together."""

    name: str
    description: str
    check: Callable[[Stack], Iterable[Violation]] = field(repr=False)
    enforcement: Enforcement = "mandatory"


def at(value: Any, *path: str | int) -> Any:
    """What stands at a path; None when nothing does, UNKNOWN below what is unknown."""
    for key in path:
        if value is UNKNOWN:
            return UNKNOWN
        if isinstance(value, Mapping):
            value = value.get(key)
        elif isinstance(value, list | tuple) and isinstance(key, int) and -len(value) <= key < len(value):
            value = value[key]
        else:
            return None
    return value


def elements(value: Any) -> list[Any]:
    """The elements of a list that are known; none where there is no list."""
    return [e for e in value if e is not UNKNOWN] if isinstance(value, list | tuple) else []


def is_(value: Any, wanted: Any) -> bool:
    """Whether a value is what is wanted, or may yet turn out to be."""
    return value is UNKNOWN or (value == wanted and isinstance(value, bool) == isinstance(wanted, bool))


def given(value: Any) -> bool:
    """Whether a value is there, or may yet turn out to be."""
    return value is UNKNOWN or known(value)


def known(value: Any) -> bool:
    """Whether a value is there, and known."""
    return value is not UNKNOWN and value not in (None, "", [], {})


def unknown_in(values: Any) -> bool:
    """Whether a list, or an element of it, is not known yet."""
    return values is UNKNOWN or (isinstance(values, list | tuple) and any(v is UNKNOWN for v in values))


def among(value: Any, values: Any) -> bool:
    """Whether a value is one of some, or may yet turn out to be."""
    return value is UNKNOWN or UNKNOWN in values or value in values


def refers(value: Any, resource: Resource, *names: str) -> bool:
    """Whether a value is the id of a resource, or its physical name under one of these inputs, or may turn out so."""
    own = [resource.id, *(resource.inputs.get(name) for name in names)]
    return among(value, own)


def uncovered(stack: Stack, type_: str, companions: Iterable[Resource], name: str) -> Iterator[Resource]:
    """The resources of a type that no companion refers to by its input `name`, their own physical name's too."""
    referred = [companion.inputs.get(name) for companion in companions]
    return (r for r in stack.of(type_) if not any(refers(value, r, name) for value in referred))


def require(resource: Resource, wanted: Mapping[str, Any], why: str) -> Iterator[Message]:
    """One message for each path, keys joined by dots, whose value is another one."""
    for path, value in wanted.items():
        found = at(resource.inputs, *path.split("."))
        if not is_(found, value):
            yield f"{path} is {_shown(found)}; {why}: set it to {_shown(value)}"


def _shown(value: Any) -> str:
    return "not set" if value is None else str(value).lower() if isinstance(value, bool) else repr(value)
