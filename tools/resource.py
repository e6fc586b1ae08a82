"""One resource of a stack, as its program declares it: what the recorder, the tools and the policy rules speak of.

Tests, tools and rules get it from a recording (`tools.recording`), rules under Pulumi's own engine from the policy pack
(`policy.pack`). This module loads nothing of Pulumi's SDK.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

MASK = "[secret]"
InputPath = tuple[str | int, ...]
"""Where a value stands in a resource's inputs: keys, and indices of lists."""


class _Unknown:
    """The class of `UNKNOWN`."""

    def __repr__(self) -> str:
        return "[computed]"


UNKNOWN = _Unknown()
"""A value that a preview cannot know, since only the update will compute it."""


@dataclass(frozen=True)
class Resource:
    """A resource with its inputs and options.

    type: a token like `aws:eks/cluster:Cluster`. name: the logical name.
    inputs: plain values under the provider's own keys (camelCase); UNKNOWN where a preview cannot know the value.
    id: what the provider calls the resource; UNKNOWN until it is created, empty for a component.
    secrets: the paths of those inputs that are secret.
    parent: a URN, empty for the stack itself. dependencies: URNs; for a component, those of its children.
    property_dependencies: URNs by input, of the resources that the input's value comes from.
    provider: the provider resource; None for a component and where Pulumi would take its default provider.
    custom: False for a component. additional_secret_outputs: names of outputs that are secret whatever they are.
    aliases: URNs that the resource had before.
    is_read: whether the program reads the resource (`Resource.get`, StackReference) and does not declare it.
    timeouts: how long `create`, `update` and `delete` may take, "30m", where the program says so.
    import_id: the id of what Pulumi adopts if it is not in the state, from the option `import_`; mostly empty.
    source: `file:line` of the declaration.
    """

    urn: str
    type: str
    name: str
    inputs: dict[str, Any]
    id: Any = UNKNOWN
    secrets: frozenset[InputPath] = frozenset()
    parent: str = ""
    dependencies: tuple[str, ...] = ()
    property_dependencies: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    provider: "Resource | None" = None
    custom: bool = True
    protect: bool = False
    retain_on_delete: bool = False
    delete_before_replace: bool = False
    ignore_changes: tuple[str, ...] = ()
    additional_secret_outputs: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    is_read: bool = False
    timeouts: Mapping[str, str] = field(default_factory=dict)
    import_id: str = ""
    source: str = ""

    def __getitem__(self, key: str) -> Any:
        return self.inputs[key]

    @property
    def kind(self) -> str:
        """The last part of the type: `StatefulSet` of `kubernetes:apps/v1:StatefulSet`; `Provider` of any provider."""
        return "Provider" if self.type.startswith("pulumi:providers:") else self.type.rsplit(":", 1)[-1]

    @property
    def package(self) -> str:
        """`aws`, `kubernetes`, `random`, `pulumi`, or a component's own."""
        return self.type.split(":", 1)[0]

    @property
    def stack(self) -> str:
        """The stack's name, from the URN."""
        return self.urn.split("::", 1)[0].rpartition(":")[2]

    @property
    def label(self) -> str:
        """How messages name the resource."""
        return f"{self.kind} {self.name}"


def masked(value: Any, secrets: Iterable[InputPath]) -> Any:
    """The value with MASK at each of these paths; a mapping there keeps its keys."""
    return _masked(value, frozenset(secrets), ())


def _masked(value: Any, secrets: frozenset[InputPath], path: InputPath) -> Any:
    if path in secrets:
        return dict.fromkeys(value, MASK) if isinstance(value, Mapping) else MASK
    if isinstance(value, Mapping):
        return {key: _masked(part, secrets, (*path, key)) for key, part in value.items()}
    return [_masked(part, secrets, (*path, i)) for i, part in enumerate(value)] if isinstance(value, list) else value
