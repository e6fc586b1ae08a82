"""The stacks' files: which there are, and what each says."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from components import settings
from tools.failures import Failure

ROOT = Path(__file__).resolve().parent.parent
STATE = ROOT / ".state"
PROJECT = "journal"


def names() -> list[str]:
    """The stacks that the project has, by their files."""
    return sorted(path.name.split(".")[1] for path in ROOT.glob("Pulumi.*.yaml"))


class StackError(Failure):
    """A stack's file is missing or no stack file."""


def read(stack: str) -> dict[str, Any]:
    """The `config` of a stack's file. Raises StackError."""
    path = ROOT / f"Pulumi.{stack}.yaml"
    try:
        document = yaml.safe_load(path.read_text())
    except FileNotFoundError:
        raise StackError(
            f"There is no stack {stack!r}: {path.name} is missing. Stacks here: {', '.join(names())}."
        ) from None
    except yaml.YAMLError as error:
        raise StackError(f"{path.name} is no YAML: {error}") from None
    config = document.get("config") if isinstance(document, dict) else None
    if not isinstance(config, dict):
        raise StackError(f"{path.name} has no `config:` with the stack's settings.")
    return config


def checked(config: Mapping[str, Any]) -> settings.Settings | settings.SharedSettings:
    """The settings in a stack's config. Raises SettingsError."""
    prefix = f"{PROJECT}:"
    ours = {key.removeprefix(prefix): value for key, value in config.items() if key.startswith(prefix)}
    return settings.parse(ours, PROJECT)


def config_of(stack: str) -> dict[str, Any]:
    """A stack's config, checked whole. Raises StackError and SettingsError."""
    config = read(stack)
    checked(config)
    return config
