"""How a stack's file is read where Pulumi's engine does not read it: as strictly as the engine does."""

import re
from collections.abc import Hashable, Mapping
from copy import deepcopy
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml


class FileError(Exception):
    """A stack's file can't be read. The message names the file, what is wrong, and what to do."""


class _Loader(yaml.SafeLoader):
    """YAML as the engine's own reader takes it: no key twice, and numbers as in YAML 1.2."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (AttributeError, KeyError, ValueError):  # what PyYAML's constructors of plain values raise
            kind, line = node.tag.rpartition(":")[2], node.start_mark.line + 1
            text = repr(node.value) if len(node.value) <= 40 else f"{node.value[:37]!r}..."
            raise FileError(f"line {line}: {text} is no {kind} to YAML; put it in quotes") from None

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        first: dict[Hashable, int] = {}
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue
            key, line = self.construct_object(key_node, deep=True), key_node.start_mark.line + 1
            if not isinstance(key, str):
                raise FileError(f"line {line}: the key {key!r} is no text to YAML; put it in quotes")
            if key in first:
                raise FileError(f"line {line}: {key} is there already, in line {first[key]}; keep one of them")
            first[key] = line
        return super().construct_mapping(node, deep)


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z", re.ASCII),
    list("-+.0123456789"),
)
"""What the engine's reader takes for a number beside integers: 1e3, and 012345678901 (go-yaml, resolve.go)."""


@lru_cache(maxsize=16)
def _parsed(text: str) -> Any:
    """A command reads the same few files again and again, and parsing takes longer than all else that it does then."""
    return yaml.load(text, _Loader)  # noqa: S506 (a SafeLoader)


def read(path: Path, namespace: str) -> dict[str, Any]:
    """The `config` of a stack's file, by full keys. Raises FileError, and FileNotFoundError where there is none.

    namespace: the project's, which the engine adds to keys that have none.
    """
    try:
        document = deepcopy(_parsed(path.read_text(encoding="utf-8-sig")))
    except UnicodeDecodeError:
        raise FileError(f"{path.name} is not UTF-8; save it as UTF-8, as other tools read it.") from None
    except yaml.YAMLError as error:
        raise FileError(f"{path.name} is no YAML: {error}") from None
    except FileError as error:
        raise FileError(f"{path.name}, {error}.") from None
    except RecursionError:
        raise FileError(f"{path.name} is nested too deep; no setting has more than a few levels.") from None
    except FileNotFoundError:
        raise
    except OSError as error:
        raise FileError(f"{path.name} can't be read: {error.strerror}.") from None
    config = document.get("config") if isinstance(document, dict) else None
    if not isinstance(config, dict):
        raise FileError(f"{path.name} has no `config:` with the stack's settings.")
    if twice := [key for key in config if ":" not in key and f"{namespace}:{key}" in config]:
        raise FileError(f"{path.name}: {twice[0]} and {namespace}:{twice[0]} are one key; keep one of them.")
    return {key if ":" in key else f"{namespace}:{key}": value for key, value in config.items()}


def own(config: Mapping[str, Any], namespace: str) -> dict[str, Any]:
    """The keys of one project, without their namespace."""
    return {key.partition(":")[2]: value for key, value in config.items() if key.startswith(f"{namespace}:")}
