"""Labels and taints of nodes: what Kubernetes and EKS take."""

import re

PART = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
"""A name or a value (kubernetes.io, Labels and Selectors, Syntax and character set)."""
PREFIX = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
LONGEST = 63
"""EKS takes no longer key, its prefix included, though Kubernetes would (EKS API reference, UpdateLabelsPayload)."""
RESERVED = ("kubernetes.io", "k8s.io", "eks.amazonaws.com")
"""Prefixes that EKS refuses in node groups, their subdomains too (aws/containers-roadmap #1451)."""


def refuse_key(key: str, own: str, what: str) -> None:
    """Raises ValueError for a key that no label or taint may have. own: the label that the program itself sets."""
    prefix, slash, name = key.rpartition("/")
    if not PART.fullmatch(name) or (slash and not PREFIX.fullmatch(prefix)):
        raise ValueError(
            f"{what} {key!r} is no key; write letters, digits, dashes, dots and underscores, like team or "
            "example.com/team"
        )
    if len(key) > LONGEST:
        raise ValueError(f"{what} {key!r} has {len(key)} characters, EKS takes {LONGEST}; shorten it")
    if any(prefix == reserved or prefix.endswith(f".{reserved}") for reserved in RESERVED):
        raise ValueError(f"{what} {key!r} has the prefix {prefix}, which EKS keeps for itself; name another one")
    if key == own:
        raise ValueError(f"{what} {key!r} is set to the group's name; name another one")


def refuse_value(value: str, key: str, what: str, *, may_be_empty: bool) -> None:
    """Raises ValueError for a value that no label or taint may have."""
    if value == "" and may_be_empty:
        return
    if not PART.fullmatch(value):
        raise ValueError(
            f"{what} {key}: {value!r} is no value; write 1 to {LONGEST} letters, digits, dashes, dots and underscores"
        )
