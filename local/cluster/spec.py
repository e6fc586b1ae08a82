"""What the supervisor is told to run, as plain data that survives JSON."""

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

    needs: components that must be ready before it is started the first time.
    follows: it is stopped when one of its needs dies, and started again when that is ready.
    once: it runs to its end, and is ready when that end was a success.
    probe: without one it is ready as soon as it runs.
    """

    name: str
    command: list[str]
    needs: tuple[str, ...] = ()
    probe: Probe | None = None
    follows: bool = False
    once: bool = False


@dataclass(frozen=True)
class NodeSpec:
    """One node. files: name within the run folder to content; cni: plugin name to program; folders: by name."""

    digest: str
    components: list[Component]
    files: dict[str, str]
    cni: dict[str, str]
    folders: dict[str, str]

    def folder(self, name: str) -> Path:
        return Path(self.folders[name])

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self), indent=1))

    @classmethod
    def read(cls, path: Path) -> "NodeSpec":
        """Raises OSError and ValueError."""
        data: dict[str, Any] = json.loads(path.read_text())
        return cls(components=[_component(**c) for c in data.pop("components")], **data)


def _component(*, needs: list[str], probe: dict[str, str] | None, **others: Any) -> Component:
    return Component(needs=tuple(needs), probe=Probe(**probe) if probe else None, **others)
