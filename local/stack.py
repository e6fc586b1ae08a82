"""A stack's configuration as the engines get it: `Pulumi.<stack>.yaml` with what this machine alone knows on top."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from components import settings

ROOT = Path(__file__).resolve().parent.parent
STATE = ROOT / ".state"
PROJECT = "journal"


def names() -> list[str]:
    """The stacks that the project has, by their files."""
    return sorted(path.name.split(".")[1] for path in ROOT.glob("Pulumi.*.yaml"))


class StackError(Exception):
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


@dataclass(frozen=True)
class Overrides:
    """What this machine knows of stack `local`: the cluster, the chart's folder, and the images it built."""

    kubeconfig: Path | None = None
    context: str | None = None
    chart: Path | None = None
    images: dict[str, str] | None = None


def built_here(config: dict[str, Any], tier: str) -> bool:
    """Whether a stack's file leaves the image of a tier to this machine: under `localhost/` there is no registry."""
    settings_of_tier = config.get(f"{PROJECT}:{tier}")
    return isinstance(settings_of_tier, dict) and str(settings_of_tier.get("image", "")).startswith("localhost/")


def effective(stack: str, overrides: Overrides) -> dict[str, Any]:
    """A stack's config with the overrides in it, checked whole. Raises StackError and SettingsError."""
    config = read(stack)
    merged = dict(config)
    cluster = dict(config.get(f"{PROJECT}:cluster") or {})
    if overrides.kubeconfig is not None:
        cluster["kubeconfig"] = str(overrides.kubeconfig)
    if overrides.context is not None:
        cluster["context"] = overrides.context
    if cluster:
        merged[f"{PROJECT}:cluster"] = cluster
    if overrides.chart is not None:
        certificates = config.get(f"{PROJECT}:certificates")
        if isinstance(certificates, dict):
            merged[f"{PROJECT}:certificates"] = {**certificates, "chart": str(overrides.chart)}
    for tier, image in (overrides.images or {}).items():
        if built_here(config, tier):
            merged[f"{PROJECT}:{tier}"] = {**config[f"{PROJECT}:{tier}"], "image": image}
    checked(merged)
    return merged


def checked(config: Mapping[str, Any]) -> settings.Settings | settings.SharedSettings:
    """The settings in a stack's config. Raises SettingsError."""
    prefix = f"{PROJECT}:"
    ours = {key.removeprefix(prefix): value for key, value in config.items() if key.startswith(prefix)}
    return settings.parse(ours, PROJECT)


def write(stack: str, config: dict[str, Any]) -> Path:
    """Keep the effective configuration where Pulumi's own engine reads it."""
    STATE.mkdir(exist_ok=True)
    path = STATE / f"Pulumi.{stack}.yaml"
    text = "# Written by `make up`; edit the file in the project's root instead.\n" + yaml.safe_dump({"config": config})
    temporary = path.with_suffix(".tmp")
    temporary.write_text(text)
    temporary.replace(path)
    return path
