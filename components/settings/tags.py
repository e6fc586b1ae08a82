"""Tags of AWS resources: what AWS takes, beside those that the program sets."""

from collections.abc import Mapping

OURS = ("Project", "Environment", "ManagedBy", "Name")
"""Tags that the program sets. IAM tells keys apart without their case, so no other spelling may stand beside them."""
RESERVED = ("aws:", "eks:", "kubernetes.io/", "k8s.io/", "ebs.csi.aws.com/")
"""Prefixes of tags that AWS keeps for itself, and by which EKS and its add-ons find what is theirs."""
MOST = 40
"""AWS takes 50 tags of a resource (Tagging guide, Tag naming limits); the other ten are ours and EKS's."""
LONGEST_KEY, LONGEST_VALUE = 128, 256
PUNCTUATION = frozenset(" _.:/=+-@")


def refuse(tags: Mapping[str, str]) -> None:
    """Raises ValueError for the first tag that AWS would refuse on some resource; the message names it."""
    if len(tags) > MOST:
        raise ValueError(
            f"are {len(tags)} tags; AWS takes 50 of a resource, and ours are among them; name up to {MOST}"
        )
    spelt: dict[str, str] = {}
    for key, value in tags.items():
        if ours := next((name for name in OURS if name.lower() == key.lower()), None):
            raise ValueError(f"tag {key!r} is the program's own {ours}; name another one")
        if reserved := next((prefix for prefix in RESERVED if key.lower().startswith(prefix)), None):
            raise ValueError(f"tag {key!r} begins with {reserved}, which is reserved; name another one")
        if (other := spelt.setdefault(key.lower(), key)) != key:
            raise ValueError(f"tags {other!r} and {key!r} differ in their case alone, which IAM does not see; keep one")
        _refuse_text(key, "key", key, LONGEST_KEY)
        _refuse_text(value, "value", key, LONGEST_VALUE)


def _refuse_text(text: str, what: str, key: str, longest: int) -> None:
    if text == "" or text != text.strip():
        raise ValueError(f"tag {key!r}: its {what} is empty or has spaces around it; write one without")
    if len(text) > longest:
        raise ValueError(f"tag {key[:40]!r}: its {what} has {len(text)} characters; AWS takes {longest}")
    if strange := next((c for c in text if not c.isalnum() and c not in PUNCTUATION), None):
        raise ValueError(f"tag {key!r}: its {what} has {strange!r}; write letters, digits, spaces and _ . : / = + - @")
