"""What this machine alone knows of stack `local`, laid over its file: the cluster, the chart, the images built here."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.stack import PROJECT, checked, read


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
