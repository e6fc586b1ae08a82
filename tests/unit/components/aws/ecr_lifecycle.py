"""How ECR evaluates a lifecycle policy (ECR guide, Lifecycle policies, Lifecycle policy evaluation rules)."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Any


@dataclass(frozen=True)
class Manifest:
    """What ECR counts as one image: an image, an attestation, or an index over such (children: their digests)."""

    digest: str
    pushed: timedelta
    tags: frozenset[str] = frozenset()
    children: tuple[str, ...] = ()


def evaluate(policy: str, repository: Iterable[Manifest], now: timedelta) -> list[Manifest]:
    """What is left of a repository when nothing more expires.

    Rules go by priority. What a rule selects by its tags is out of reach of later rules, but they count it. The oldest
    expire first. What an index refers to stays for as long as the index does.
    """
    left, before = sorted(repository, key=lambda m: m.pushed), -1
    while len(left) != before:
        before = len(left)
        expired = _expired(json.loads(policy)["rules"], left, now)
        held = {child for manifest in left if manifest.digest not in expired for child in manifest.children}
        left = [m for m in left if m.digest not in expired or m.digest in held]
    return left


def _expired(rules: Sequence[dict[str, Any]], manifests: Sequence[Manifest], now: timedelta) -> set[str]:
    claimed: set[str] = set()
    expired: set[str] = set()
    for rule in sorted(rules, key=lambda rule: rule["rulePriority"]):
        selection = rule["selection"]
        selected = [m for m in manifests if _selects(selection, m)]
        number = selection["countNumber"]
        match selection["countType"]:
            case "imageCountMoreThan":
                due = selected[: max(0, len(selected) - number)]
            case "sinceImagePushed":
                due = [m for m in selected if now - m.pushed > timedelta(days=number)]
            case other:
                raise ValueError(other)
        expired |= {m.digest for m in due} - claimed
        claimed |= {m.digest for m in selected}
    return expired


def _selects(selection: dict[str, Any], manifest: Manifest) -> bool:
    """Each pattern must fit one of the tags."""
    match selection["tagStatus"]:
        case "any":
            return True
        case "untagged":
            return not manifest.tags
    patterns = selection["tagPatternList"]
    return bool(manifest.tags) and all(any(fnmatchcase(tag, p) for tag in manifest.tags) for p in patterns)


def build(number: int, pushed: timedelta) -> list[Manifest]:
    """What one push of BuildKit makes: an image, its attestation, and an index over both that alone has the tag."""
    image, attestation = f"image-{number}", f"attestation-{number}"
    index = Manifest(f"index-{number}", pushed, frozenset({f"v1.0.0-{number:08x}"}), (image, attestation))
    return [Manifest(image, pushed), Manifest(attestation, pushed), index]


def move_tag(repository: Iterable[Manifest], tag: str, digest: str) -> list[Manifest]:
    """The repository after a tag that may move was put on a manifest."""
    return [replace(m, tags=m.tags | {tag} if m.digest == digest else m.tags - {tag}) for m in repository]
