"""What this machine alone knows of stack `local`, laid over its file: the cluster, the chart, the images built here."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.settings import Settings
from local.images.catalog import OPTIONAL
from tools.stack import PROJECT, checked, read

HASHED = re.compile(r"-[0-9a-f]{8}$")
"""The end of a tag of an image that was built here: it names that one, whatever the checkout makes now."""


def built_here(config: Mapping[str, Any], tier: str) -> bool:
    """Whether a stack's file leaves the image of a tier to this checkout: one of `localhost/` whose tag has no hash."""
    settings_of_tier = config.get(f"{PROJECT}:{OPTIONAL.get(tier, tier)}")
    image = str(settings_of_tier.get("image", "")) if isinstance(settings_of_tier, dict) else ""
    return image.startswith("localhost/") and HASHED.search(image) is None


def effective(
    stack: str,
    images: Mapping[str, str],
    *,
    kubeconfig: Path | None = None,
    context: str | None = None,
    chart: Path | None = None,
    own_cluster: bool = False,
    gateway_crds: Path | None = None,
    workflow_crds: Path | None = None,
) -> dict[str, Any]:
    """A stack's config with what this machine knows in it, checked whole. Raises StackError and SettingsError.

    images: references by tier, for those that are built here. chart: the folder of cert-manager's Helm chart.
    own_cluster: whether the cluster is built here too; it has a metrics-server where a tier has an autoscaler.
    gateway_crds: the folder of the Gateway API's definitions, where the stack uses them. workflow_crds: that of Argo's.
    """
    config = read(stack)
    settings = checked(config, stack)
    images = {OPTIONAL.get(tier, tier): image for tier, image in images.items()}
    cluster = {"kubeconfig": kubeconfig, "context": context}
    changes: dict[str, dict[str, Any]] = {
        tier: {"image": image} for tier, image in images.items() if built_here(config, tier)
    }
    changes["cluster"] = {name: str(value) for name, value in cluster.items() if value is not None}
    if own_cluster and isinstance(settings, Settings) and settings.autoscales:
        changes["cluster"]["metricsServer"] = True
    if chart is not None and config.get(f"{PROJECT}:certificates"):
        changes["certificates"] = {"chart": str(chart)}
    if gateway_crds is not None:
        changes["ingress"] = {"gatewayCrds": str(gateway_crds)}
    if workflow_crds is not None:
        changes["workflows"] = {"crds": str(workflow_crds)}
    for section, values in changes.items():
        if values:
            config[f"{PROJECT}:{section}"] = {**(config.get(f"{PROJECT}:{section}") or {}), **values}
    checked(config, stack)
    return config
