"""Images: which, and where from."""

import re
from collections.abc import Iterator

from components.versions import BUILT_HERE, REGISTRIES
from policy.rules.model import Message, Rule
from policy.rules.pods import TEMPLATES, containers
from tools.resource import Resource

LOCAL = "local"
IMAGE = re.compile(r"(?P<name>[^@]+?)(?::(?P<tag>[\w][\w.-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?")
RELEASE = "kubernetes:helm.sh/v3:Release"
CHARTS = ("oci://quay.io/jetstack/charts/",)


def _pinned(r: Resource) -> Iterator[Message]:
    for image in _images(r):
        parts = IMAGE.fullmatch(image)
        if parts is None or (parts["tag"] is None and parts["digest"] is None):
            yield f"image {image} has no tag: name a version, or a digest"
        elif parts["tag"] == "latest" and parts["digest"] is None:
            yield f"image {image} is whatever comes last: name a version, or a digest"


def _trusted(r: Resource) -> Iterator[Message]:
    allowed = "|".join([*REGISTRIES, *([BUILT_HERE] if r.stack == LOCAL else [])])
    for image in _images(r):
        if not re.match(allowed, image):
            yield f"image {image} is from a registry that is not trusted here: copy it to ECR (components/versions.py)"


def _images(r: Resource) -> Iterator[str]:
    return (c["image"] for c in containers(r) if isinstance(c.get("image"), str))


def _chart(r: Resource) -> Iterator[Message]:
    chart, version = r.inputs.get("chart"), r.inputs.get("version")
    if not isinstance(chart, str):
        return
    if "://" in chart and not chart.startswith(CHARTS):
        yield f"chart {chart} is from a registry that is not trusted here: add it to policy/rules/images.py"
    if "://" in chart and not version:
        yield f"chart {chart} is whatever comes last: set version"


RULES = [
    Rule(name="image-pinned", description="Images name a version.", types=[*TEMPLATES], check=_pinned),
    Rule(
        name="image-registry",
        description="Images come from registries that are trusted.",
        types=[*TEMPLATES],
        check=_trusted,
    ),
    Rule(
        name="chart-pinned",
        description="Charts name a version, and come from registries that are trusted.",
        types=[RELEASE],
        check=_chart,
    ),
]
