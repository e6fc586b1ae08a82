"""The description of a node that the supervisor runs. It is passed as a JSON file."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Probe:
    """A component is ready when a Unix socket accepts, or an HTTPS address answers 200.

    ca, certificate: names of files in the PKI folder, without suffix.
    """

    unix: str = ""
    https: str = ""
    ca: str = ""
    certificate: str = ""


@dataclass(frozen=True)
class Component:
    """A program that the supervisor keeps running.

    requires: the components that must be ready before it is started.
    follows: whether it is stopped when a component that it requires dies, and started again when that one is ready.
    once: whether it runs to its end; it is ready when it ended with status 0.
    probe: how to ask whether it is ready; without a probe it is ready as soon as it runs.
    """

    name: str
    command: list[str]
    requires: tuple[str, ...] = ()
    probe: Probe | None = None
    follows: bool = False
    once: bool = False


@dataclass(frozen=True)
class NodeSpec:
    """One node.

    digest: changes with everything that asks for a restart of the node.
    interface, address, gateway: its end of the link to the host; the address with its prefix length.
    files: name within the run folder to content.
    cni: name of a CNI plugin to its program.
    folders: the paths of `pki`, `logs`, `run` and `kubelet`.
    temporary: folders to make on the node's own tmpfs, /run, each after its parent.
    """

    digest: str
    name: str
    interface: str
    address: str
    gateway: str
    components: list[Component]
    files: dict[str, str]
    cni: dict[str, str]
    folders: dict[str, str]
    temporary: list[str]

    def folder(self, name: str) -> Path:
        return Path(self.folders[name])

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self), indent=1))

    @classmethod
    def read(cls, path: Path) -> "NodeSpec":
        """Raises OSError and ValueError."""
        data: dict[str, Any] = json.loads(path.read_text())
        return cls(components=[_component(**c) for c in data.pop("components")], **data)


def _component(*, requires: list[str], probe: dict[str, str] | None, **others: Any) -> Component:
    return Component(requires=tuple(requires), probe=Probe(**probe) if probe else None, **others)
